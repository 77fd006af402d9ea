"""One tick: note what has come due, then do for each due occurrence what is next.

What makes each effect happen once, however many schedulers tick and wherever one is killed:

- an occurrence is a row (digest, wall time); the insert decides who noted it, and it leaves DUE by compare-and-set;
- building and approving are idempotent, and done under the digest's lock after looking at the rows again, so two
  schedulers never write one draft at a time;
- sending is not locked: two senders share an issue's batches, and each batch is claimed in the store. So a
  scheduler that freezes while it sends does not keep another from going on.

An issue that a person began to send by hand is gone on with from its due time on. Outside of any occurrence it is the
person's: a stop with Ctrl-C would otherwise be undone half a minute later.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Protocol

from newsletter.errors import NeedsPerson, NewsletterError
from newsletter.issues.naming import issue_id
from newsletter.models import IssueState, Occurrence, OccurrenceState
from newsletter.schedules import Schedule, wall_time
from newsletter.settings import Settings
from newsletter.store.issues import IssueRow
from newsletter.store.store import Store
from scheduler.occurrences import allowed_delay, clock_problem, lateness, note_due
from scheduler.outcomes import Kind, Outcome
from scheduler.steps import Standing, Step, next_step

_log = logging.getLogger(__name__)

WAITS_FOR_APPROVAL = "waits for approval"
"""The note of an occurrence whose draft was refreshed at its cut-off: from then on the draft is the editor's alone."""


class Actions(Protocol):
    """The pipeline's verbs, as a tick needs them. All are idempotent; each answers with the issue's state then."""

    def build(self, digest: str, wall_time: datetime, *, now: datetime) -> IssueState:
        """Make or refresh the draft of that occurrence; SKIPPED with too few posts; an approved one stays."""

    def approve_automatically(self, issue: str, *, now: datetime) -> IssueState:
        """Freeze the draft without a person, because the digest's settings say so."""

    def send(self, issue: str, *, stop: threading.Event) -> IssueState:
        """Mail everyone who has not got it. SENDING: not all of them yet, because `stop` was set or the provider is
        busy. APPROVED: there is nobody to mail, and nothing was begun."""


def tick(
    actions: Actions, store: Store, settings: Settings, now: datetime, *, stop: threading.Event | None = None
) -> list[Outcome]:
    """Do what is due at `now`; one digest's trouble does not keep the others. Setting `stop` ends it early."""
    if problem := clock_problem(store.occurrences.newest_change(), now):
        fix = "set the clock right; until it is past that time, send issues by hand with `newsletter send`"
        return [Outcome("", "", Kind.FAILED, f"{problem}: nothing is done", fix)]
    work = _Tick(actions, store, settings, now, stop or threading.Event())
    work.go()
    return work.outcomes


