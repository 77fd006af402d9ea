"""Killed at every point: the n-th step of a sending fails for every n, and the next run must put it right.

A step is one durable commit, one call of the provider, or one write of the journal. After the kill a new owner runs,
to whom the old one is dead. The provider's own list of what it took is the truth that the store is held against.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from newsletter.delivery.send import Run
from newsletter.providers.base import Answer
from newsletter.providers.fake import Fake
from newsletter.providers.misbehaviour import Misbehaviour
from newsletter.store.store import Store
from tests.desks import a_desk, an_approved_issue
from tests.factories import utc

NOW = utc(2023, 11, 16, 9)
READERS = 25


class Killed(BaseException):
    """As SIGKILL: nothing in the program can catch it and tidy up."""


class Fuse:
    """Burns down by one a step and kills at the n-th, before or after it is done."""

    def __init__(self, steps: int, *, after: bool) -> None:
        self.left = steps
        self.after = after
        self.blown = False

    def around(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **values: Any) -> Any:
            if self.blown:
                raise Killed
            self.left -= 1
            if self.left == 0 and not self.after:
                self._blow()
            answer = step(*args, **values)
            if self.left == 0:
                self._blow()
            return answer

        return guarded

    def _blow(self) -> None:
        self.blown = True
        raise Killed


class Fused(Fake):
    """The fake provider with a fuse around its call."""

    def __init__(self, fuse: Fuse, **values: Any) -> None:
        super().__init__(batch_size=10, **values)
        self.fuse = fuse

    def send(self, letters: Any, *, issue: str, key: str = "") -> list[Answer]:
        answers: list[Answer] = self.fuse.around(super().send)(letters, issue=issue)
        return answers


def run_once(store: Store, provider: Fused, issue: str, owner: str) -> None:
    fuse = provider.fuse
    begin = fuse.around(store.deliveries.begin)
    begin(issue, digest="weekly", provider="fake", batch_size=10, manifest_sha256="0" * 64, now=NOW)
    batches = store.batches
    for name in ("claim", "attempt", "finish"):
        setattr(batches, name, fuse.around(getattr(type(batches), name).__get__(batches)))
    desk = a_desk(store, provider, issue, owner=owner, note_attempts=fuse.around(lambda _attempts: None))
    Run(desk).go()


@pytest.mark.parametrize("look_up", ["no", "yes"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_nobody_is_mailed_twice_or_forgotten_wherever_it_is_killed(tmp_path: Path, after: bool, look_up: str) -> None:
    steps, was_killed, doubts = 0, True, 0
    while was_killed:
        steps += 1
        was_killed, unsure = _killed_at(tmp_path / str(steps), steps, after=after, look_up=look_up)
        doubts = max(doubts, unsure)

    # The fuse reached every step, and one of the kills really fell between the call and its record.
    assert steps > 10
    assert doubts == (10 if look_up == "no" else 0)


def _killed_at(folder: Path, steps: int, *, after: bool, look_up: str) -> tuple[bool, int]:
    store = Store("sqlite:///data/newsletter.db", folder=folder)
    issue = an_approved_issue(store, readers=READERS)
    provider = Fused(Fuse(steps, after=after), misbehaviour=Misbehaviour.parse(f"lookup={look_up}"))
    was_killed = False
    try:
        run_once(store, provider, issue, "owner-1")
    except Killed:
        was_killed = True
    provider.fuse = Fuse(0, after=False)
    run_once(store, provider, issue, "owner-2")

    counts, taken = store.deliveries.counts(issue), provider.taken_ids()
    store.close()
    assert max(taken.values()) == 1, f"mailed twice when killed at step {steps}"
    assert counts.pending == 0
    assert counts.sent + counts.unsure == READERS
    assert counts.sent <= taken.total() <= counts.sent + counts.unsure
    return was_killed, counts.unsure
