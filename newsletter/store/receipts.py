"""What the statements about batches and about deliveries have in common: who may be mailed, receipts, new batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, Integer, and_, cast, delete, func, insert, select, text, update

from newsletter.models import DeliveryState, SubscriberState
from newsletter.store import tables

IN_VALUES = 5000
"""In one `in (…)`; SQLite takes 32,766, PostgreSQL 65,535."""


class Result(NamedTuple):
    """What is now known of one delivery."""

    subscriber_id: str
    state: DeliveryState
    provider_id: str | None = None
    reason: str | None = None


MAY_MAIL = and_(
    tables.subscriber.c.state == SubscriberState.ACTIVE.value,
    tables.subscription.c.left_at.is_(None),
)


def receipt_of_recipient() -> Any:
    return and_(
        tables.receipt.c.issue_id == tables.recipient.c.issue_id,
        tables.receipt.c.subscriber_id == tables.recipient.c.subscriber_id,
    )


def receipt_row(issue_id: str, provider: str | None, result: Result, now: datetime) -> dict[str, Any]:
    return {
        "issue_id": issue_id,
        "subscriber_id": result.subscriber_id,
        "state": result.state.value,
        "at": now,
        "provider": provider,
        "provider_id": result.provider_id,
        "reason": result.reason,
    }


def record(connection: Connection, issue_id: str, provider: str, results: Sequence[Result], *, now: datetime) -> None:
    """Insert a receipt for each; where there is one already, only a doubt is replaced.

    By the driver itself: a row through SQLAlchemy costs three times as much on SQLite. PostgreSQL gets all of a batch
    as arrays in one statement, because a statement a row costs it ten times as much.
    """
    if not results:
        return
    moment = _stored(now, connection.dialect)
    if connection.dialect.name == "postgresql":
        columns = [list(column) for column in zip(*results, strict=True)]
        connection.exec_driver_sql(_INSERT_ARRAYS, (issue_id, moment, provider, *columns))
    else:
        rows = [(issue_id, moment, provider, *result) for result in results]
        connection.exec_driver_sql(_INSERT_ROWS, rows)


def _stored(moment: datetime, dialect: Dialect) -> Any:
    to_store = tables.receipt.c.at.type.dialect_impl(dialect).bind_processor(dialect)
    return to_store(moment) if to_store else moment


_INTO = "insert into receipt (issue_id, at, provider, subscriber_id, state, provider_id, reason)"
_UNLESS_CERTAIN = (
    "on conflict (issue_id, subscriber_id) do update set at = excluded.at, provider = excluded.provider, "
    "state = excluded.state, provider_id = excluded.provider_id, reason = excluded.reason "
    f"where receipt.state = '{DeliveryState.UNSURE}'"
)
_INSERT_ROWS = f"{_INTO} values (?, ?, ?, ?, ?, ?, ?) {_UNLESS_CERTAIN}"
_ARRAYS = "select %s, %s, %s, one.* from unnest(%s::text[], %s::text[], %s::text[], %s::text[]) as one"
_INSERT_ARRAYS = f"{_INTO} {_ARRAYS} {_UNLESS_CERTAIN}"


def new_batch(
    connection: Connection,
    issue_id: str,
    subscriber_ids: Sequence[str],
    *,
    tried: int = 0,
    not_before: datetime | None = None,
    now: datetime,
) -> int:
    """Move these recipients into a batch of their own, pending; `tried`: how often they were tried already."""
    _number_alone(connection, issue_id)
    highest = select(func.max(tables.batch.c.number)).where(tables.batch.c.issue_id == issue_id)
    number = int(connection.scalar(highest) or 0) + 1
    row = {"issue_id": issue_id, "number": number, "state": "pending", "attempt": tried, "changed_at": now}
    connection.execute(insert(tables.batch).values(**row, not_before=not_before))
    moved = update(tables.recipient).where(tables.recipient.c.issue_id == issue_id).values(batch=number)
    for start in range(0, len(subscriber_ids), IN_VALUES):
        part = subscriber_ids[start : start + IN_VALUES]
        connection.execute(moved.where(tables.recipient.c.subscriber_id.in_(part)))
    return number


def _number_alone(connection: Connection, issue_id: str) -> None:
    """Two senders that need a new number at one moment would both take the same (SQLite has one writer anyway).

    A lock of its own: whoever comes here holds a batch's row, and whoever holds the issue's row wants a batch's.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:issue, 0))"), {"issue": issue_id})


def recut(connection: Connection, issue_id: str, *, size: int, now: datetime) -> None:
    """Move everyone in a pending batch into new batches of this size; whoever is claimed or called stays there."""
    batch, recipient = tables.batch, tables.recipient
    of_issue = batch.c.issue_id == issue_id
    connection.execute(update(batch).where(of_issue, batch.c.state == "pending").values(state="cut"))
    _number_alone(connection, issue_id)  # after the batches' rows, as everybody else
    highest = int(connection.scalar(select(func.max(batch.c.number)).where(of_issue)) or 0)
    row_number = func.row_number().over(order_by=recipient.c.subscriber_id)
    places = (
        select(recipient.c.subscriber_id, ((row_number - 1 - (row_number - 1) % size) / size).label("place"))
        .join(batch, and_(batch.c.issue_id == recipient.c.issue_id, batch.c.number == recipient.c.batch))
        .where(of_issue, batch.c.state == "cut")
        .subquery()
    )
    moved = update(recipient).where(recipient.c.issue_id == issue_id)
    moved = moved.where(recipient.c.subscriber_id == places.c.subscriber_id)
    connection.execute(moved.values(batch=cast(places.c.place, Integer) + highest + 1))
    connection.execute(delete(batch).where(of_issue, batch.c.state == "cut"))
    numbers = select(recipient.c.batch).where(recipient.c.issue_id == issue_id, recipient.c.batch > highest).distinct()
    row = {"issue_id": issue_id, "state": "pending", "attempt": 0, "changed_at": now}
    rows = [{**row, "number": number} for number in connection.scalars(numbers)]
    if rows:
        connection.execute(insert(batch), rows)
