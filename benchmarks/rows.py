"""What a run found: a row each, as a table that people read and as JSON that programs compare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple


class Scale(NamedTuple):
    """How much is sent and how often: the figures of `make bench`, or seconds of the same code for a test."""

    mails: int
    """A whole send by a batch provider."""
    letters: int
    """What is handed over one by one: SMTP, single calls."""
    peers: int
    """The same for other libraries, which take milliseconds a mail."""
    runs: int
    """The least of so many counts."""
    store: int
    """Deliveries through the store alone."""
    crowd: int
    """Readers of an issue whose sending only begins."""
    few: int
    many: int
    """Recipients between which memory must not grow."""
    connections: tuple[int, ...]
    answer_after_ms: float


FULL = Scale(
    mails=10_000,
    letters=2_000,
    peers=200,
    runs=5,
    store=100_000,
    crowd=1_000_000,
    few=10_000,
    many=500_000,
    connections=(1, 4, 16),
    answer_after_ms=100,
)
SHORT = Scale(
    mails=40,
    letters=20,
    peers=4,
    runs=1,
    store=600,
    crowd=600,
    few=20,
    many=40,
    connections=(1, 2, 3),
    answer_after_ms=1,
)


GOAL = "the goal"


class Row(NamedTuple):
    part: str
    what: str
    value: float
    unit: str
    against: str
    other: float
    """What that costs, in the same unit."""
    ratio: float
    bound: Literal["at most", "at least", ""]
    """What the goal says of the ratio; empty: there is none, it is worth knowing."""
    goal: float

    @property
    def is_met(self) -> bool:
        return not self.bound or (self.ratio <= self.goal if self.bound == "at most" else self.ratio >= self.goal)


def dearer(part: str, what: str, value: float, unit: str, *, than: str, other: float, at_most: float) -> Row:
    """Something may cost so many times what its bare form costs."""
    return Row(part, what, value, unit, than, other, value / other, "at most", at_most)


def cheaper(part: str, what: str, value: float, unit: str, *, than: str, other: float, at_least: float) -> Row:
    """Something must cost so many times less than another way."""
    return Row(part, what, value, unit, than, other, other / value, "at least", at_least)


def bounded(
    part: str, what: str, value: float, unit: str, *, at_most: float | None = None, at_least: float | None = None
) -> Row:
    """A figure with a goal of its own; the ratio is the share of it."""
    goal = at_most if at_most is not None else at_least
    assert goal
    return Row(part, what, value, unit, GOAL, goal, value / goal, "at least" if at_most is None else "at most", 1)


def noted(part: str, what: str, value: float, unit: str) -> Row:
    """Worth knowing, without a goal."""
    return Row(part, what, value, unit, "", 0, 0, "", 0)


def as_table(rows: Sequence[Row]) -> str:
    """Markdown, one table a part."""
    lines: list[str] = []
    for part in dict.fromkeys(row.part for row in rows):
        lines += [
            "",
            f"## {part}",
            "",
            "| what | measured | against | ratio | goal | |",
            "|---|---:|---|---:|---:|---|",
        ]
        lines += [_line(row) for row in rows if row.part == part]
    return "\n".join(lines[1:]) + "\n"


def _line(row: Row) -> str:
    cells = [row.what, f"{_figure(row.value)} {row.unit}", *_compared(row)]
    return f"| {' | '.join(cells)} |"


def _compared(row: Row) -> tuple[str, str, str, str]:
    if not row.bound:
        return "", "", "", ""
    verdict = "" if row.is_met else "missed"
    if row.against == GOAL:
        return f"{GOAL}: {row.bound} {_figure(row.other)}", f"{row.ratio:.2f}", "", verdict
    return f"{row.against}: {_figure(row.other)}", f"{row.ratio:.2f}", f"{row.bound} {row.goal:g}", verdict


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def as_json(rows: Iterable[Row], **about: Any) -> str:
    found = [row._asdict() | {"is_met": row.is_met} for row in rows]
    return json.dumps({**about, "rows": found}, indent=1, ensure_ascii=False) + "\n"