@dataclass
class _Tick:
    actions: Actions
    store: Store
    settings: Settings
    now: datetime
    stop: threading.Event
    outcomes: list[Outcome] = field(default_factory=list)
    ready: list[Occurrence] = field(default_factory=list)

    def go(self) -> None:
        """Drafts first: a long sending must not keep an editor from the next draft."""
        self._tell_missed(note_due(self.store.occurrences, self.settings, now=self.now))
        for one in self.store.occurrences.list(state=OccurrenceState.DUE):
            self._guarded(self._prepare, one)
        for one in self.ready:
            self._guarded(self._send, one)

    def _guarded(self, act: Callable[[Occurrence], None], one: Occurrence) -> None:
        if self.stop.is_set():
            return
        if not self._is_scheduled(one):
            words = f"is due, but newsletter.toml has no schedule for {one.digest} any more: nothing is done"
            self._say(one, Kind.WAITS, words, "put the schedule back, or build and send by hand")
            return
        try:
            act(one)
        except NewsletterError as error:
            kind = Kind.NEEDS_PERSON if isinstance(error, NeedsPerson) else Kind.FAILED
            self._say(one, kind, error.problem, error.fix)
        except Exception as error:  # noqa: BLE001 - the edge: one digest's error must not end the others' tick
            _log.exception("%s: an error in the program", self._issue(one))
            self._say(
                one, Kind.FAILED, f"an error in the program ({type(error).__name__})", "report it with the lines above"
            )

    # --- one occurrence ---

    def _prepare(self, one: Occurrence) -> None:
        with self.store.owners.one_at_a_time(f"digest {one.digest}"):
            current = self._still_due(one)
            if current is None:
                return
            is_built = current.note == WAITS_FOR_APPROVAL
            if self._next(current, is_built) is Step.BUILD:
                self.actions.build(current.digest, current.wall_time, now=self.now)
                is_built = True
            if self._next(current, is_built) is Step.APPROVE:
                self.actions.approve_automatically(self._issue(current), now=self.now)
            step = self._next(current, is_built)
            if step is Step.SEND:
                self.ready.append(current)
            else:
                self._conclude(current, step)

    def _send(self, one: Occurrence) -> None:
        # Looked at again: while another issue was being sent, a person may have paused or sent this one.
        if self._next(one, is_built=True) is Step.SEND:
            state = self.actions.send(self._issue(one), stop=self.stop)
            if state is IssueState.APPROVED:
                self._end_without_readers(one)
                return
        self._conclude(one, self._next(one, is_built=True))

    def _still_due(self, one: Occurrence) -> Occurrence | None:
        due = self.store.occurrences.list(state=OccurrenceState.DUE, digest=one.digest)
        return next((current for current in due if current.wall_time == one.wall_time), None)

    def _next(self, one: Occurrence, is_built: bool) -> Step:
        digest, row = self.settings.digests[one.digest], self._row(one)
        newest = self.store.occurrences.newest_wall_time(one.digest)
        return next_step(
            Standing(
                state=row.state if row else None,
                paused_by=row.paused_by if row else None,
                is_built=is_built,
                is_automatic=digest.approval == "automatic",
                is_newest=newest is None or one.wall_time >= newest,
                is_late=self._is_late(one, row),
            )
        )

    def _is_late(self, one: Occurrence, row: IssueRow | None) -> bool:
        zone, digest = self.settings.site.zone, self.settings.digests[one.digest]
        # An approval starts the time anew: however late it came, the issue is sent as soon as it comes.
        approved = wall_time(row.approved_at, zone) if row and row.approved_at else one.wall_time
        allowed = allowed_delay(self._schedule(one), one.wall_time, digest.catch_up)
        return lateness(max(one.wall_time, approved), self.now, zone) > allowed

    def _conclude(self, one: Occurrence, step: Step) -> None:
        """Note the end of an occurrence, or why it goes on."""
        match step:
            case Step.END:
                self._end(one)
            case Step.SKIP:
                row = self._row(one)
                words = (row.note if row else "") or "too few posts"
                self._move(one, OccurrenceState.SKIPPED, Kind.DONE, f"skipped: {words}")
            case Step.MERGE:
                words = "merged: a newer issue is due and takes its posts"
                self._move(one, OccurrenceState.MERGED, Kind.DONE, words)
            case Step.MISS:
                self._move(one, OccurrenceState.MISSED, Kind.MISSED, "missed: later than catch_up", self._by_hand(one))
            case _:
                self._goes_on(one, step)

    def _end(self, one: Occurrence) -> None:
        row = self._row(one)
        if row is None or row.state is IssueState.CANCELLED:
            self._move(one, OccurrenceState.DONE, Kind.DONE, "cancelled")
            return
        counts = self.store.deliveries.counts(row.id)
        words = f"sent: {counts.sent} of {counts.recipients} mails"
        if not counts.unsure:
            self._move(one, OccurrenceState.DONE, Kind.DONE, words)
            return
        fix = f"run `newsletter deliveries {row.id} --state unsure`, then `newsletter resolve {row.id}`"
        self._move(one, OccurrenceState.DONE, Kind.NEEDS_PERSON, f"{words}, {counts.unsure} are unsure", fix)

    def _end_without_readers(self, one: Occurrence) -> None:
        """It is over all the same: else the first to subscribe would get an old issue, and nobody after him."""
        fix = f"add subscribers, then run `newsletter send {self._issue(one)}`"
        self._move(one, OccurrenceState.DONE, Kind.MISSED, f"nobody is subscribed to {one.digest}: not sent", fix)

    def _goes_on(self, one: Occurrence, step: Step) -> None:
        issue, row = self._issue(one), self._row(one)
        match step:
            case Step.WAIT:
                self._remember(one, WAITS_FOR_APPROVAL)
                fix = f"`newsletter approve {issue}` sends it, `newsletter cancel {issue}` lets it go"
                self._say(one, Kind.WAITS, WAITS_FOR_APPROVAL, fix)
            case Step.LEAVE:
                self._say(one, Kind.WAITS, "was paused by a person", f"run `newsletter resume {issue}`")
            case Step.ASK:
                why = row.note if row and row.note else "the reason is in the log"
                fix = f"mend that, then run `newsletter resume {issue}`"
                self._say(one, Kind.NEEDS_PERSON, f"paused itself: {why}", fix)
            case Step.SEND:
                when = row.note if row and row.note else "it goes on at the next tick"
                self._say(one, Kind.WAITS, f"is not sent to everyone yet; {when}")
            case _:
                self._say(one, Kind.FAILED, f"is still to be done: {step}; tried again at the next tick")

    # --- telling ---

    def _tell_missed(self, noted: Iterable[Occurrence]) -> None:
        """One line a digest: after three weeks nobody wants to read one for every hour."""
        missed = (one for one in noted if one.state is OccurrenceState.MISSED)
        for digest, group in groupby(missed, key=lambda one: one.digest):
            ones = list(group)
            newest = ones[-1]
            since = "" if len(ones) == 1 else f" and {len(ones) - 1} before it"
            words = f"missed: the occurrence of {newest.wall_time:%Y-%m-%d %H:%M}{since} ({newest.note}); not sent"
            self.outcomes.append(Outcome(digest, self._issue(newest), Kind.MISSED, words, self._by_hand(*ones)))

    def _by_hand(self, *ones: Occurrence) -> str | None:
        """The posts of a missed occurrence are in the next issue, but for those that were approved for it."""
        rows = [row for one in ones if (row := self._row(one)) and row.state is IssueState.APPROVED]
        return "; ".join(f"it is approved: `newsletter send {row.id}` sends it now" for row in rows) or None

    def _say(self, one: Occurrence, kind: Kind, words: str, fix: str | None = None) -> None:
        self.outcomes.append(Outcome(one.digest, self._issue(one), kind, words, fix))

    # --- rows ---

    def _move(self, one: Occurrence, to: OccurrenceState, kind: Kind, words: str, fix: str | None = None) -> None:
        """Only the one who moves it tells it."""
        if self.store.occurrences.move(one, to, note=words, now=self.now):
            self._say(one, kind, words, fix)

    def _remember(self, one: Occurrence, note: str) -> None:
        if one.note != note:
            self.store.occurrences.move(one, one.state, note=note, now=self.now)

    def _row(self, one: Occurrence) -> IssueRow | None:
        return self.store.issues.get(self._issue(one))

    def _issue(self, one: Occurrence) -> str:
        """Its issue's id. An issue keeps the name it was made with when the schedule now asks for another form."""
        several = self._is_scheduled(one) and self._schedule(one).several_a_day
        name, other = (issue_id(one.digest, one.wall_time, several_a_day=form) for form in (several, not several))
        made = None if self.store.issues.get(name) else self.store.issues.get(other)
        return other if made and made.due_at == one.due_at else name

    def _is_scheduled(self, one: Occurrence) -> bool:
        return one.digest in self.settings.digests and bool(self.settings.digests[one.digest].schedule)

    def _schedule(self, one: Occurrence) -> Schedule:
        return Schedule.parse(self.settings.digests[one.digest].schedule)
