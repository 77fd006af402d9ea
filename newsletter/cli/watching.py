"""status --watch: how a sending goes on, until it does not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

import typer

from newsletter.cli.sent import in_words

if TYPE_CHECKING:
    from newsletter.pipeline.site import Site
    from newsletter.pipeline.status import Standing

EVERY_S = 2.0
MEASURED_OVER = 15
"""So many looks back the rate is measured: half a minute, so that one slow call does not make it jump."""


class Look(NamedTuple):
    at: datetime
    settled: int


def watch(opened: Site, issue: str) -> None:
    """Tell how it stands every two seconds, in place on a terminal, else a line where something changed."""
    from newsletter import clock
    from newsletter.models import IssueState
    from newsletter.pipeline.status import standing

    looks: list[Look] = []
    with _screen() as show:
        while True:
            one, now = standing(opened, issue), clock.now()
            looks = [*looks[-MEASURED_OVER:], Look(now, one.counts.recipients - one.counts.pending)]
            show([*lines(one, looks), *by_provider(opened.store.deliveries.by_provider(issue))])
            if one.state is not IssueState.SENDING:
                return
            clock.sleep(EVERY_S)


def lines(one: Standing, looks: list[Look]) -> Iterator[str]:
    """Where it stands, how fast it goes and how long it still takes, and why it waits."""
    yield f"{one.issue}: {one.state.value}; {in_words(one.counts)}"
    rate = rate_per_s(looks)
    if rate and one.counts.pending:
        yield f"  {rate:,.1f} a second, {in_time(one.counts.pending / rate)} left"
    if one.note:
        yield f"  {one.note}"


def by_provider(found: dict[str, dict[str, int]]) -> Iterator[str]:
    for provider, counts in found.items():
        yield f"  {provider}: " + ", ".join(f"{count:,} {state}" for state, count in sorted(counts.items()))


def rate_per_s(looks: list[Look]) -> float:
    """Settled deliveries a second since the oldest look."""
    seconds = (looks[-1].at - looks[0].at).total_seconds()
    return (looks[-1].settled - looks[0].settled) / seconds if seconds > 0 else 0.0


def in_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"


class Show(Protocol):
    def __call__(self, shown: list[str]) -> None: ...


@contextmanager
def _screen() -> Iterator[Show]:
    if sys.stdout is None or not sys.stdout.isatty():
        yield _Changes()
        return
    from rich.live import Live
    from rich.text import Text

    with Live(auto_refresh=False) as live:
        yield lambda shown: live.update(Text("\n".join(shown)), refresh=True)


class _Changes:
    """Plain lines, where they differ from the last."""

    def __init__(self) -> None:
        self._last: list[str] = []

    def __call__(self, shown: list[str]) -> None:
        if shown != self._last:
            typer.echo("\n".join(shown))
        self._last = shown
