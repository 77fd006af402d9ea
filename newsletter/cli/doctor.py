"""doctor: what is wrong with a site, before the night of sending."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.options import JsonOption, SiteOption

if TYPE_CHECKING:
    from newsletter.doctor.finding import Finding


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Ask neither the DNS nor the provider.")] = False,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Look for what is wrong before anybody notices.

    Settings, database, the provider's credentials, templates, and the DNS records of the sender's domain.

    Example: newsletter doctor --offline
    """
    from newsletter.settings_file import find_site

    found = list(_findings(find_site(site or Path.cwd()), offline=offline))
    if json:
        output.as_json([one._asdict() for one in found])
    else:
        for one in found:
            typer.echo(f"{one.level:8}{one.check}: {one.message}" + (f"\n        fix: {one.fix}" if one.fix else ""))
    raise typer.Exit(1 if any(one.level == "error" for one in found) else 0)


def _findings(folder: Path, *, offline: bool) -> Iterator[Finding]:
    """Without settings that can be read nothing else can be looked at."""
    from newsletter.doctor import examine
    from newsletter.doctor.finding import Examined, Finding
    from newsletter.doctor.names import text_records
    from newsletter.errors import BadInput
    from newsletter.settings_file import load

    try:
        settings = load(folder)
    except BadInput as error:
        fix = error.fix or "mend newsletter.toml"
        places = error.places or [error.problem]
        yield from (Finding("settings", "error", str(place), fix) for place in places)
        return
    yield from examine(Examined(settings, texts=None if offline else text_records()))
