"""What the scheduler promises: each occurrence acts once, whatever the clocks, the machine and other schedulers do.

The store is a real one; the pipeline is replaced by one that only moves the issues' states and writes down what it
did, because building and sending have their own tests.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from newsletter.errors import NotPossible, StoreUnusable
from newsletter.issues.naming import issue_id
from newsletter.models import IssueState, OccurrenceState
from newsletter.pipeline.upcoming import upcoming
from newsletter.schedules import Schedule, place
from newsletter.settings import Settings
from newsletter.store.issues import BY_PERSON, BY_PRODUCT
from newsletter.store.store import Store
from scheduler.occurrences import note_due
from scheduler.outcomes import Kind, Outcome
from scheduler.run import run
from scheduler.tick import tick

ROOT = Path(__file__).parents[2]
WEDNESDAY = datetime(2023, 11, 15, 12, 0, tzinfo=UTC)
THURSDAY_NINE = datetime(2023, 11, 16, 9, 0, tzinfo=UTC)
ISSUE = "weekly-2023-11-16"
A_DAY, A_WEEK = timedelta(days=1), timedelta(weeks=1)


def a_site(folder: Path, *, timezone: str = "Europe/London", **digests: dict[str, Any]) -> Settings:
    sections = {
        "site": {"name": "Example Network", "timezone": timezone},
        "sender": {"email": "news@example.org"},
        "digests": digests or {"weekly": {"schedule": "thu 09:00", "approval": "automatic"}},
    }
    return Settings.model_validate({**sections, "folder": folder})


@dataclass
class Pipeline:
    """Moves issues as the real one does, and writes down each effect; not safe against another of itself."""

    store: Store
    settings: Settings
    done: list[tuple[str, str]] = field(default_factory=list)
    """(verb, issue)"""
    skips: bool = False
    """There are too few posts."""
    failing: set[str] = field(default_factory=set)
    """Digests whose build fails."""
    send_ends_in: IssueState = IssueState.SENT
    has_readers: bool = True
    pause: Callable[[], None] = lambda: None
    """What happens between looking and acting."""

    def build(self, digest: str, wall_time: datetime, *, now: datetime) -> IssueState:
        if digest in self.failing:
            raise NotPossible(f"{digest} cannot be built", fix="mend the template")
        several = Schedule.parse(self.settings.digests[digest].schedule).several_a_day
        issue = issue_id(digest, wall_time, several_a_day=several)
        due_at = place(wall_time, self.settings.site.zone)
        self.pause()
        if self.skips:
            self.store.issues.skip(issue, digest=digest, due_at=due_at, left_over=[], note="1 of 3 posts", now=now)
        else:
            self.store.issues.begin_draft(issue, digest=digest, due_at=due_at, now=now)
        self.note("built", issue)
        return self.state(issue)

    def approve_automatically(self, issue: str, *, now: datetime) -> IssueState:
        self.pause()
        self.store.issues.approve(issue, manifest_sha256="0" * 64, post_ids=[], left_over=[], now=now)
        self.note("approved", issue)
        return self.state(issue)

    def send(self, issue: str, *, stop: threading.Event) -> IssueState:
        if not self.has_readers:
            return self.state(issue)
        if self.store.issues.move(issue, {IssueState.APPROVED}, IssueState.SENDING, now=WEDNESDAY):
            self.note("began", issue)
        self.pause()
        paused_by = BY_PRODUCT if self.send_ends_in is IssueState.PAUSED else None
        ends = {"paused_by": paused_by, "note": "the key was refused" if paused_by else ""}
        if self.store.issues.move(issue, {IssueState.SENDING}, self.send_ends_in, now=WEDNESDAY, **ends):
            self.note(self.send_ends_in.value, issue)
        return self.state(issue)

    def note(self, verb: str, issue: str) -> None:
        self.done.append((verb, issue))

    def state(self, issue: str) -> IssueState:
        row = self.store.issues.get(issue)
        assert row is not None
        return row.state


@dataclass
class Machine:
    """A site with a scheduler: set up in two lines, ticked at any moment."""

    store: Store
    settings: Settings
    pipeline: Pipeline

    def tick(self, now: datetime, *, stop: threading.Event | None = None) -> list[Outcome]:
        return tick(self.pipeline, self.store, self.settings, now, stop=stop)

    def change(self, settings: Settings) -> None:
        self.settings = self.pipeline.settings = settings

    def verbs(self, issue: str = ISSUE) -> list[str]:
        return [verb for verb, name in self.pipeline.done if name == issue]

    def occurrences(self) -> dict[str, OccurrenceState]:
        return {f"{one.digest}-{one.wall_time:%Y-%m-%d}": one.state for one in self.store.occurrences.list()}

    def draft(self, *, due_at: datetime = THURSDAY_NINE, now: datetime = WEDNESDAY) -> str:
        issue = f"weekly-{due_at:%Y-%m-%d}"
        self.store.issues.begin_draft(issue, digest="weekly", due_at=due_at, now=now)
        return issue

    def approve(self, issue: str = ISSUE, *, now: datetime = WEDNESDAY) -> None:
        assert self.store.issues.approve(issue, manifest_sha256="0" * 64, post_ids=[], left_over=[], now=now)


@pytest.fixture
def machine_of(tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    """Makes a machine on a new database; its digests were first seen on the Wednesday."""
    opened: list[Store] = []

    def make(*, first_seen: datetime = WEDNESDAY, timezone: str = "Europe/London", **digests: Any) -> Machine:
        settings = a_site(tmp_path, timezone=timezone, **digests)
        store = Store(settings.database.url, folder=tmp_path)
        opened.append(store)
        note_due(store.occurrences, settings, now=first_seen)
        return Machine(store, settings, Pipeline(store, settings))

    yield make
    for store in opened:
        store.close()


def required(**more: Any) -> dict[str, Any]:
    return {"schedule": "thu 09:00", "approval": "required", **more}


def automatic(**more: Any) -> dict[str, Any]:
    return {"schedule": "thu 09:00", "approval": "automatic", **more}


def ended(outcomes: list[Outcome]) -> list[tuple[Kind, str]]:
    return [(outcome.kind, outcome.issue) for outcome in outcomes]


# --- the way of an occurrence ---------------------------------------------------------------------------------


def test_an_automatic_digest_is_built_approved_and_sent_when_it_is_due(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=automatic())

    before = machine.tick(THURSDAY_NINE - timedelta(seconds=1))
    at = machine.tick(THURSDAY_NINE)
    after = machine.tick(THURSDAY_NINE + timedelta(seconds=30))

    assert (before, after) == ([], [])
    assert ended(at) == [(Kind.DONE, ISSUE)]
    assert machine.verbs() == ["built", "approved", "began", "sent"]


def test_an_issue_that_needs_approval_is_built_once_and_sent_as_soon_as_it_is_approved(
    machine_of: Callable[..., Machine],
) -> None:
    machine = machine_of(weekly=required())
    waiting = [machine.tick(THURSDAY_NINE + n * timedelta(seconds=30)) for n in range(3)]
    machine.approve(now=THURSDAY_NINE + timedelta(hours=3))

    sent = machine.tick(THURSDAY_NINE + timedelta(hours=3, seconds=5))

    assert [ended(one) for one in waiting] == [[(Kind.WAITS, ISSUE)]] * 3
    assert ended(sent) == [(Kind.DONE, ISSUE)]
    assert machine.verbs() == ["built", "began", "sent"]


def test_an_approval_may_come_weeks_later_and_is_obeyed_at_once(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=required(catch_up="1d"))
    machine.tick(THURSDAY_NINE)
    late = THURSDAY_NINE + timedelta(days=25)
    waiting = machine.tick(late)
    machine.approve(now=late)

    machine.tick(late + timedelta(seconds=20))

    assert (Kind.WAITS, ISSUE) in ended(waiting)
    assert machine.verbs()[-1] == "sent"


def test_an_issue_approved_early_waits_for_its_hour(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=required())
    machine.draft()
    machine.approve()

    machine.tick(THURSDAY_NINE - timedelta(minutes=1))
    early = machine.verbs()
    machine.tick(THURSDAY_NINE + timedelta(minutes=1))

    assert early == []
    assert machine.verbs() == ["began", "sent"]


def test_a_draft_made_early_is_refreshed_at_its_cut_off(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=required())
    machine.draft()

    machine.tick(THURSDAY_NINE)

    assert machine.verbs() == ["built"]


def test_with_too_few_posts_the_occurrence_is_skipped_for_good(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=automatic())
    machine.pipeline.skips = True

    outcomes = machine.tick(THURSDAY_NINE)
    machine.pipeline.skips = False
    machine.tick(THURSDAY_NINE + timedelta(hours=1))

    assert outcomes[0].words == "skipped: 1 of 3 posts"
    assert machine.occurrences() == {ISSUE: OccurrenceState.SKIPPED}
    assert machine.verbs() == ["built"]


def test_an_issue_that_a_person_paused_is_left_alone_until_it_is_resumed(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=required())
    machine.draft()
    machine.approve()
    machine.store.issues.move(ISSUE, {IssueState.APPROVED}, IssueState.PAUSED, now=WEDNESDAY, paused_by=BY_PERSON)

    paused = machine.tick(THURSDAY_NINE)
    machine.store.issues.move(ISSUE, {IssueState.PAUSED}, IssueState.APPROVED, now=THURSDAY_NINE)
    machine.tick(THURSDAY_NINE + timedelta(hours=1))

    assert ended(paused) == [(Kind.WAITS, ISSUE)]
    assert machine.verbs() == ["began", "sent"]


def test_an_issue_that_paused_itself_asks_for_a_person_and_is_not_tried_again(
    machine_of: Callable[..., Machine],
) -> None:
    machine = machine_of(weekly=automatic())
    machine.pipeline.send_ends_in = IssueState.PAUSED

    first = machine.tick(THURSDAY_NINE)
    second = machine.tick(THURSDAY_NINE + timedelta(seconds=30))

    assert first == second
    assert ended(first) == [(Kind.NEEDS_PERSON, ISSUE)]
    assert "the key was refused" in first[0].words
    assert Counter(machine.verbs())["paused"] == 1


def test_a_sending_that_was_cut_off_goes_on_even_after_catch_up(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=automatic(catch_up="1d"))
    machine.pipeline.send_ends_in = IssueState.SENDING
    cut_off = machine.tick(THURSDAY_NINE)
    machine.pipeline.send_ends_in = IssueState.SENT

    machine.tick(THURSDAY_NINE + timedelta(days=5))

    assert ended(cut_off) == [(Kind.WAITS, ISSUE)]
    assert machine.verbs()[-1] == "sent"
    assert machine.occurrences() == {ISSUE: OccurrenceState.DONE}


@pytest.mark.parametrize("state", [IssueState.SENT, IssueState.CANCELLED])
def test_what_a_person_sent_or_cancelled_before_its_time_is_over(
    machine_of: Callable[..., Machine], state: IssueState
) -> None:
    machine = machine_of(weekly=automatic())
    machine.draft()
    machine.store.issues.move(ISSUE, {IssueState.DRAFT}, state, now=WEDNESDAY)

    machine.tick(THURSDAY_NINE)

    assert machine.verbs() == []
    assert machine.occurrences() == {ISSUE: OccurrenceState.DONE}


def test_an_issue_without_readers_is_told_and_over(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=automatic())
    machine.pipeline.has_readers = False

    outcomes = machine.tick(THURSDAY_NINE)
    machine.pipeline.has_readers = True
    after = machine.tick(THURSDAY_NINE + timedelta(hours=1))

    assert outcomes[0].words == "nobody is subscribed to weekly: not sent"
    assert after == []
    assert "sent" not in machine.verbs()


def test_an_issue_for_the_past_is_left_to_who_built_it(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=automatic())
    past = machine.draft(due_at=THURSDAY_NINE - A_WEEK)
    machine.approve(past)

    machine.tick(WEDNESDAY + timedelta(hours=1))

    assert machine.verbs(past) == []


def test_an_issue_sent_by_hand_before_it_was_due_is_gone_on_with_from_its_hour_on(
    machine_of: Callable[..., Machine],
) -> None:
    machine = machine_of(weekly=required())
    machine.draft()
    machine.store.issues.move(ISSUE, {IssueState.DRAFT}, IssueState.SENDING, now=WEDNESDAY)

    machine.tick(WEDNESDAY + timedelta(hours=1))
    before = machine.verbs()
    machine.tick(THURSDAY_NINE)

    assert before == []
    assert machine.verbs() == ["sent"]


# --- down times -----------------------------------------------------------------------------------------------


def test_after_three_weeks_one_issue_goes_out_and_the_others_are_told(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=automatic())

    outcomes = machine.tick(THURSDAY_NINE + 3 * A_WEEK + A_DAY)

    assert ended(outcomes) == [(Kind.MISSED, "weekly-2023-11-30"), (Kind.DONE, "weekly-2023-12-07")]
    assert "2 before it" in outcomes[0].words
    assert [verb for verb, _ in machine.pipeline.done] == ["built", "approved", "began", "sent"]
    assert Counter(machine.occurrences().values()) == {OccurrenceState.MISSED: 3, OccurrenceState.DONE: 1}


def test_of_several_within_catch_up_the_newest_acts_for_all(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=automatic(catch_up="30d"))

    machine.tick(THURSDAY_NINE + 2 * A_WEEK)

    assert {issue for _, issue in machine.pipeline.done} == {"weekly-2023-11-30"}
    assert machine.occurrences() == {
        "weekly-2023-11-16": OccurrenceState.MERGED,
        "weekly-2023-11-23": OccurrenceState.MERGED,
        "weekly-2023-11-30": OccurrenceState.DONE,
    }


def test_an_older_approved_issue_is_not_merged_because_its_posts_are_in_no_other(
    machine_of: Callable[..., Machine],
) -> None:
    machine = machine_of(weekly=automatic(catch_up="30d"))
    machine.draft()
    machine.approve()

    machine.tick(THURSDAY_NINE + A_WEEK)

    assert [issue for verb, issue in machine.pipeline.done if verb == "sent"] == [ISSUE, "weekly-2023-11-23"]


def test_an_approved_issue_that_was_missed_is_not_sent_but_named(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=automatic(catch_up="1d"))
    machine.draft()
    machine.approve()

    outcomes = machine.tick(THURSDAY_NINE + 2 * A_DAY)

    assert machine.verbs() == []
    assert ended(outcomes) == [(Kind.MISSED, ISSUE)]
    assert f"newsletter send {ISSUE}" in str(outcomes[0].fix)


def test_an_occurrence_noted_right_before_a_long_down_time_is_missed_too(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=automatic(catch_up="1d"))
    note_due(machine.store.occurrences, machine.settings, now=THURSDAY_NINE)

    outcomes = machine.tick(THURSDAY_NINE + 3 * A_DAY)

    assert ended(outcomes) == [(Kind.MISSED, ISSUE)]
    assert machine.verbs() == []


def test_nothing_is_caught_up_from_before_the_scheduler_saw_the_digest(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(first_seen=THURSDAY_NINE + timedelta(seconds=1), weekly=automatic(catch_up="365d"))

    assert machine.tick(THURSDAY_NINE + timedelta(hours=1)) == []


@pytest.mark.parametrize(
    "change",
    [{"timezone": "Pacific/Auckland"}, {"weekly": automatic(schedule="wed 18:00", catch_up="30d")}],
    ids=["zone", "schedule"],
)
def test_a_changed_schedule_or_zone_makes_no_past_hour_due(
    machine_of: Callable[..., Machine], tmp_path: Path, change: dict[str, Any]
) -> None:
    weekly = automatic(catch_up="30d")
    machine = machine_of(timezone="America/New_York", weekly=weekly)
    # Half past eight on Wednesday evening in New York is half past two on Thursday in Auckland.
    evening = datetime(2023, 11, 16, 1, 30, tzinfo=UTC)
    machine.tick(evening - timedelta(seconds=30))

    machine.change(a_site(tmp_path, **{"timezone": "America/New_York", "weekly": weekly, **change}))
    outcomes = machine.tick(evening)

    assert outcomes == []
    assert machine.occurrences() == {}


# --- clocks ---------------------------------------------------------------------------------------------------


def test_a_clock_that_was_set_back_repeats_nothing_and_is_told(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=automatic())
    machine.tick(THURSDAY_NINE)

    an_hour_back = machine.tick(THURSDAY_NINE - timedelta(hours=1))
    again = machine.tick(THURSDAY_NINE + timedelta(minutes=1))

    assert [outcome.kind for outcome in an_hour_back] == [Kind.FAILED]
    assert "set back" in an_hour_back[0].words
    assert again == []
    assert machine.verbs() == ["built", "approved", "began", "sent"]


def test_a_year_at_half_past_one_in_london_is_one_issue_a_day(machine_of: Callable[..., Machine]) -> None:
    start, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
    machine = machine_of(first_seen=start, daily=automatic(schedule="daily 01:30"))
    changes = [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)]
    nights = {change + n * timedelta(minutes=5) for change in changes for n in range(36)}
    days = {start + n * timedelta(hours=9, minutes=7) for n in range(960)}

    for now in sorted({*nights, *days, end}):
        machine.tick(now)

    sent = [issue for verb, issue in machine.pipeline.done if verb == "sent"]
    assert sent == [f"daily-{start + n * A_DAY:%Y-%m-%d}" for n in range(366)]
    assert max(Counter(machine.pipeline.done).values()) == 1


# --- several digests, several errors --------------------------------------------------------------------------


def test_one_digests_error_does_not_keep_the_others(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(broken=automatic(), weekly=automatic())
    machine.pipeline.failing = {"broken"}

    outcomes = machine.tick(THURSDAY_NINE)
    machine.pipeline.failing = set()
    machine.tick(THURSDAY_NINE + timedelta(seconds=30))

    assert ended(outcomes) == [(Kind.FAILED, "broken-2023-11-16"), (Kind.DONE, ISSUE)]
    assert outcomes[0].words == "broken cannot be built"
    assert machine.verbs("broken-2023-11-16")[-1] == "sent"


def test_even_an_error_of_the_program_does_not_keep_the_others(
    machine_of: Callable[..., Machine], caplog: pytest.LogCaptureFixture
) -> None:
    machine = machine_of(another=automatic(), weekly=automatic())
    calls = iter([ZeroDivisionError("a slip")])

    def slip() -> None:
        for error in calls:
            raise error

    machine.pipeline.pause = slip
    outcomes = machine.tick(THURSDAY_NINE)

    assert [outcome.kind for outcome in outcomes] == [Kind.FAILED, Kind.DONE]
    assert "ZeroDivisionError" in caplog.text


def test_drafts_are_built_before_anything_is_sent(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(another=automatic(), weekly=required())

    machine.tick(THURSDAY_NINE)

    assert machine.pipeline.done.index(("built", ISSUE)) < machine.pipeline.done.index(("began", "another-2023-11-16"))


def test_a_digest_without_a_schedule_is_never_due(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=automatic(schedule=""))

    assert machine.tick(THURSDAY_NINE + 10 * A_WEEK) == []


@pytest.mark.parametrize("digests", [{"monthly": automatic(schedule="1st 09:00")}, {"weekly": automatic(schedule="")}])
def test_a_due_issue_whose_digest_lost_its_schedule_is_left_alone(
    machine_of: Callable[..., Machine], tmp_path: Path, digests: dict[str, Any]
) -> None:
    machine = machine_of(weekly=required())
    machine.tick(THURSDAY_NINE)
    machine.approve(now=THURSDAY_NINE)

    machine.change(a_site(tmp_path, **digests))
    outcomes = machine.tick(THURSDAY_NINE + timedelta(minutes=1))

    assert ended(outcomes) == [(Kind.WAITS, ISSUE)]
    assert machine.verbs() == ["built"]


def test_an_issue_keeps_its_name_when_its_digest_becomes_due_twice_a_day(
    machine_of: Callable[..., Machine], tmp_path: Path
) -> None:
    machine = machine_of(weekly=required())
    machine.tick(THURSDAY_NINE)
    machine.approve(now=THURSDAY_NINE)

    machine.change(a_site(tmp_path, weekly=required(schedule="thu 09:00,17:00")))
    machine.tick(THURSDAY_NINE + timedelta(minutes=1))

    assert machine.pipeline.done == [("built", ISSUE), ("began", ISSUE), ("sent", ISSUE)]


def test_a_tick_that_is_told_to_stop_begins_nothing_more(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(another=automatic(), weekly=automatic())
    stop = threading.Event()
    machine.pipeline.pause = stop.set

    machine.tick(THURSDAY_NINE, stop=stop)

    assert {issue for _, issue in machine.pipeline.done} == {"another-2023-11-16"}


# --- several schedulers ---------------------------------------------------------------------------------------

DIGESTS = [f"d{number}" for number in range(40)]


def forty_digests(folder: Path) -> Settings:
    digests: dict[str, Any] = {name: automatic() for name in DIGESTS}
    return a_site(folder, **digests)


class LoggedPipeline(Pipeline):
    """Writes its effects into one file of all processes."""

    def note(self, verb: str, issue: str) -> None:
        with (self.settings.folder / "effects.txt").open("a") as file:
            file.write(f"{verb} {issue} {os.getpid()}\n")


def scheduler_process(folder: Path, start: Any) -> None:
    """Ticks until nothing is due any more."""
    settings = forty_digests(folder)
    store = Store(settings.database.url, folder=folder)
    pipeline = LoggedPipeline(store, settings, pause=lambda: time.sleep(0.002))
    start.wait()
    while any(outcome.kind is not Kind.DONE for outcome in tick(pipeline, store, settings, THURSDAY_NINE)):
        pass
    store.close()


@contextmanager
def eight_schedulers(folder: Path) -> Iterator[list[Any]]:
    """Eight processes that begin to tick at the same moment; none is left over."""
    settings = forty_digests(folder)
    store = Store(settings.database.url, folder=folder)
    note_due(store.occurrences, settings, now=WEDNESDAY)
    store.close()
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(9)
    processes = [context.Process(target=scheduler_process, args=(folder, start)) for _ in range(8)]
    try:
        for process in processes:
            process.start()
        start.wait(timeout=120)
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.join()


def effects(folder: Path) -> list[list[str]]:
    path = folder / "effects.txt"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def states(folder: Path) -> Counter[OccurrenceState]:
    store = Store(forty_digests(folder).database.url, folder=folder)
    found = Counter(one.state for one in store.occurrences.list())
    store.close()
    return found


def test_eight_schedulers_at_once_act_on_each_occurrence_once(tmp_path: Path) -> None:
    # On a busy machine one process may have done it all before the others were let in; then nothing was shown.
    at_work = [_act_at_once(tmp_path / str(turn)) for turn in range(3)]

    assert max(at_work) > 1


def _act_at_once(folder: Path) -> int:
    """Eight at once, each occurrence's effects once; how many of them had something to do."""
    folder.mkdir()
    with eight_schedulers(folder) as processes:
        for process in processes:
            process.join(120)
        exits = [process.exitcode for process in processes]
    found = effects(folder)
    assert exits == [0] * 8
    assert states(folder) == {OccurrenceState.DONE: 40}
    expected = {(verb, f"{name}-2023-11-16") for verb in ("built", "approved", "began", "sent") for name in DIGESTS}
    assert Counter((verb, issue) for verb, issue, _ in found) == Counter(expected)
    return len({pid for _, _, pid in found})


