"""What every store must hold of occurrences: one row each, whoever writes it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.models import Occurrence, OccurrenceState
from newsletter.store.store import Store

NOW = datetime(2023, 11, 16, 9, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A new database."""
    opened = Store("sqlite:///data/newsletter.db", folder=tmp_path)
    yield opened
    opened.close()


def an_occurrence(
    *, digest: str = "weekly", weeks: int = 0, state: OccurrenceState = OccurrenceState.DUE
) -> Occurrence:
    due_at = NOW + weeks * timedelta(weeks=1)
    return Occurrence(digest=digest, wall_time=due_at.replace(tzinfo=None), due_at=due_at, state=state)


def test_an_occurrence_is_written_once_and_only_the_first_is_told_so(store: Store) -> None:
    one, another = an_occurrence(), an_occurrence(weeks=1)

    first = store.occurrences.note([one], now=NOW)
    second = store.occurrences.note([one, another], now=NOW)

    assert first == [one]
    assert second == [another]
    assert store.occurrences.list() == [one, another]


def test_eight_at_once_write_each_occurrence_once(store: Store) -> None:
    forty = [an_occurrence(weeks=week) for week in range(40)]

    with ThreadPoolExecutor(8) as at_once:
        told = list(at_once.map(lambda _: store.occurrences.note(forty, now=NOW), range(8)))

    assert sorted(one.wall_time for part in told for one in part) == [one.wall_time for one in forty]


def test_the_same_wall_time_of_two_digests_is_two_occurrences(store: Store) -> None:
    both = [an_occurrence(digest="daily"), an_occurrence(digest="weekly")]

    assert store.occurrences.note(both, now=NOW) == both


def test_what_was_noted_stays_as_it_is_when_it_is_noted_again(store: Store) -> None:
    store.occurrences.note([an_occurrence(state=OccurrenceState.MISSED)], now=NOW)

    store.occurrences.note([an_occurrence(state=OccurrenceState.DUE)], now=NOW)

    assert [one.state for one in store.occurrences.list()] == [OccurrenceState.MISSED]


def test_an_occurrence_leaves_its_state_once(store: Store) -> None:
    one = an_occurrence()
    store.occurrences.note([one], now=NOW)

    first = store.occurrences.move(one, OccurrenceState.DONE, note="sent", now=NOW)
    second = store.occurrences.move(one, OccurrenceState.MERGED, note="merged", now=NOW)

    assert (first, second) == (True, False)
    assert [(now.state, now.note) for now in store.occurrences.list()] == [(OccurrenceState.DONE, "sent")]


def test_only_those_of_a_state_and_a_digest_are_listed_oldest_first(store: Store) -> None:
    newer, older = an_occurrence(weeks=1), an_occurrence()
    others = [an_occurrence(digest="daily"), an_occurrence(weeks=-1, state=OccurrenceState.DONE)]
    store.occurrences.note([newer, older, *others], now=NOW)

    assert store.occurrences.list(state=OccurrenceState.DUE, digest="weekly") == [older, newer]


def test_the_newest_wall_time_is_of_one_digest_and_of_any_state(store: Store) -> None:
    missed = an_occurrence(weeks=2, state=OccurrenceState.MISSED)
    store.occurrences.note([an_occurrence(), missed, an_occurrence(digest="daily", weeks=9)], now=NOW)

    assert store.occurrences.newest_wall_time("weekly") == missed.wall_time
    assert store.occurrences.newest_wall_time("monthly") is None


def test_the_newest_change_is_when_anything_was_noted_or_moved(store: Store) -> None:
    one, later = an_occurrence(), NOW + timedelta(hours=3)
    before = store.occurrences.newest_change()
    store.occurrences.note([one], now=NOW)
    noted = store.occurrences.newest_change()
    store.occurrences.move(one, OccurrenceState.DONE, note="", now=later)

    assert (before, noted, store.occurrences.newest_change()) == (None, NOW, later)


def test_a_schedule_counts_from_when_it_was_first_seen(store: Store) -> None:
    first = store.occurrences.valid_from("weekly", "thu 09:00", now=NOW)
    later = store.occurrences.valid_from("weekly", "thu 09:00", now=NOW + timedelta(days=3))

    assert (first, later) == (NOW, NOW)


def test_a_changed_schedule_counts_from_its_change(store: Store) -> None:
    change = NOW + timedelta(days=3)
    store.occurrences.valid_from("weekly", "thu 09:00", now=NOW)

    changed = store.occurrences.valid_from("weekly", "fri 09:00", now=change)
    after = store.occurrences.valid_from("weekly", "fri 09:00", now=change + timedelta(days=1))

    assert (changed, after) == (change, change)
