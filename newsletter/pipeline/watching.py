"""A sending watched from a page: begun in the background, its progress, and what did not go well, in groups."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from newsletter import clock
from newsletter.emails.checks.problem import Problem
from newsletter.errors import BadInput, NewsletterError, NotPossible
from newsletter.models import Counts, DeliveryState, IssueState
from newsletter.pipeline.preview import preview, problems
from newsletter.pipeline.send import OPEN_STATES, Watch, send
from newsletter.pipeline.site import Site
from newsletter.pipeline.status import counts_of
from newsletter.store.store import Store
from newsletter.subscribers.addresses import masked

EXAMPLES = 5
"""Addresses, masked, that are named for each reason."""
MESSAGES_KEPT = 20
SPAN_S = 30.0
"""The rate is that of so many seconds, so that it follows a provider that slows down."""


# --- before the approval -----------------------------------------------------------------------------------------


class Outlook(NamedTuple):
    """What an editor should know before the approval."""

    recipients: int
    """The forecast: who would get it now."""
    due_at: datetime
    problems: tuple[Problem, ...]
    """What hinders it and what the fast checks find; errors first. With an error the approval is refused."""
    unsendable: str | None
    """What the provider's settings lack; None: they will do."""

    @property
    def has_errors(self) -> bool:
        return any(one.level == "error" for one in self.problems)


def outlook(site: Site, issue: str, *, now: datetime) -> Outlook:
    """The checks are those of an approval; SpamAssassin, which takes seconds, runs in `check` only."""
    row = site.issue_row(issue)
    found = tuple(problems(site, preview(site, issue, now=now)))
    due_at = row.due_at.astimezone(site.settings.site.zone)
    return Outlook(site.store.deliveries.forecast(row.digest), due_at, found, site.why_unsendable())


# --- on its way --------------------------------------------------------------------------------------------------


class Progress(NamedTuple):
    issue: str
    state: IssueState
    note: str
    """Why it is in this state, where that needs words."""
    counts: Counts
    is_running: bool
    """Here, in this process; another one may be sending too."""
    rate_per_s: float | None
    """Of what was lately seen; None: nothing moved yet."""
    left_s: float | None
    """At this rate."""
    messages: tuple[str, ...]
    """What the run here had to say, newest last."""
    error: NewsletterError | None
    """Why the last run here ended early."""


@dataclass
class _Run:
    """One sending in a thread of its own."""

    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    counts: Counts | None = None
    messages: list[str] = field(default_factory=list)
    error: NewsletterError | None = None

    @property
    def is_running(self) -> bool:
        return self.thread is not None and self.thread.is_alive()


class Rate:
    """How fast something goes, from when it was seen how far."""

    def __init__(self) -> None:
        self._seen: list[tuple[float, int]] = []

    def note(self, at_s: float, done: int) -> float | None:
        """A second more or less; None as long as nothing moves."""
        if self._seen and done < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((at_s, done))
        while len(self._seen) > 2 and self._seen[1][0] <= at_s - SPAN_S:
            self._seen.pop(0)
        first_s, first = self._seen[0]
        return (done - first) / (at_s - first_s) if at_s > first_s and done > first else None


class Sendings:
    """The sendings of one process; used by several threads at once."""

    def __init__(self, site: Site, *, monotonic_s: Callable[[], float] = clock.monotonic_s) -> None:
        self._site, self._monotonic_s = site, monotonic_s
        self._runs: dict[str, _Run] = {}
        self._rates: dict[str, Rate] = {}
        self._lock = threading.Lock()

    def start(self, issue: str, *, now: datetime) -> None:
        """Send an approved issue, or go on with it, in the background; already begun here is no error.

        Raises `NotPossible` where it is not approved, or was paused and not resumed.
        """
        row = self._site.issue_row(issue)
        if row.state not in OPEN_STATES:
            raise NotPossible(f"{issue} is {row.state}: it is not sent", fix="approve it first")
        with self._lock:
            if (running := self._runs.get(issue)) and running.is_running:
                return
            run = _Run()
            run.thread = threading.Thread(target=self._send, args=(issue, run, now), name=f"sending {issue}")
            self._runs[issue] = run
            run.thread.start()

    def progress(self, issue: str) -> Progress:
        """How far it is, whichever process sends it."""
        row = self._site.issue_row(issue)
        run = self._runs.get(issue, _Run())
        counts = run.counts if run.is_running and run.counts else counts_of(self._site, row)
        with self._lock:
            seen = self._rates.setdefault(issue, Rate())
            rate = seen.note(self._monotonic_s(), counts.recipients - counts.pending)
        is_moving = row.state is IssueState.SENDING and rate is not None
        return Progress(
            issue=issue,
            state=row.state,
            note=row.note,
            counts=counts,
            is_running=run.is_running,
            rate_per_s=rate if is_moving else None,
            left_s=counts.pending / rate if is_moving and rate else None,
            messages=tuple(run.messages),
            error=run.error,
        )

    def stop_all(self) -> None:
        """End every run after the batch in hand; what is unsent goes on with the next `send`."""
        with self._lock:
            runs = [run for run in self._runs.values() if run.is_running]
        for run in runs:
            run.stop.set()
        for run in runs:
            if run.thread is not None:
                run.thread.join()

    def _send(self, issue: str, run: _Run, now: datetime) -> None:
        def tell(words: str) -> None:
            run.messages = [*run.messages, words][-MESSAGES_KEPT:]

        def report(counts: Counts) -> None:
            run.counts = counts

        settings = self._site.settings
        try:
            # A store of its own: a sending is an owner by itself, and others may be on their way in this process.
            store = Store(settings.database.url, folder=settings.folder)
            try:
                sent = send(replace(self._site, store=store), issue, now=now, watch=Watch(run.stop, report, tell))
            finally:
                store.close()
            if sent.warning or sent.ended.reason:
                tell(sent.warning or sent.ended.reason or "")
        except NewsletterError as error:
            run.error = error
        except Exception as error:  # noqa: BLE001 - the edge of this thread: nobody else would tell it
            run.error = BadInput(f"this is a fault of the program: {type(error).__name__}")


# --- what did not go well ----------------------------------------------------------------------------------------


class Trouble(NamedTuple):
    """Deliveries that ended alike."""

    state: DeliveryState
    reason: str
    deliveries: int
    examples: tuple[str, ...]
    """A few of the addresses, masked."""


def troubles(site: Site, issue: str) -> list[Trouble]:
    """The refused and the unsure deliveries by their reason, the most frequent first."""
    row = site.issue_row(issue)
    counts: Counter[tuple[DeliveryState, str]] = Counter()
    examples: dict[tuple[DeliveryState, str], list[str]] = {}
    for state in (DeliveryState.REFUSED, DeliveryState.UNSURE):
        for one in site.store.deliveries.list(row.id, state=state):
            # Providers like to repeat the address; without it the same reason is the same.
            reason = (one.reason or "no reason given").replace(one.email, "…") if one.email else one.reason or ""
            counts[state, reason] += 1
            named = examples.setdefault((state, reason), [])
            if len(named) < EXAMPLES:
                named.append(masked(one.email) if one.email else "(erased)")
    return [Trouble(*key, count, tuple(examples[key])) for key, count in counts.most_common()]
