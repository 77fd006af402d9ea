"""Batches on their way through one call of the provider.

A batch walks `pending → claimed → attempting → done`, three durable commits around one call of the provider. Only
`attempting` is ever in doubt. A claimed batch may be taken over, because its owner has to win a compare-and-set on
owner and attempt before it calls; an attempting one never is: it is looked up, or its deliveries become unsure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, and_, func, or_, select, update

from newsletter.models import DeliveryState, IssueState, Reader
from newsletter.store import tables
from newsletter.store.engine import reading, writing
from newsletter.store.issues import locked_state
from newsletter.store.receipts import MAY_MAIL, Result, new_batch, receipt_of_recipient, receipt_row
from newsletter.store.upsert import insert_new, replace

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


class Attempted(NamedTuple):
    """A batch whose call was begun, by whom and with which provider."""

    claim: Claim
    provider: str
    subscriber_ids: tuple[str, ...]


class BatchesStore:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
        ids = self._recipients(connection, issue_id, number)
        if len(ids) <= limit:
            return number, len(ids)
        return new_batch(connection, issue_id, ids[:limit], tried=tried, now=now), limit

    def _recipients(self, connection: Connection, issue_id: str, number: int) -> list[str]:
        query = (
            select(tables.recipient.c.subscriber_id)
            .where(tables.recipient.c.issue_id == issue_id, tables.recipient.c.batch == number)
            .order_by(tables.recipient.c.subscriber_id)
        )
        return list(connection.scalars(query))

    def attempt(self, claim: Claim, *, digest: str, provider: str, now: datetime) -> tuple[list[Reader], int] | None:
        """Make the call that follows durable as begun: who is to be mailed, and how many calls the issue has begun.

        None: the batch is no longer this owner's, or the issue is not being sent any more; nothing may be sent.
        Whoever left since the plan is skipped here, in the same transaction, so leaving works at once.
        """
        with writing(self._engine) as connection:
            if locked_state(connection, claim.issue_id) is not IssueState.SENDING:
                return None
            if not self._set_attempting(connection, claim, provider, now):
                return None
            readers = self._readers(connection, claim, digest)
            self._skip_others(connection, claim, {reader.subscriber_id for reader in readers}, now)
            if not readers:
                self._set_done(connection, claim, now)
            counted = update(tables.issue).where(tables.issue.c.id == claim.issue_id)
            connection.execute(counted.values(attempts=tables.issue.c.attempts + 1))
            attempts = connection.scalar(select(tables.issue.c.attempts).where(tables.issue.c.id == claim.issue_id))
            return readers, int(attempts or 0)

    def _set_attempting(self, connection: Connection, claim: Claim, provider: str, now: datetime) -> bool:
        statement = update(tables.batch).where(_is_claims(claim), tables.batch.c.state == "claimed")
        changed = connection.execute(statement.values(state="attempting", provider=provider, changed_at=now))
        return bool(changed.rowcount)

    def _readers(self, connection: Connection, claim: Claim, digest: str) -> list[Reader]:
        query = (
            select(
                tables.subscriber.c.id,
                tables.subscriber.c.email,
                tables.subscriber.c.name,
                tables.subscriber.c.attributes,
            )
            .join(tables.recipient, tables.recipient.c.subscriber_id == tables.subscriber.c.id)
            .join(
                tables.subscription,
                and_(
                    tables.subscription.c.subscriber_id == tables.subscriber.c.id,
                    tables.subscription.c.digest == digest,
                ),
            )
            .outerjoin(tables.receipt, receipt_of_recipient())
            .where(
                tables.recipient.c.issue_id == claim.issue_id,
                tables.recipient.c.batch == claim.number,
                tables.receipt.c.state.is_(None),
                MAY_MAIL,
            )
            .order_by(tables.subscriber.c.id)
        )
        return [Reader._make(row) for row in connection.execute(query)]

    def _skip_others(self, connection: Connection, claim: Claim, kept: set[str], now: datetime) -> None:
        reason = "left, bounced or was removed after the issue was planned"
        others = [one for one in self._recipients(connection, claim.issue_id, claim.number) if one not in kept]
        results = [Result(one, DeliveryState.SKIPPED, reason=reason) for one in others]
        insert_new(connection, tables.receipt, [receipt_row(claim.issue_id, None, result, now) for result in results])

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
        next_limit: int = 0,
    ) -> Claim | None:
        """Record the answer durably, and with it claim the next batch (`next_limit` recipients; 0: none).

        `again` are the subscribers who were certainly not mailed; they become a new batch. Where others held this
        owner for dead and called the batch unsure, the true answer replaces that doubt.
        """
        with writing(self._engine) as connection:
            mine = self._set_done(connection, claim, now)
            rows = [receipt_row(claim.issue_id, provider, result, now) for result in results]
            unsure = {"state": DeliveryState.UNSURE.value}
            replace(connection, tables.receipt, rows, only_where=unsure)
            if again and mine:
                new_batch(connection, claim.issue_id, again, tried=claim.attempt, not_before=not_before, now=now)
            return self._claim(connection, claim.issue_id, claim.owner, next_limit, now) if next_limit else None

    def give_back(self, claim: Claim, *, now: datetime) -> None:
        """Let go of a claimed batch whose call was not begun."""
        with writing(self._engine) as connection:
            statement = update(tables.batch).where(_is_claims(claim), tables.batch.c.state == "claimed")
            connection.execute(statement.values(state="pending", changed_at=now))

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
                open_ids = tuple(self._open_recipients(connection, issue_id, row.number))
                claim = Claim(issue_id, row.number, row.owner, row.attempt, len(open_ids))
                found.append(Attempted(claim, row.provider, open_ids))
            return found

    def _open_recipients(self, connection: Connection, issue_id: str, number: int) -> list[str]:
        query = (
            select(tables.recipient.c.subscriber_id)
            .outerjoin(tables.receipt, receipt_of_recipient())
            .where(tables.recipient.c.issue_id == issue_id, tables.recipient.c.batch == number)
            .where(tables.receipt.c.state.is_(None))
            .order_by(tables.recipient.c.subscriber_id)
        )
        return list(connection.scalars(query))

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