def test_schedulers_that_are_killed_lose_and_repeat_nothing(tmp_path: Path) -> None:
    with eight_schedulers(tmp_path) as processes:
        for count in (20, 50, 80, 110):
            while len(effects(tmp_path)) < count:
                time.sleep(0.002)
            processes.pop().kill()
        at_last_kill = states(tmp_path)
        for process in processes:
            process.join(120)

    found = Counter((verb, issue) for verb, issue, _ in effects(tmp_path))
    assert at_last_kill[OccurrenceState.DUE] > 0
    assert states(tmp_path) == {OccurrenceState.DONE: 40}
    once = [count for (verb, _), count in found.items() if verb in ("began", "sent")]
    assert max(once) == 1
    # A draft may be refreshed again by who takes over from a killed one: four were killed.
    assert sum(found[("built", f"{name}-2023-11-16")] - 1 for name in DIGESTS) <= 4


def test_what_another_scheduler_has_ended_meanwhile_is_not_begun_again(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(another=automatic(), weekly=automatic())

    def another_scheduler() -> None:
        for one in machine.store.occurrences.list(digest="weekly", state=OccurrenceState.DUE):
            machine.store.occurrences.move(one, OccurrenceState.SKIPPED, note="too few posts", now=THURSDAY_NINE)

    machine.pipeline.pause = another_scheduler
    machine.tick(THURSDAY_NINE)

    assert {issue for _, issue in machine.pipeline.done} == {"another-2023-11-16"}


# --- running --------------------------------------------------------------------------------------------------


def ticks(count: int, stop: threading.Event, act: Callable[[int], list[Outcome]]) -> Callable[[], list[Outcome]]:
    """A tick that acts `count` times and then stops the scheduler."""
    numbers = iter(range(count))

    def one_tick() -> list[Outcome]:
        number = next(numbers, None)
        if number is None:
            return []
        if number == count - 1:
            stop.set()
        return act(number)

    return one_tick


def test_the_scheduler_ticks_at_once_and_then_again_and_again() -> None:
    stop, seen = threading.Event(), list[int]()

    def act(number: int) -> list[Outcome]:
        seen.append(number)
        return []

    run(ticks(3, stop, act), stop=stop, every_s=0.05)

    assert seen == [0, 1, 2]


def test_an_error_in_a_tick_is_logged_and_the_next_tick_comes(caplog: pytest.LogCaptureFixture) -> None:
    stop, errors = threading.Event(), [StoreUnusable("the database is locked", fix="wait"), ZeroDivisionError(), None]

    def act(number: int) -> list[Outcome]:
        if error := errors[number]:
            raise error
        return []

    run(ticks(3, stop, act), stop=stop, every_s=0.05)

    assert "the database is locked (fix: wait)" in caplog.messages
    assert "ZeroDivisionError" in caplog.text


def test_the_scheduler_says_a_thing_once_and_nothing_when_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "scheduler")
    stop, waits = threading.Event(), Outcome("weekly", ISSUE, Kind.WAITS, "waits for approval")

    run(ticks(5, stop, lambda _: [waits]), stop=stop, every_s=0.05)

    assert [message for message in caplog.messages if ISSUE in message] == [f"{ISSUE}: waits for approval"]


