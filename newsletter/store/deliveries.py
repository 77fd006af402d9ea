"""The plan of an issue, and what became of each delivery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, func, insert, literal, select, update

from newsletter.models import Counts, Delivery, DeliveryState, IssueState, Reader
from newsletter.store import tables
from newsletter.store.engine import reading, writing
from newsletter.store.issues import BY_PERSON, locked_state, set_state
from newsletter.store.receipts import (
    IN_VALUES,
    MAY_MAIL,
    Result,
    new_batch,
    number_of,
    receipt_of_recipient,
    receipt_rows,
)
from newsletter.store.statements import mailable, reader_columns, readers_from
from newsletter.store.upsert import replace


class DeliveriesStore:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- the plan ---

    def forecast(self, digest: str) -> int:
        """How many would get an issue of this digest now."""
        with reading(self._engine) as connection:
            return int(connection.scalar(select(func.count()).select_from(_audience(digest).subquery())) or 0)

    def has_audience(self, digest: str) -> bool:
        """Whether anybody would get one; of a long list that is known at once."""
        with reading(self._engine) as connection:
            return bool(connection.scalar(select(_audience(digest).exists())))

    def begin(
        self,
        issue_id: str,
        *,
        digest: str,
        provider: str,
        batch_size: int,
        manifest_sha256: str | None,
        now: datetime,
    ) -> bool:
        """Freeze the audience and open the sending, in one transaction; False when the issue may not be sent (now).

        It may when it is approved as `manifest_sha256` says, sending, or paused by itself; a person's pause that came
        this moment holds. Planned once: later calls only set the state, people who joined meanwhile are not added.
        """
        with writing(self._engine) as connection:
            if not self._may_begin(connection, issue_id, manifest_sha256):
                return False
            open_states = {IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED}
            changed = set_state(
                connection, issue_id, open_states, IssueState.SENDING, now=now, note="", provider=provider
            )
            if changed and not self._is_planned(connection, issue_id):
                started = update(tables.issue).where(tables.issue.c.id == issue_id).values(began_at=now)
                connection.execute(started)
                self._plan(connection, issue_id, digest, batch_size, now)
            return changed

    def _may_begin(self, connection: Connection, issue_id: str, manifest_sha256: str | None) -> bool:
        if locked_state(connection, issue_id) is None:
            return False
        query = select(tables.issue.c.manifest_sha256, tables.issue.c.paused_by).where(tables.issue.c.id == issue_id)
        approved, paused_by = connection.execute(query).one()
        return bool(approved == manifest_sha256 and paused_by != BY_PERSON)

    def _is_planned(self, connection: Connection, issue_id: str) -> bool:
        query = select(tables.recipient.c.batch).where(_is_recipient(issue_id)).limit(1)
        return connection.execute(query).first() is not None

    def _plan(self, connection: Connection, issue_id: str, digest: str, batch_size: int, now: datetime) -> None:
        audience = _audience(digest).subquery()
        row_number = func.row_number().over(order_by=audience.c.subscriber_id)
        chosen = select(number_of(issue_id), audience.c.subscriber_id, (row_number - 1) // batch_size + 1)
        connection.execute(insert(tables.recipient).from_select(["issue", "subscriber_id", "batch"], chosen))
        numbers = (
            select(
                tables.recipient.c.issue,
                tables.recipient.c.batch,
                literal("pending"),
                literal(0),
                literal(now, tables.Utc()),
            )
            .where(_is_recipient(issue_id))
            .distinct()
        )
        names = ["issue", "number", "state", "attempt", "changed_at"]
        connection.execute(insert(tables.batch).from_select(names, numbers))

    # --- in doubt ---

    def unsure(self, issue_id: str, *, provider: str) -> dict[str, datetime]:
        """Who is in doubt with this provider, and since when."""
        query = select(tables.receipt.c.subscriber_id, tables.receipt.c.at).where(
            _is_receipt(issue_id),
            tables.receipt.c.state == DeliveryState.UNSURE.value,
            tables.receipt.c.provider == provider,
        )
        with reading(self._engine) as connection:
            return {row.subscriber_id: row.at for row in connection.execute(query)}

    def settle(
        self, issue_id: str, *, provider: str, results: Sequence[Result], again: Sequence[str] = (), now: datetime
    ) -> int:
        """Replace doubts by what a look-up found; `again` were certainly not mailed and are pending from now on.

        Returns how many those are: not whom somebody has decided about meanwhile, and nobody of an issue that another
        process has ended, in which they would wait for ever: there they stay in doubt, for a person.
        """
        with writing(self._engine) as connection:
            if locked_state(connection, issue_id) is IssueState.SENT:
                again = ()
            rows = receipt_rows(connection, issue_id, provider, results, now)
            replace(connection, tables.receipt, rows, only_where={"state": DeliveryState.UNSURE.value})
            freed = [one for part in _in_parts(again) for one in self._freed(connection, issue_id, provider, part)]
            if freed:
                new_batch(connection, issue_id, freed, now=now)
            return len(freed)

    def _freed(self, connection: Connection, issue_id: str, provider: str, ids: Sequence[str]) -> list[str]:
        receipt = tables.receipt.c
        in_doubt = and_(
            _is_receipt(issue_id), receipt.state == DeliveryState.UNSURE.value, receipt.provider == provider
        )
        freed = tables.receipt.delete().where(in_doubt, receipt.subscriber_id.in_(ids))
        return list(connection.scalars(freed.returning(receipt.subscriber_id)))

    def resolve(self, issue_id: str, *, as_sent: bool, reason: str, now: datetime) -> int:
        """A person's decision on everyone in doubt; unsent ones become pending again. Returns how many.

        An issue that was sent is being sent again then, in the same transaction: else nobody would come for them.
        """
        in_doubt = and_(_is_receipt(issue_id), tables.receipt.c.state == DeliveryState.UNSURE.value)
        with writing(self._engine) as connection:
            locked_state(connection, issue_id)
            ids = list(connection.scalars(select(tables.receipt.c.subscriber_id).where(in_doubt)))
            if as_sent:
                decided = update(tables.receipt).where(in_doubt)
                connection.execute(decided.values(state=DeliveryState.SENT.value, reason=reason, at=now))
            elif ids:
                connection.execute(tables.receipt.delete().where(in_doubt))
                new_batch(connection, issue_id, ids, now=now)
                note = f"{len(ids)} were resolved as unsent"
                set_state(
                    connection, issue_id, {IssueState.SENT}, IssueState.SENDING, now=now, note=note, ended_at=None
                )
            return len(ids)

    # --- the end ---

    def end(self, issue_id: str, *, now: datetime) -> bool:
        """Sending or paused → sent, when really nobody is pending; says whether it ended it."""
        with writing(self._engine) as connection:
            locked_state(connection, issue_id)
            if connection.execute(_pending(issue_id).limit(1)).first() is not None:
                return False
            states = {IssueState.SENDING, IssueState.PAUSED}
            return set_state(connection, issue_id, states, IssueState.SENT, now=now, note="", ended_at=now)

    def count_pending_as_sent(self, issue_id: str, *, reason: str, now: datetime) -> None:
        """A person's word on those of whom this database does not know that they were mailed."""
        columns = ["issue", "subscriber_id", "state", "at", "reason"]
        sent = literal(DeliveryState.SENT.value)
        chosen = _pending(issue_id).add_columns(sent, literal(now, tables.CompactUtc()), literal(reason))
        with writing(self._engine) as connection:
            locked_state(connection, issue_id)
            connection.execute(insert(tables.receipt).from_select(columns, chosen))

    # --- how it stands ---

    def counts(self, issue_id: str) -> Counts:
        recipients = select(func.count()).where(_is_recipient(issue_id))
        by_state = (
            select(tables.receipt.c.state, func.count()).where(_is_receipt(issue_id)).group_by(tables.receipt.c.state)
        )
        with reading(self._engine) as connection:
            total = int(connection.scalar(recipients) or 0)
            known: dict[str, int] = {row[0]: row[1] for row in connection.execute(by_state)}
        return Counts(recipients=total, pending=total - sum(known.values()), **known)

    def by_provider(self, issue_id: str) -> dict[str, dict[str, int]]:
        """Provider → state → how many, of those that were handed over."""
        receipt = tables.receipt.c
        query = (
            select(receipt.provider, receipt.state, func.count())
            .where(_is_receipt(issue_id), receipt.provider.is_not(None))
            .group_by(receipt.provider, receipt.state)
            .order_by(receipt.provider)
        )
        found: dict[str, dict[str, int]] = {}
        with reading(self._engine) as connection:
            for provider, state, count in connection.execute(query):
                found.setdefault(provider, {})[state] = count
        return found

    def readers(self, issue_id: str, *, digest: str, is_planned: bool) -> Iterator[Reader]:
        """Everyone whom the issue would be mailed to now, by id, streamed: of the plan, once there is one."""
        query = mailable(issue_id, digest) if is_planned else _audience(digest, reader_columns())
        with reading(self._engine) as connection:
            rows = connection.execution_options(yield_per=1000).execute(query.order_by(tables.subscriber.c.id))
            yield from readers_from(rows)

    def list(self, issue_id: str, *, state: DeliveryState | None = None) -> Iterator[Delivery]:
        """Every recipient by address, streamed. An erased subscriber shows with an empty address."""
        shown = func.coalesce(tables.receipt.c.state, literal(DeliveryState.PENDING.value))
        query = (
            select(
                func.coalesce(tables.subscriber.c.email, literal("")),
                shown,
                tables.receipt.c.at,
                tables.receipt.c.provider_id,
                tables.receipt.c.reason,
            )
            .select_from(tables.recipient)
            .outerjoin(tables.receipt, receipt_of_recipient())
            .outerjoin(tables.subscriber, tables.subscriber.c.id == tables.recipient.c.subscriber_id)
            .where(_is_recipient(issue_id))
            .order_by(tables.subscriber.c.email)
        )
        if state is not None:
            query = query.where(shown == state.value)
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=1000).execute(query):
                yield Delivery(row[0], DeliveryState(row[1]), row[2], row[3], row[4])


def _is_recipient(issue_id: str) -> Any:
    return tables.recipient.c.issue == number_of(issue_id)


def _is_receipt(issue_id: str) -> Any:
    return tables.receipt.c.issue == number_of(issue_id)


def _pending(issue_id: str) -> Select[Any]:
    return (
        select(tables.recipient.c.issue, tables.recipient.c.subscriber_id)
        .outerjoin(tables.receipt, receipt_of_recipient())
        .where(_is_recipient(issue_id), tables.receipt.c.state.is_(None))
    )


def _in_parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + IN_VALUES] for start in range(0, len(ids), IN_VALUES))


def _audience(digest: str, columns: Select[Any] | None = None) -> Select[Any]:
    return (
        (select(tables.subscription.c.subscriber_id) if columns is None else columns)
        .select_from(tables.subscriber)
        .join(tables.subscription, tables.subscription.c.subscriber_id == tables.subscriber.c.id)
        .where(tables.subscription.c.digest == digest, MAY_MAIL)
    )


def sums_up(counts: Counts) -> bool:
    """Nobody is forgotten: every recipient is in exactly one state."""
    return counts.recipients == counts.pending + counts.sent + counts.refused + counts.unsure + counts.skipped
