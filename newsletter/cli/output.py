"""What commands print: facts to stdout, progress and messages to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import typer

from newsletter.errors import NotPossible

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

WRAPPED_AT = 24
"""Columns of a cell beside columns that are cut."""


def as_json(facts: Any) -> None:
    typer.echo(json.dumps(facts, ensure_ascii=False, indent=2))


def say(message: str) -> None:
    """A message beside the facts."""
    typer.echo(message, err=True)


def warn(messages: Iterable[str]) -> None:
    for message in messages:
        say(f"warning: {message}")


def counted(number: int, noun: str) -> str:
    """`1 post`, `1,300 posts`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def iso(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """ISO 8601 with the offset of the site's zone."""
    return moment.astimezone(zone).isoformat() if moment else None


def shown(moment: datetime, zone: ZoneInfo) -> str:
    """For people: `Thu 16 Nov 2023 09:00`."""
    return f"{moment.astimezone(zone):%a %d %b %Y %H:%M}"


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], *, cut: Mapping[str, int] = MappingProxyType({})
) -> None:
    """Columns on a terminal, tabs between them in a pipe.

    `cut`: columns of long cells, each with its share of the width that the others leave; what does not fit is cut.
    """
    if sys.stdout is None or not sys.stdout.isatty():
        for row in rows:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table

    shown_table = Table(box=None, pad_edge=False, header_style="bold", expand=bool(cut))
    for heading in headings:
        if heading in cut:
            shown_table.add_column(heading, ratio=cut[heading], no_wrap=True, overflow="ellipsis")
        else:
            shown_table.add_column(heading, overflow="fold", max_width=WRAPPED_AT if cut else None)
    for row in rows:
        shown_table.add_row(*(_plain(cell) for cell in row))
    Console().print(shown_table)


def _plain(cell: str) -> Any:
    from rich.text import Text

    return Text(cell)


def ask(question: str, *, yes: bool) -> None:
    """Ask once at a terminal; raises `NotPossible` on no, and where nobody can be asked."""
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise NotPossible(f"{question} Nobody can be asked here.", fix="answer with --yes")
    if not typer.confirm(question, err=True):
        raise NotPossible("nothing was done")


class Bar(Protocol):
    def __call__(self, done: int, note: str) -> None: ...


@contextmanager
def progress(title: str, total: int) -> Iterator[Bar]:
    """A bar with rate and time left on a terminal, a plain line now and then in a log."""
    if sys.stderr is not None and sys.stderr.isatty():
        with _bar(title, total) as bar:
            yield bar
    else:
        yield _lines(title, total)


@contextmanager
def _bar(title: str, total: int) -> Iterator[Bar]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "")

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as shown_progress:
        task = shown_progress.add_task(title, total=total, note="")
        yield lambda done, note: shown_progress.update(task, completed=done, note=note)


def _lines(title: str, total: int) -> Bar:
    from newsletter.clock import monotonic_s

    last_s = monotonic_s()

    def line(done: int, note: str) -> None:
        nonlocal last_s
        if monotonic_s() - last_s >= 10:
            last_s = monotonic_s()
            say(f"{title}: {done} of {total} {note}".rstrip())

    return line
