"""theme: parts, eject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.groups import Group
from newsletter.cli.options import JsonOption, SiteOption

if TYPE_CHECKING:
    from newsletter.emails.eject import Part
    from newsletter.settings import Settings

ThemeOption = Annotated[
    str | None, typer.Option("--theme", metavar="NAME", help="Default: the one that the digests have.")
]


def register(app: typer.Typer) -> None:
    words = "What mails and pages are made of, and how to change it."
    theme = typer.Typer(cls=Group, no_args_is_help=True, help=words)
    theme.command()(parts)
    theme.command()(eject)
    app.add_typer(theme, name="theme")


def parts(theme: ThemeOption = None, site: SiteOption = None, json: JsonOption = False) -> None:
    """List the files that a theme is made of, and which of them are yours.

    Example: newsletter theme parts
    """
    from newsletter.emails import eject as ejecting

    settings = _settings(site)
    name = _theme(settings, theme)
    found = ejecting.parts(settings, name)
    if json:
        output.as_json([{**_facts(one), "is_yours": one.is_ejected} for one in found])
        return
    rows = ((one.name, f"templates/{one.target}" if one.is_ejected else f"packaged ({one.source})") for one in found)
    output.table(("part", "used now"), rows)


def eject(
    part: Annotated[str, typer.Argument(metavar="PART", help="For example parts/post.mjml.j2, or words.")],
    theme: ThemeOption = None,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Copy a packaged part into templates/, to change it.

    From then on your copy is used. A part that the theme takes from the default theme is copied into the theme's own
    folder, so that other themes stay as they are.

    Example: newsletter theme eject parts/footer.mjml.j2
    """
    from newsletter.emails import eject as ejecting

    settings = _settings(site)
    name = _theme(settings, theme)
    done = ejecting.eject(settings, part, name)
    if json:
        output.as_json(_facts(done))
        return
    typer.echo(f"templates/{done.target}")
    by = "" if done.is_page else f" by the theme {name}"
    output.say(f"copied from {done.source}; from now on this file is used{by}")
    output.say("delete it to have the packaged one again")


def _facts(part: Part) -> dict[str, str | bool]:
    return {"part": part.name, "file": f"templates/{part.target}", "from": part.source}


def _settings(site: SiteOption) -> Settings:
    from pathlib import Path

    from newsletter.settings_file import find_site, load

    return load(find_site(site or Path.cwd()))


def _theme(settings: Settings, wanted: str | None) -> str:
    from newsletter.emails.theme import Theme
    from newsletter.errors import UsageError

    names = sorted({digest.theme for digest in settings.digests.values()})
    if wanted is None and len(names) > 1:
        raise UsageError("the digests have several themes", fix=f"name one of them: --theme {' or '.join(names)}")
    return Theme(settings, wanted or names[0]).name
