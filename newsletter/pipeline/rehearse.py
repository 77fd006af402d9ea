"""A whole sending to nobody: every letter truly composed for the real list, and counted instead of sent.

The calls are those that the provider's form and limits make of it, on a clock that is only reckoned with. It reads the
store and writes nothing, so a rehearsal leaves no trace.
"""

from __future__ import annotations

import dataclasses
import heapq
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from newsletter.delivery.answers import fitting
from newsletter.delivery.desk import Compose
from newsletter.delivery.pace import OPENING, Limits, Pace
from newsletter.delivery.quotas import Rules, largest_spread
from newsletter.errors import NotPossible, Unsupported
from newsletter.issues import archive
from newsletter.models import Email, IssueState, Reader
from newsletter.pipeline.approve import NONCE_BYTES, read_draft, render_draft
from newsletter.pipeline.compose import composer_for, form_for
from newsletter.pipeline.limits import connections_of, limits_of, rules_of
from newsletter.pipeline.site import Site
from newsletter.providers import open_provider
from newsletter.providers.base import Form, Letter
from newsletter.store.issues import IssueRow

LATENCY_S = 0.3
"""How long a call is reckoned to take, where nobody says otherwise: an API across a continent."""


class NotSent(NamedTuple):
    """Letters that the provider would not take, known beforehand."""

    reason: str
    letters: int


class Rehearsal(NamedTuple):
    issue: str
    provider: str
    recipients: int
    calls: int
    bytes: int
    """Of all request bodies, without headers of HTTP or SMTP."""
    largest_call_bytes: int
    letters_per_call: int
    connections: int
    seconds: float
    """From the first call to the last answer."""
    begins_at: datetime
    ends_at: datetime
    by_day: dict[str, int]
    refused: tuple[NotSent, ...]


def rehearse(site: Site, issue: str, *, now: datetime, latency_s: float = LATENCY_S) -> Rehearsal:
    """What `send` would do; of an issue that is on its way, with the rest.

    Raises `NotPossible` for an issue that cannot be sent any more.
    """
    row = site.issue_row(issue)
    if row.state not in (IssueState.DRAFT, IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED):
        raise NotPossible(
            f"{issue} is {row.state}: there is nothing to rehearse", fix=f"see `newsletter status {issue}`"
        )
    email = _email(site, row, now)
    provider = open_provider(site.settings)
    try:
        form = form_for(site, email, provider)
        limits = limits_of(site.settings.provider, provider, form)
        connections = connections_of(site.settings.provider, provider)
    except Unsupported as error:
        return _refused_whole(site, row, now, error)
    finally:
        provider.close()
    is_planned = row.began_at is not None
    readers = site.store.deliveries.readers(row.id, digest=row.digest, is_planned=is_planned)
    rules = rules_of(site.settings, began_at=row.began_at or now)
    clock = _Clock(rules, limits, connections, latency_s, now=now, ceiling=_ceilings(site, rules, now))
    pending = site.store.deliveries.counts(row.id).pending if is_planned else site.store.deliveries.forecast(row.digest)
    played = _Played(form, clock, pending)
    played.play(readers, composer_for(site, email, form, now=now))
    return played.told(row.id, site.settings.provider.name)


def _email(site: Site, row: IssueRow, now: datetime) -> Email:
    """What was approved; of a draft what approval would freeze now."""
    folder = site.issue_folder(row.id)
    if archive.is_frozen(folder):
        return archive.read_frozen(folder).email
    issue, selection = read_draft(site, row)
    nonce = secrets.token_hex(NONCE_BYTES)
    return render_draft(site, issue, dict(selection.may_stay), nonce=nonce, now=now).email


def _refused_whole(site: Site, row: IssueRow, now: datetime, error: Unsupported) -> Rehearsal:
    recipients = site.store.deliveries.forecast(row.digest)
    why = (NotSent(error.problem, recipients),)
    return Rehearsal(row.id, site.settings.provider.name, recipients, 0, 0, 0, 0, 0, 0.0, now, now, {}, why)


def _ceilings(site: Site, rules: Rules, now: datetime) -> Callable[[int], int | None]:
    """n-th day of the sending, from 0 → its ceiling. Reads how far a warm-up is and does not begin one."""
    domain = site.settings.sender.email.rpartition("@")[2].lower()
    today = rules.day(now)
    since = site.store.days.warm_up_began(domain) if rules.warm_up else None
    before = site.store.days.before(today, since=since) if since else 0
    used = site.store.days.mailed(today, provider=site.settings.provider.name)

    def ceiling(day: int) -> int | None:
        allowed = rules.ceiling(before + day)
        return max(allowed - used, 0) if allowed is not None and day == 0 else allowed

    return ceiling


