"""rehearse: the whole sending, to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.options import IssueArgument, JsonOption, SiteOption

if TYPE_CHECKING:
    from newsletter.pipeline.rehearse import Rehearsal
    from newsletter.pipeline.site import Site


def register(app: typer.Typer) -> None:
    app.command()(rehearse)


def rehearse(
    issue: IssueArgument,
    latency: Annotated[float, typer.Option(metavar="SECONDS", min=0.0, help="How long one call takes.")] = 0.3,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Go through the whole sending without sending.

    Every letter is composed for the real list; nothing leaves the machine, and nothing is written down.

    Example: newsletter rehearse weekly-2026-11-19
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.pipeline.rehearse import rehearse as rehearse_issue

    with open_site(site) as opened:
        told = rehearse_issue(opened, issue, now=clock.now(), latency_s=latency)
        if json:
            output.as_json(_facts(opened, told))
        else:
            _show(opened, told)
    raise typer.Exit(1 if told.refused else 0)


def _facts(opened: Site, told: Rehearsal) -> dict[str, object]:
    zone = opened.settings.site.zone
    return told._asdict() | {
        "begins_at": output.iso(told.begins_at, zone),
        "ends_at": output.iso(told.ends_at, zone),
        "refused": [one._asdict() for one in told.refused],
    }


def _show(opened: Site, told: Rehearsal) -> None:
    zone = opened.settings.site.zone
    letters = output.counted(told.recipients, "letter")
    typer.echo(f"{told.issue} through {told.provider}: {letters} in {output.counted(told.calls, 'call')}")
    if told.calls:
        connections = output.counted(told.connections, "connection")
        typer.echo(f"  {_size(told.bytes)} in all, {_size(told.largest_call_bytes)} in the largest call, {connections}")
        typer.echo(
            f"  {_span(told.seconds)}: {output.shown(told.begins_at, zone)} to {output.shown(told.ends_at, zone)}"
        )
    if len(told.by_day) > 1:
        for day, mails in told.by_day.items():
            typer.echo(f"  {day}: {mails:,}")
    output.warn(f"{output.counted(one.letters, 'letter')} would be refused: {one.reason}" for one in told.refused)


def _size(size_bytes: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= size:
            return f"{size_bytes / size:,.1f} {unit}"
    return f"{size_bytes} bytes"


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"about {seconds / size:,.0f} {unit}"
    return f"about {seconds:,.0f} seconds"
