"""demo, new, migrate: the first and the rarest commands."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.options import SiteOption

if TYPE_CHECKING:
    from newsletter.pipeline.site import Site


def register(app: typer.Typer) -> None:
    for command in (demo, new, migrate):
        app.command()(command)


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to make it.")] = Path("demo"),
) -> None:
    """Make a complete site on sample posts, sent to files.

    The main job, end to end: collected, assembled, rendered, approved, and sent into a folder of .eml files. The next
    issue is drafted, for `newsletter preview`.

    Example: newsletter demo
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.newsite import DEMO_ISSUE_DIGEST, demo_occurrence, make_demo

    make_demo(folder, now=clock.now())
    with open_site(folder) as opened:
        _refuse_to_mail_anybody(opened)
        made = opened.store.issues.list(digest=DEMO_ISSUE_DIGEST)
        wall = demo_occurrence(opened.settings, folder)
        issue = made[-1].id if made else opened.issue_at(DEMO_ISSUE_DIGEST, wall)[0]
        if not made:
            _walk_through(opened, issue)
        _say_what_is_there(opened, folder, issue)


def _refuse_to_mail_anybody(opened: Site) -> None:
    from newsletter.errors import NotPossible

    if opened.settings.provider.name != "outbox":
        raise NotPossible(
            f"the demo mails into files only, and the provider is set to {opened.settings.provider.name}",
            fix="take NEWSLETTER_PROVIDER__NAME out of the environment, or make a site with `newsletter new DIR`",
        )


def _walk_through(opened: Site, issue: str) -> None:
    """The main job, stage by stage, and the draft of the next issue."""
    from newsletter import clock
    from newsletter.newsite import DEMO_SUBSCRIBERS
    from newsletter.pipeline.approve import approve
    from newsletter.pipeline.build import build
    from newsletter.pipeline.send import send

    now = clock.now()
    for address, name in DEMO_SUBSCRIBERS:
        opened.roster.add(address, name=name, consent="made up for the demo", now=now)
    named = opened.split(issue)
    built = build(opened, named.digest, on=named.day.isoformat(), now=now)
    output.warn(built.warnings)
    typer.echo(f"collected and assembled: {len(built.posts)} posts in {issue}")
    approved = approve(opened, issue, now=now)
    typer.echo(f"rendered and approved: for {approved.recipients} subscribers")
    sent = send(opened, issue, now=now)
    typer.echo(f"sent: {sent.counts.sent} of {sent.counts.recipients}")
    draft = build(opened, named.digest, on=None, now=now)
    typer.echo(f"drafted the next one: {len(draft.posts)} posts in {draft.issue}, for you to shape")


def _say_what_is_there(opened: Site, folder: Path, issue: str) -> None:
    from newsletter.pipeline.status import standing

    one = standing(opened, issue)
    typer.echo(f"\n{folder}/ is a complete site; {issue} is {one.state.value} ({one.counts.sent} mails)")
    typer.echo(f"  the mails, one a subscriber:  {folder}/outbox/{issue}/*.eml")
    typer.echo(f"  the email as a page:          {folder}/issues/{issue}/email.html (pictures: newsletter serve)")
    typer.echo(f"  the posts it was made of:     {folder}/posts/")
    typer.echo("\nnext:")
    if not shutil.which("newsletter"):
        typer.echo(f"  . {Path(sys.executable).parent}/activate     (the command is installed there)")
    typer.echo(f"  cd {folder}")
    typer.echo("  newsletter preview           the next issue on a page: see it, shape it, test it, approve it")
    typer.echo("  newsletter status            where each issue stands")
    typer.echo("  newsletter posts             which post went where, and why")
    typer.echo("  newsletter serve             the web version, its pictures, and the page for leaving")


def new(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]) -> None:
    """Make an empty site: settings and one post, a draft.

    Example: newsletter new my-site
    """
    from newsletter import clock
    from newsletter.newsite import make_site

    make_site(folder, now=clock.now())
    typer.echo(f"made {folder}/newsletter.toml and {folder}/posts/welcome.md (a draft)")
    output.say(f"write your sender into {folder}/newsletter.toml, put posts into {folder}/posts/,")
    output.say(f"then: cd {folder}, `newsletter subscribers add ADDRESS`, and `newsletter build`")


def migrate(site: SiteOption = None) -> None:
    """Bring the database to this version of the program.

    Example: newsletter migrate
    """
    from newsletter.settings_file import find_site, load
    from newsletter.store.engine import open_engine
    from newsletter.store.migrate import migrate as migrate_engine

    settings = load(find_site(site or Path.cwd()))
    engine = open_engine(settings.database.url, folder=settings.folder)
    changed = migrate_engine(engine)
    engine.dispose()
    typer.echo("the database was brought to this version" if changed else "the database is of this version already")