def test_ticks_never_overlap_and_late_ones_are_not_made_up_for() -> None:
    stop, at_work, most = threading.Event(), list[int](), list[int]()
    began = list[float]()

    def act(number: int) -> list[Outcome]:
        began.append(time.monotonic())
        at_work.append(number)
        most.append(len(at_work))
        stop.wait(0.5 if number < 2 else 0)
        at_work.remove(number)
        return []

    run(ticks(6, stop, act), stop=stop, every_s=0.1)

    assert max(most) == 1
    assert began[5] - began[2] > 0.2


def test_a_clock_that_is_set_back_an_hour_does_not_stop_the_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    behind = timedelta()

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) - behind

    def act(number: int) -> list[Outcome]:
        nonlocal behind
        behind = timedelta(hours=1)
        return []

    for module in ("schedulers.base", "triggers.interval", "triggers.date"):
        monkeypatch.setattr(f"apscheduler.{module}.datetime", Clock)
    stop = threading.Event()
    alarm = threading.Timer(20, stop.set)
    alarm.start()

    run(ticks(3, stop, act), stop=stop, every_s=0.2)

    assert alarm.is_alive()
    alarm.cancel()


RUNS = """
import logging, sys, threading, time
from scheduler.run import run

logging.basicConfig(level=logging.INFO)
stop = threading.Event()
def idle():
    print("idle", flush=True)
    return []
def sending():
    for number in range(1000):
        print("batch", number, "begun", flush=True)
        time.sleep(0.5)
        print("batch", number, "done", flush=True)
        if stop.is_set():
            return []
    return []
run(locals()[sys.argv[1]], stop=stop)
print("ended", flush=True)
"""


