"""What became of each due occurrence, in words for the operator."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    DONE = "done"
    WAITS = "waits"
    """Nothing is wrong and nothing can be done now."""
    MISSED = "missed"
    NEEDS_PERSON = "needs a person"
    FAILED = "failed"
    """Tried again at every tick."""


class Outcome(NamedTuple):
    """What became of one occurrence in this tick, in words."""

    digest: str
    issue: str
    """Empty where it is not about one issue."""
    kind: Kind
    words: str
    fix: str | None = None


class News:
    """Filters what was said at the last tick already: the scheduler says a thing once, not twice a minute."""

    def __init__(self) -> None:
        self._last: frozenset[Outcome] = frozenset()

    def fresh(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Those that were not among the last call's outcomes."""
        new = [one for one in outcomes if one not in self._last]
        self._last = frozenset(outcomes)
        return new


def line(outcome: Outcome) -> str:
    """An outcome as one line of a log."""
    about = outcome.issue or outcome.digest
    said = f"{about}: {outcome.words}" if about else outcome.words
    whole = f"{said} (fix: {outcome.fix})" if outcome.fix else said
    return " ".join(whole.split())
