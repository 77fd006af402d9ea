"""posts, and import posts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.groups import Group
from newsletter.cli.options import JsonOption, SiteOption

if TYPE_CHECKING:
    from newsletter.models import LeftOut, PostProblem

import_app = typer.Typer(cls=Group, no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    app.command()(posts)
    import_app.command("posts")(import_posts)
    app.add_typer(import_app, name="import")


@import_app.callback()
def _import() -> None:
    """Turn pages, feeds and documents into post files.

    Example: newsletter import posts news-page.txt feed.xml
    """


def posts(
    strict: Annotated[bool, typer.Option("--strict", help="Fail when a file cannot be read as a post.")] = False,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Show the posts, and which issue each went into.

    Or why it is in none.

    Example: newsletter posts --strict
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.pipeline.eligible import listing

    with open_site(site) as opened:
        found = listing(opened, strict=strict, now=clock.now())
        zone = opened.settings.site.zone
        warn_of_problems(found.problems, opened.settings.posts.folder)
        for page in found.passed_over:
            output.say(f"not a post: {page.path}: {page.reason}")
        if json:
            facts = [{**one._asdict(), "published_at": output.iso(one.published_at, zone)} for one in found.posts]
            output.as_json([{key: value for key, value in fact.items() if key != "notes"} for fact in facts])
            return
        rows = [
            (
                one.id,
                f"{one.published_at.astimezone(zone):%Y-%m-%d %H:%M}",
                one.title,
                ", ".join(one.issues) or one.reason or "next issue",
            )
            for one in found.posts
        ]
        output.table(("post", "published", "title", "where"), rows, cut={"post": 2, "title": 3})
        for one in found.posts:
            for note in one.notes:
                output.say(f"{one.path}: {note}")
        counts = output.counted(len(found.posts), "post"), output.counted(len(found.problems), "file")
        output.say(f"{counts[0]}, {counts[1]} left out")


def warn_of_problems(problems: tuple[PostProblem, ...], folder: str) -> None:
    output.warn(f"{folder}/{problem.where} is left out: {problem.reason}" for problem in problems)


def import_posts(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Text page dumps, feeds (RSS, Atom, JSON), .html, .docx.")
    ],
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the post files go (default: the site's posts folder).")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep a page's closing block in the last post instead of cutting it.")
    ] = False,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Turn pages, feeds and documents into post files.

    Run again, it adds only what is new, and what you deleted does not come back.

    Example: newsletter import posts news-page.txt feed.xml
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.pipeline.collect import import_files

    with open_site(site) as opened:
        report = import_files(opened, files, into=into, keep_closing=keep, now=clock.now())
        if json:
            left_out = [{"what": one.id, "reason": one.reason} for one in report.left_out]
            output.as_json({"added": list(report.added), "unchanged": report.unchanged, "left_out": left_out})
            return
        for path in report.added:
            typer.echo(f"added {path}")
        _say_left_out(report.left_out)
        output.say(f"{len(report.added)} added, {report.unchanged} there already, {len(report.left_out)} left out")


def _say_left_out(left_out: tuple[LeftOut, ...]) -> None:
    for one in left_out:
        output.say(f"left out {one.id}: {one.reason}")