def signalled(tick_name: str, number: int) -> tuple[list[str], int, float, str]:
    """Run that tick, send the signal after its first line; returns its lines, exit status, time to end, and stderr."""
    command = [sys.executable, "-c", textwrap.dedent(RUNS), tick_name]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = process.stdout.readline()
    began = time.monotonic()
    process.send_signal(number)
    rest, errors = process.communicate(timeout=60)
    return [first.strip(), *rest.splitlines()], process.returncode, time.monotonic() - began, errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_scheduler_stops_at_once(number: int) -> None:
    lines, status, took_s, errors = signalled("idle", number)

    assert (lines, status) == (["idle", "ended"], 0)
    assert took_s < 1
    assert "Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_scheduler_that_sends_finishes_the_batch_in_hand_and_begins_no_other(number: int) -> None:
    lines, status, _, errors = signalled("sending", number)

    assert (lines, status) == (["batch 0 begun", "batch 0 done", "ended"], 0)
    assert "finished first" in errors
    assert "Traceback" not in errors


# --- the commands ---------------------------------------------------------------------------------------------

SITE = """
[site]
name = "Example Network"
timezone = "Europe/London"

[sender]
email = "news@example.org"

[digests.weekly]
schedule = "thu 09:00"
approval = "automatic"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with a post and three readers; the scheduler has not seen it yet."""
    (tmp_path / "newsletter.toml").write_text(SITE)
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "fair.md").write_text("---\ntitle: The fair\ndate: 2023-11-14\n---\nCome on Saturday.\n")
    for name in ("ada", "ben", "cleo"):
        assert newsletter(tmp_path, "subscribers", "add", f"{name}@example.org", "--consent", "asked").returncode == 0
    return tmp_path