@dataclass
class _Clock:
    """Reckons when each call would begin and end, over so many connections."""

    rules: Rules
    limits: Limits
    connections: int
    latency_s: float
    now: datetime
    ceiling: Callable[[int], int | None]
    began: datetime | None = None
    ended: datetime | None = None
    by_day: dict[str, int] = field(default_factory=dict)
    _pace: Pace = field(init=False)
    _free: list[float] = field(init=False)
    _held_s: float = 0.0

    def __post_init__(self) -> None:
        self._pace, self._free = Pace(self.limits), [0.0] * self.connections

    def room(self, pending: int) -> int | None:
        """How many letters the next call may hold by hour and day; moves on to the moment when there is room."""
        while True:
            at = self._at(max(self._free[0], self._pace.not_before_s, self._held_s))
            if closed := self.rules.closed_until(at):
                self._hold(closed.moment)
                continue
            day = self.rules.day(at).isoformat()
            number = len(self.by_day) - (day in self.by_day)
            ceiling = self.ceiling(number)
            left = None if ceiling is None else ceiling - self.by_day.get(day, 0)
            if left is not None and left <= 0:
                self.by_day.setdefault(day, 0)
                self._hold(self.rules.next_day(at, ceiling=ceiling or 0).moment)
                continue
            return self._spread(pending, at, left)

    def _spread(self, pending: int, at: datetime, left: int | None) -> int | None:
        rate = self.rules.spread_per_s(pending, at)
        known = [one for one in (self.limits.mails_per_s, rate) if one is not None]
        limits = dataclasses.replace(self.limits, mails_per_s=min(known, default=None))
        self._pace = dataclasses.replace(self._pace, limits=limits)
        sizes = [one for one in (left, largest_spread(rate) if rate else None) if one is not None]
        return min(sizes, default=None)

    def batch(self, mails: int, *, calls: int) -> None:
        """`calls`, one after the other, that one connection makes of the batch."""
        free_s = max(heapq.heappop(self._free), self._held_s)
        self._pace, wait_s = self._pace.reserve(mails, now_s=free_s)
        begins_s = free_s + wait_s
        ends_s = begins_s + calls * self.latency_s
        heapq.heappush(self._free, ends_s)
        at, ends = self._at(begins_s), self._at(ends_s)
        self.began, self.ended = self.began or at, max(self.ended or ends, ends)
        day = self.rules.day(at).isoformat()
        self.by_day[day] = self.by_day.get(day, 0) + mails

    def _hold(self, until: datetime) -> None:
        self._held_s = max(self._held_s, (until - self.now).total_seconds())

    def _at(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)


@dataclass
class _Played:
    form: Form
    clock: _Clock
    pending: int
    recipients: int = 0
    calls: int = 0
    size_bytes: int = 0
    largest: int = 0
    too_large: int = 0
    most_letters: int = 0

    def play(self, readers: Iterator[Reader], compose: Compose) -> None:
        waiting: list[Letter] = []
        while True:
            room = self.clock.room(max(self.pending - self.recipients, 1))
            size = min(self.form.batch_size, room or self.form.batch_size)
            size = min(size, OPENING) if not self.calls else size
            waiting += compose(list(islice(readers, max(size - len(waiting), 0))))
            if not waiting:
                return
            now = waiting[: min(size, fitting(waiting, self.form.batch_bytes))]
            del waiting[: len(now)]
            calls = [[letter] for letter in now] if self.form.one_by_one else [now]
            for call in calls:
                self._call(call)
            self.clock.batch(len(now), calls=len(calls))

    def _call(self, letters: Sequence[Letter]) -> None:
        size_bytes = sum(len(part) for letter in letters for part in letter.parts) + len(self.form.shared or b"")
        if self.form.batch_bytes is not None and size_bytes > self.form.batch_bytes:
            self.too_large += len(letters)
        self.recipients += len(letters)
        self.calls += 1
        self.size_bytes += size_bytes
        self.largest = max(self.largest, size_bytes)
        self.most_letters = max(self.most_letters, len(letters))

    def told(self, issue: str, provider: str) -> Rehearsal:
        began, ended = self.clock.began or self.clock.now, self.clock.ended or self.clock.now
        limit = self.form.batch_bytes or 0
        refused = (NotSent(f"larger than a call may be ({limit:,} bytes)", self.too_large),) if self.too_large else ()
        return Rehearsal(
            issue=issue,
            provider=provider,
            recipients=self.recipients,
            calls=self.calls,
            bytes=self.size_bytes,
            largest_call_bytes=self.largest,
            letters_per_call=self.most_letters,
            connections=self.clock.connections,
            seconds=round((ended - began).total_seconds(), 3),
            begins_at=began,
            ends_at=ended,
            by_day=self.clock.by_day,
            refused=refused,
        )
