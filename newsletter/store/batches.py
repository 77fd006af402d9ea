"""Batches on their way through one call of the provider.

A batch walks `pending → claimed → attempting → done`, three durable commits around one call of the provider. Only
`attempting` is ever in doubt. A claimed batch may be taken over, because its owner has to win a compare-and-set on
owner and attempt before it calls; an attempting one never is: it is repeated under its key where the provider has
keys, looked up, or its deliveries become unsure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, and_, func, or_, select, update

from newsletter.models import DeliveryState, IssueState, Reader
from newsletter.store import days, tables
from newsletter.store.engine import reading, writing
from newsletter.store.issues import locked_state
from newsletter.store.receipts import Result, new_batch, receipt_row, recut
from newsletter.store.recipients import open_recipients_of, readers_of, recipients_of, skip_all_but
from newsletter.store.upsert import replace

STALE_CLAIM = timedelta(seconds=60)
"""From claim to call takes milliseconds; a claim this old belongs to nobody who will use it soon. Taking it over is
safe at any age, because the compare-and-set decides."""

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

    readers: list[Reader]
    attempts: int
    """How many calls the issue has begun, ever."""


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
        batch = tables.batch
        may_be_tried = or_(
            batch.c.not_before.is_(None), batch.c.not_before <= now, batch.c.not_before > now + LONGEST_WAIT
        )
        free = or_(
            and_(batch.c.state == "pending", may_be_tried),
            and_(batch.c.state == "claimed", batch.c.changed_at <= now - STALE_CLAIM),
        )
        query = (
            select(batch.c.number, batch.c.attempt)
            .where(batch.c.issue_id == issue_id, free)
            .order_by(batch.c.number)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        found = connection.execute(query).first()
        if found is None:
            return None
        number, size = self._cut(connection, issue_id, found.number, limit, tried=found.attempt, now=now)
        attempt = found.attempt + 1
        claimed = (
            update(batch)
            .where(batch.c.issue_id == issue_id, batch.c.number == number)
            .values(state="claimed", owner=owner, attempt=attempt, changed_at=now)
        )
        connection.execute(claimed)
        return Claim(issue_id, number, owner, attempt, size)

    def _cut(
        self, connection: Connection, issue_id: str, number: int, limit: int, *, tried: int, now: datetime
    ) -> tuple[int, int]:
        """Move the first `limit` recipients of a larger batch into a new one; the number and size to claim."""
        ids = recipients_of(connection, issue_id, number)
        if len(ids) <= limit:
            return number, len(ids)
        return new_batch(connection, issue_id, ids[:limit], tried=tried, now=now), limit

    def give_back(self, claim: Claim, *, now: datetime) -> None:
        """Let go of a claimed batch whose call was not begun."""
        with writing(self._engine) as connection:
            statement = update(tables.batch).where(_is_claims(claim), tables.batch.c.state == "claimed")
            connection.execute(statement.values(state="pending", changed_at=now))

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
            if locked_state(connection, claim.issue_id) is not IssueState.SENDING:
                return None
            if day and not days.has_room(connection, day, provider=provider, mails=claim.size, ceiling=ceiling):
                return None
            if not self._set_attempting(connection, claim, provider, now):
                return None
            readers = readers_of(connection, claim.issue_id, claim.number, digest)
            if len(readers) != claim.size:
                skip_all_but(connection, claim.issue_id, claim.number, {one.subscriber_id for one in readers}, now)
            if not readers:
                self._set_done(connection, claim, now)
            elif fingerprint:
                self._remember(connection, claim, fingerprint(readers))
            if day and readers:
                days.count(connection, day, provider=provider, mails=len(readers))
            return Begun(readers, self._counted(connection, claim.issue_id))

    def _set_attempting(self, connection: Connection, claim: Claim, provider: str, now: datetime) -> bool:
        statement = update(tables.batch).where(_is_claims(claim), tables.batch.c.state == "claimed")
        values = {"state": "attempting", "provider": provider, "changed_at": now, "attempted_at": now}
        return bool(connection.execute(statement.values(**values, fingerprint=None)).rowcount)

    def _remember(self, connection: Connection, claim: Claim, fingerprint: str) -> None:
        connection.execute(update(tables.batch).where(_is_claims(claim)).values(fingerprint=fingerprint))

    def _counted(self, connection: Connection, issue_id: str) -> int:
        counted = update(tables.issue).where(tables.issue.c.id == issue_id)
        one_more = counted.values(attempts=tables.issue.c.attempts + 1).returning(tables.issue.c.attempts)
        return int(connection.scalar(one_more) or 0)

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
            statement = update(tables.batch).where(_is_claims(claim), tables.batch.c.state == "attempting")
            return readers if connection.execute(statement.values(owner=owner)).rowcount else None

    def _set_done(self, connection: Connection, claim: Claim, now: datetime) -> bool:
        statement = update(tables.batch).where(_is_claims(claim), tables.batch.c.state == "attempting")
        return bool(connection.execute(statement.values(state="done", changed_at=now)).rowcount)

    def finish(
        self,
        claim: Claim,
        *,
        provider: str,
        results: Sequence[Result],
        again: Sequence[str] = (),
        not_before: datetime | None = None,
        now: datetime,
        day: date | None = None,
        next_limit: int = 0,
    ) -> Claim | None:
        """Record the answer durably, and with it claim the next batch (`next_limit` recipients; 0: none).

        `again` are the subscribers who were certainly not mailed; they become a new batch, and are not counted among
        the mails of `day`, on which the call was begun. Where others held this owner for dead and called the batch
        unsure, the true answer replaces that doubt.
        """
        with writing(self._engine) as connection:
            mine = self._set_done(connection, claim, now)
            rows = [receipt_row(claim.issue_id, provider, result, now) for result in results]
            unsure = {"state": DeliveryState.UNSURE.value}
            replace(connection, tables.receipt, rows, only_where=unsure)
            if again and mine:
                new_batch(connection, claim.issue_id, again, tried=claim.attempt, not_before=not_before, now=now)
                if day:
                    days.uncount(connection, day, provider=provider, mails=len(again))
            return self._claim(connection, claim.issue_id, claim.owner, next_limit, now) if next_limit else None

    # --- how they stand ---

    def is_sending(self, issue_id: str) -> bool:
        """Nobody has paused, cancelled or ended it meanwhile."""
        query = select(tables.issue.c.state).where(tables.issue.c.id == issue_id)
        with reading(self._engine) as connection:
            return connection.scalar(query) == IssueState.SENDING.value

    def claimed(self, issue_id: str) -> list[Claim]:
        """The batches that somebody holds and has not begun to call, whoever it is."""
        query = select(tables.batch).where(tables.batch.c.issue_id == issue_id, tables.batch.c.state == "claimed")
        with reading(self._engine) as connection:
            return [Claim(issue_id, row.number, row.owner, row.attempt, 0) for row in connection.execute(query)]

    def attempting(self, issue_id: str) -> list[Attempted]:
        """The batches whose call was begun and whose answer is not recorded, whoever began them."""
        query = select(tables.batch).where(tables.batch.c.issue_id == issue_id, tables.batch.c.state == "attempting")
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
            tables.batch.c.issue_id == issue_id, tables.batch.c.state == "pending"
        )
        with reading(self._engine) as connection:
            found: datetime | None = connection.scalar(query)
            return found


def _is_claims(claim: Claim) -> Any:
    return and_(
        tables.batch.c.issue_id == claim.issue_id,
        tables.batch.c.number == claim.number,
        tables.batch.c.owner == claim.owner,
        tables.batch.c.attempt == claim.attempt,
    )
