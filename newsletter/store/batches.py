"""Batches on their way through one call of the provider.

A batch walks `pending → claimed → attempting → done`, three durable commits around one call of the provider; with the
last of one the next may be claimed and, on SQLite, begun. Only `attempting` is ever in doubt. A claimed batch may be
taken over, because its owner has to win a compare-and-set on owner and attempt before it calls; an attempting one never
is: it is repeated under its key where the provider has keys, looked up, or its deliveries become unsure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, func, select

from newsletter.models import IssueState, Reader
from newsletter.store import days, statements, tables
from newsletter.store.engine import reading, writing
from newsletter.store.issues import locked_state
from newsletter.store.receipts import Result, new_batch, number_of, record, recut
from newsletter.store.recipients import open_recipients_of, readers_of, skip_all_but

STALE_CLAIM = timedelta(seconds=60)
"""From claim to call takes milliseconds, and whoever has to wait in between keeps his claim fresh; one this old belongs
to nobody who will use it soon. Taking it over is safe at any age, because the compare-and-set decides."""

LONGEST_WAIT = timedelta(hours=25)
"""No provider is waited for longer than a day; a moment beyond that was written while the clock was ahead."""


class Claim(NamedTuple):
    """A batch in the hands of one owner."""

    issue_id: str
    number: int
    owner: str
    attempt: int
    size: int


class Begun(NamedTuple):
    """A call that is durable as begun and may be made now."""

    claim: Claim
    readers: list[Reader]
    attempts: int
    """How many calls the issue has begun, ever."""


class Beginning(NamedTuple):
    """How a call is begun."""

    digest: str
    provider: str
    day: date | None = None
    """On which its mails are counted."""
    ceiling: int | None = None
    """How many mails that day may have."""
    fingerprint: Callable[[Sequence[Reader]], str] | None = None
    """Says of the readers what a repeated call is held against."""


class Following(NamedTuple):
    """What the commit of an answer claimed next; with `begun` its call is durable as begun, too."""

    claim: Claim | None = None
    begun: Begun | None = None


class Attempted(NamedTuple):
    """A batch whose call was begun: by whom, when, and with which provider."""

    claim: Claim
    provider: str
    subscriber_ids: tuple[str, ...]
    attempted_at: datetime | None
    fingerprint: str | None


class BatchesStore:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- claiming ---

    def claim(self, issue_id: str, *, owner: str, limit: int, now: datetime) -> Claim | None:
        """A pending batch for this owner, cut down to `limit` recipients; None when there is none to be had now."""
        with writing(self._engine) as connection:
            return self._claim(connection, issue_id, owner, limit, now)

    def _claim(self, connection: Connection, issue_id: str, owner: str, limit: int, now: datetime) -> Claim | None:
        named = {
            "the_issue": issue_id,
            "the_time": now,
            "the_longest_wait": now + LONGEST_WAIT,
            "the_stale_time": now - STALE_CLAIM,
        }
        found = connection.execute(statements.FIRST_PENDING, named).first()
        found = found or connection.execute(statements.FIRST_STALE, named).first()
        if found is None:
            return None
        number, size = self._cut(connection, issue_id, found.number, limit, tried=found.attempt, now=now)
        claim = Claim(issue_id, number, owner, found.attempt + 1, size)
        connection.execute(statements.CLAIM_BATCH, _named(claim, now))
        return claim

    def _cut(
        self, connection: Connection, issue_id: str, number: int, limit: int, *, tried: int, now: datetime
    ) -> tuple[int, int]:
        """Move the first `limit` recipients of a larger batch into a new one; the number and size to claim."""
        which = {"the_issue": issue_id, "the_number": number, "the_limit": limit}
        size = int(connection.scalar(statements.BATCH_SIZE, which) or 0)
        if size <= limit:
            return number, size
        first = list(connection.scalars(statements.FIRST_RECIPIENTS, which))
        return new_batch(connection, issue_id, first, tried=tried, now=now), limit

    def give_back(self, claim: Claim, *, now: datetime) -> None:
        """Let go of a claimed batch whose call was not begun."""
        with writing(self._engine) as connection:
            connection.execute(statements.GIVE_BACK, _named(claim, now))

    def keep(self, claim: Claim, *, now: datetime) -> bool:
        """Show that a claimed batch is still wanted by its owner; False when it is no longer his."""
        with writing(self._engine) as connection:
            return bool(connection.execute(statements.KEEP_CLAIM, _named(claim, now)).rowcount)

    def cut_anew(self, issue_id: str, *, size: int, now: datetime) -> None:
        """All that is pending in batches of this size: another provider takes more, or fewer, in one call."""
        with writing(self._engine) as connection:
            locked_state(connection, issue_id)
            recut(connection, issue_id, size=size, now=now)

    # --- around the call ---

    def attempt(
        self,
        claim: Claim,
        *,
        digest: str,
        provider: str,
        now: datetime,
        day: date | None = None,
        ceiling: int | None = None,
        fingerprint: Callable[[Sequence[Reader]], str] | None = None,
    ) -> Begun | None:
        """Make the call that follows durable as begun: who is to be mailed.

        None: the batch is no longer this owner's, the issue is not being sent any more, or the day's `ceiling` would be
        passed; nothing may be sent. Whoever left since the plan is skipped here, in the same transaction, so leaving
        works at once. `fingerprint` says of the readers what a repeated call is held against.
        """
        with writing(self._engine) as connection:
            return _begun(connection, claim, Beginning(digest, provider, day, ceiling, fingerprint), now)

    def take_up(self, claim: Claim, *, owner: str, digest: str) -> list[Reader] | None:
        """Whom an attempting batch is called for once more under its key, now by this owner.

        None: not any more. Another took it up or its answer came, the issue is not being sent, or somebody of the call
        has left since: the call could not be repeated without mailing him.
        """
        with writing(self._engine) as connection:
            if locked_state(connection, claim.issue_id) is not IssueState.SENDING:
                return None
            readers = readers_of(connection, claim.issue_id, claim.number, digest)
            if len(readers) != len(open_recipients_of(connection, claim.issue_id, claim.number)):
                return None
            named = {**_key(claim), "the_new_owner": owner}
            return readers if connection.execute(statements.TAKE_UP_CALL, named).rowcount else None

    def finish(
        self,
        claim: Claim,
        *,
        provider: str,
        results: Sequence[Result],
        again: Sequence[str] = (),
        last: Sequence[str] = (),
        not_before: datetime | None = None,
        now: datetime,
        day: date | None = None,
        next_limit: int = 0,
        beginning: Beginning | None = None,
    ) -> Following:
        """Record the answer durably, and with it claim the next batch (`next_limit` recipients; 0: none), and begin
        its call as in `attempt` where `beginning` says how: a commit less, which on SQLite all senders would wait for.
        PostgreSQL has many at a time, and a lock on the issue that is held through all this would be one too many.

        `again` are the subscribers who were certainly not mailed; they become a new batch, and are not counted among
        the mails of `day`, on which the call was begun. So do those of `last`, in one behind them. Where others held
        this owner for dead and called the batch unsure, the true answer replaces that doubt.
        """
        with writing(self._engine) as connection:
            mine = connection.execute(statements.END_CALL, _named(claim, now)).rowcount
            record(connection, claim.issue_id, provider, results, now=now)
            if mine:
                for ids in filter(None, (again, last)):
                    new_batch(connection, claim.issue_id, ids, tried=claim.attempt, not_before=not_before, now=now)
            if mine and day and (again or last):
                days.uncount(connection, day, provider=provider, mails=len(again) + len(last))
            following = self._claim(connection, claim.issue_id, claim.owner, next_limit, now) if next_limit else None
            if following is None or beginning is None or self._engine.dialect.name != "sqlite":
                return Following(following)
            return Following(following, _begun(connection, following, beginning, now))

    # --- how they stand ---

    def is_sending(self, issue_id: str) -> bool:
        """Nobody has paused, cancelled or ended it meanwhile."""
        query = select(tables.issue.c.state).where(tables.issue.c.id == issue_id)
        with reading(self._engine) as connection:
            return connection.scalar(query) == IssueState.SENDING.value

    def claimed(self, issue_id: str) -> list[Claim]:
        """The batches that somebody holds and has not begun to call, whoever it is."""
        query = select(tables.batch).where(
            tables.batch.c.issue == number_of(issue_id), tables.batch.c.state == "claimed"
        )
        with reading(self._engine) as connection:
            return [Claim(issue_id, row.number, row.owner, row.attempt, 0) for row in connection.execute(query)]

    def attempting(self, issue_id: str) -> list[Attempted]:
        """The batches whose call was begun and whose answer is not recorded, whoever began them."""
        query = select(tables.batch).where(
            tables.batch.c.issue == number_of(issue_id), tables.batch.c.state == "attempting"
        )
        with reading(self._engine) as connection:
            found = []
            for row in connection.execute(query.order_by(tables.batch.c.number)).all():
                open_ids = tuple(open_recipients_of(connection, issue_id, row.number))
                claim = Claim(issue_id, row.number, row.owner, row.attempt, len(open_ids))
                found.append(Attempted(claim, row.provider, open_ids, row.attempted_at, row.fingerprint))
            return found

    def next_moment(self, issue_id: str) -> datetime | None:
        """When the earliest pending batch may be tried again; None: none waits for a moment."""
        query = select(func.min(tables.batch.c.not_before)).where(
            tables.batch.c.issue == number_of(issue_id), tables.batch.c.state == "pending"
        )
        with reading(self._engine) as connection:
            found: datetime | None = connection.scalar(query)
            return found


def _begun(connection: Connection, claim: Claim, how: Beginning, now: datetime) -> Begun | None:
    if locked_state(connection, claim.issue_id) is not IssueState.SENDING:
        return None
    day, provider = how.day, how.provider
    if day and not days.has_room(connection, day, provider=provider, mails=claim.size, ceiling=how.ceiling):
        return None
    named = _named(claim, now)
    if not connection.execute(statements.BEGIN_CALL, {**named, "the_provider": provider}).rowcount:
        return None
    readers = readers_of(connection, claim.issue_id, claim.number, how.digest)
    if len(readers) != claim.size:
        skip_all_but(connection, claim.issue_id, claim.number, {one.subscriber_id for one in readers}, now)
    if not readers:
        connection.execute(statements.END_CALL, named)
    elif how.fingerprint:
        connection.execute(statements.REMEMBER_CALL, {**named, "the_fingerprint": how.fingerprint(readers)})
    if day and readers:
        days.count(connection, day, provider=provider, mails=len(readers))
    attempts = connection.scalar(statements.COUNT_CALL, {"the_issue": claim.issue_id})
    return Begun(claim, readers, int(attempts or 0))


def _key(claim: Claim) -> dict[str, Any]:
    """A claim as the statements call it."""
    return {
        "the_issue": claim.issue_id,
        "the_number": claim.number,
        "the_owner": claim.owner,
        "the_attempt": claim.attempt,
    }


def _named(claim: Claim, now: datetime) -> dict[str, Any]:
    return {**_key(claim), "the_time": now}