COMMAND = [sys.executable, "-c", "from newsletter.cli.main import main; main()"]


def at(now: datetime) -> dict[str, str]:
    return {**os.environ, "NEWSLETTER_NOW": now.isoformat(), "PYTHONPATH": str(ROOT)}


def newsletter(site: Path, *arguments: str, now: datetime = WEDNESDAY) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=site, env=at(now), capture_output=True, text=True, timeout=60)


def mails(site: Path) -> int:
    return len(list((site / "outbox" / ISSUE).glob("*.eml")))


def test_the_tick_command_sends_what_is_due_and_then_nothing(site: Path) -> None:
    first_seen = newsletter(site, "tick")
    due = newsletter(site, "tick", now=THURSDAY_NINE)
    again = newsletter(site, "tick", now=THURSDAY_NINE + timedelta(hours=1))

    assert [one.returncode for one in (first_seen, due, again)] == [0, 0, 0]
    assert due.stdout.splitlines() == [f"{ISSUE}: sent: 3 of 3 mails"]
    assert (first_seen.stdout, again.stdout) == ("", "")
    assert mails(site) == 3


def test_the_run_command_sends_what_is_due_and_stops_at_a_signal(site: Path) -> None:
    newsletter(site, "tick")

    process = subprocess.Popen([*COMMAND, "run"], cwd=site, env=at(THURSDAY_NINE), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    alarm = threading.Timer(60, process.kill)
    alarm.start()
    lines = [next(process.stderr) for _ in range(2)]
    while not any("sent: 3 of 3 mails" in line for line in lines):
        lines.append(next(process.stderr))
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=30)
    alarm.cancel()

    assert process.returncode == 0
    assert mails(site) == 3
    assert "Traceback" not in "".join([*lines, rest])


