"""How a sending ended, how an issue stands: for people, as JSON, and as an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from newsletter.cli import output

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from newsletter.models import Counts
    from newsletter.pipeline.send import Sent
    from newsletter.pipeline.site import Site


def send_exit_code(sent: Sent) -> int:
    """0: nothing pending and nothing unsure; 1: denied before the first mail; else 3: a person must look."""
    from newsletter.delivery.send import Ending

    counts = sent.counts
    if not counts.pending and not counts.unsure:
        return 0
    if sent.warning:
        return 0
    began = counts.sent or counts.unsure or counts.refused
    return 1 if sent.ended.ending is Ending.DENIED and not began else 3


@contextmanager
def whoever_reads() -> Iterator[None]:
    """What was sent is sent and the exit status says it, also where nobody reads our output any more."""
    try:
        yield
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())


def show_sent(sent: Sent, *, json: bool, zone: ZoneInfo) -> None:
    if json:
        facts = {"issue": sent.issue, "state": sent.state.value, **sent.counts.model_dump()}
        output.as_json(facts | ({"until": output.iso(sent.ended.until, zone)} if sent.ended.until else {}))
    else:
        typer.echo(f"{sent.issue}: {sent.state.value}; {in_words(sent.counts)}")
    if sent.warning:
        output.warn([sent.warning])
    for line in _what_now(sent, zone):
        output.say(line)


def _when(moment: datetime | None, zone: ZoneInfo) -> str:
    return output.shown(moment, zone) if moment else "later"


def _what_now(sent: Sent, zone: ZoneInfo) -> Iterator[str]:
    from newsletter.delivery.send import Ending

    issue, ended = sent.issue, sent.ended
    why = f": {ended.reason}" if ended.reason else ""
    again = f"then run `newsletter send {issue}`; those already mailed are not mailed again"
    match ended.ending:
        case Ending.STOPPED:
            yield f"stopped as asked; `newsletter send {issue}` goes on"
        case Ending.HELD:
            yield f"{issue} was paused or cancelled meanwhile; `newsletter resume {issue}` goes on with a paused one"
        case Ending.DENIED:
            yield f"the provider refuses to send at all{why}\n  fix: mend that, {again}"
        case Ending.DOUBTFUL:
            yield f"three calls in a row had no clear answer{why}\n  fix: look at the provider's own log, {again}"
        case Ending.LATER:
            by_hand = f"by hand, `newsletter send {issue}` does then"
            yield f"it goes on {_when(ended.until, zone)}{why}\n  `newsletter run` does that by itself; {by_hand}"
        case Ending.TRIPPED:
            look = f"`newsletter deliveries {issue} --state refused` names them"
            yield f"too many recipients were refused{why}\n  fix: {look}; if it may go on, {again}"
        case Ending.BUSY:
            look = "wait, or look at what stands under [provider]"
            yield f"the provider stayed busy or could not be reached{why}\n  fix: {look}, {again}"
        case Ending.SHARED:
            yield f"another process holds the rest and does not go on\n  fix: end it, {again}"
    if sent.counts.unsure:
        yield (
            f"{sent.counts.unsure} may or may not have been mailed\n"
            f"  fix: `newsletter deliveries {issue} --state unsure` names them, "
            f"`newsletter resolve {issue} --as sent` (or `--as unsent`) decides"
        )


def in_words(counts: Counts, *, only_troubles: bool = False) -> str:
    names = ("refused", "unsure", "skipped") if only_troubles else ("sent", "pending", "refused", "unsure", "skipped")
    parts = [f"{getattr(counts, name):,} {name}" for name in names if getattr(counts, name) or name == "sent"]
    return ", ".join(parts) if only_troubles else f"{counts.recipients:,} recipients: {', '.join(parts)}"


def show_state(opened: Site, issue: str, *, json: bool) -> None:
    from newsletter.pipeline.status import standing

    one = standing(opened, issue)
    if json:
        output.as_json({"issue": one.issue, "state": one.state.value, **one.counts.model_dump()})
    else:
        typer.echo(f"{one.issue}: {one.state.value}; {in_words(one.counts)}")