# --- what comes next ------------------------------------------------------------------------------------------


def test_the_next_occurrences_stand_in_the_sites_zone_with_their_issues(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(weekly=required(), byhand=automatic(schedule=""), twice=automatic(schedule="wed 08:00,18:00"))
    machine.draft()

    found = upcoming(machine.settings, machine.store.issues, now=WEDNESDAY, count=2)

    assert [(one.due_at.isoformat(), one.issue, one.state) for one in found] == [
        ("2023-11-15T18:00:00+00:00", "twice-2023-11-15T1800", None),
        ("2023-11-16T09:00:00+00:00", "weekly-2023-11-16", IssueState.DRAFT),
        ("2023-11-22T08:00:00+00:00", "twice-2023-11-22T0800", None),
        ("2023-11-23T09:00:00+00:00", "weekly-2023-11-23", None),
    ]


def test_the_nights_on_which_the_clocks_change_are_placed_right(machine_of: Callable[..., Machine]) -> None:
    machine = machine_of(daily=automatic(schedule="daily 01:30"))

    autumn = upcoming(machine.settings, machine.store.issues, now=datetime(2026, 10, 24, 12, tzinfo=UTC), count=2)
    spring = upcoming(machine.settings, machine.store.issues, now=datetime(2027, 3, 27, 12, tzinfo=UTC), count=2)

    assert [one.due_at.isoformat() for one in autumn] == ["2026-10-25T01:30:00+01:00", "2026-10-26T01:30:00+00:00"]
    assert [one.due_at.isoformat() for one in spring] == ["2027-03-28T02:30:00+01:00", "2027-03-29T01:30:00+01:00"]


def test_between_the_two_hours_of_an_autumn_night_the_first_is_over() -> None:
    second_ten_past_one = datetime(2026, 10, 25, 1, 10, fold=1, tzinfo=ZoneInfo("Europe/London"))
    settings = a_site(Path(), daily=automatic(schedule="daily 01:30"))

    class NoIssues:
        def get(self, issue_id: str) -> None:
            return None

    found = upcoming(settings, NoIssues(), now=second_ten_past_one, count=1)  # type: ignore[arg-type]

    assert found[0].issue == "daily-2026-10-26"
