"""What the statements about batches and about deliveries have in common: who may be mailed, receipts, new batches."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect, and_, bindparam, delete, func, insert, select, text, update

from newsletter.errors import StoreUnusable
from newsletter.models import DeliveryState, SubscriberState
from newsletter.store import tables

IN_VALUES = 5000
"""In one `in (…)`; SQLite takes 32,766, PostgreSQL 65,535."""
ROWS_AT_ONCE = 100
"""In one insert on SQLite: more are hardly faster, and each connection keeps the statement, 0.8 kB a row."""


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


def number_of(issue_id: Any) -> Any:
    """The number of the issue, as a part of a statement: the rows of its deliveries have it instead of the id."""
    return select(tables.issue.c.number).where(tables.issue.c.id == issue_id).correlate(None).scalar_subquery()


def known_number_of(connection: Connection, issue_id: str) -> int:
    """Raises `StoreUnusable` where there is no such issue, as when the database was exchanged meanwhile."""
    number: int | None = connection.scalar(_NUMBER, {"the_issue": issue_id})
    if number is None:
        raise StoreUnusable(f"the database does not know {issue_id}", fix="put back the one that began its sending")
    return number


_NUMBER = select(number_of(bindparam("the_issue")))


def receipt_of_recipient() -> Any:
    return and_(
        tables.receipt.c.issue == tables.recipient.c.issue,
        tables.receipt.c.subscriber_id == tables.recipient.c.subscriber_id,
    )


def receipt_rows(
    connection: Connection, issue_id: str, provider: str | None, results: Iterable[Result], now: datetime
) -> list[dict[str, Any]]:
    every = {"at": now, "issue": known_number_of(connection, issue_id), "provider": provider}
    return [{**every, **result._asdict(), "state": result.state.value} for result in results]


def record(connection: Connection, issue_id: str, provider: str, results: Sequence[Result], *, now: datetime) -> None:
    """Insert a receipt for each; where there is one already, only a doubt is replaced.

    By the driver itself, and many in one statement: a row through SQLAlchemy costs three times as much on SQLite, a
    statement a row half as much again there and ten times as much on PostgreSQL. That gets columns of JSON, because its
    driver takes twice as long to write arrays.
    """
    if not results:
        return
    every = (known_number_of(connection, issue_id), _stored(now, connection.dialect), provider)
    if connection.dialect.name == "postgresql":
        columns = [json.dumps(column) for column in zip(*results, strict=True)]
        connection.exec_driver_sql(_INSERT_COLUMNS, (*every, *columns))
    else:
        for start in range(0, len(results), ROWS_AT_ONCE):
            part = results[start : start + ROWS_AT_ONCE]
            connection.exec_driver_sql(_insert_rows(len(part)), (*every, *chain.from_iterable(part)))


def _stored(moment: datetime, dialect: Dialect) -> Any:
    to_store = tables.receipt.c.at.type.dialect_impl(dialect).bind_processor(dialect)
    return to_store(moment) if to_store else moment


_INTO = "insert into receipt (issue, at, provider, subscriber_id, state, provider_id, reason)"
_UNLESS_CERTAIN = (
    "on conflict (issue, subscriber_id) do update set at = excluded.at, provider = excluded.provider, "
    "state = excluded.state, provider_id = excluded.provider_id, reason = excluded.reason "
    f"where receipt.state = '{DeliveryState.UNSURE}'"
)
_COLUMNS = ", ".join(["json_array_elements_text(%s::json)"] * len(Result._fields))
_INSERT_COLUMNS = f"{_INTO} select %s, %s, %s, one.* from rows from ({_COLUMNS}) as one {_UNLESS_CERTAIN}"  # noqa: S608 - our own words


@lru_cache(maxsize=16)
def _insert_rows(count: int) -> str:
    rows = ", ".join(["(?1, ?2, ?3, ?, ?, ?, ?)"] * count)
    return f"{_INTO} values {rows} {_UNLESS_CERTAIN}"


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
    issue = known_number_of(connection, issue_id)
    highest = select(func.max(tables.batch.c.number)).where(tables.batch.c.issue == issue)
    number = int(connection.scalar(highest) or 0) + 1
    row = {"issue": issue, "number": number, "state": "pending", "attempt": tried, "changed_at": now}
    connection.execute(insert(tables.batch).values(**row, not_before=not_before))
    moved = update(tables.recipient).where(tables.recipient.c.issue == issue).values(batch=number)
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
    issue = known_number_of(connection, issue_id)
    of_issue = batch.c.issue == issue
    connection.execute(update(batch).where(of_issue, batch.c.state == "pending").values(state="cut"))
    _number_alone(connection, issue_id)  # after the batches' rows, as everybody else
    highest = int(connection.scalar(select(func.max(batch.c.number)).where(of_issue)) or 0)
    row_number = func.row_number().over(order_by=recipient.c.subscriber_id)
    places = (
        select(recipient.c.subscriber_id, ((row_number - 1) // size).label("place"))
        .join(batch, and_(batch.c.issue == recipient.c.issue, batch.c.number == recipient.c.batch))
        .where(of_issue, batch.c.state == "cut")
        .subquery()
    )
    moved = update(recipient).where(recipient.c.issue == issue)
    moved = moved.where(recipient.c.subscriber_id == places.c.subscriber_id)
    connection.execute(moved.values(batch=places.c.place + highest + 1))
    connection.execute(delete(batch).where(of_issue, batch.c.state == "cut"))
    numbers = select(recipient.c.batch).where(recipient.c.issue == issue, recipient.c.batch > highest).distinct()
    row = {"issue": issue, "state": "pending", "attempt": 0, "changed_at": now}
    rows = [{**row, "number": number} for number in connection.scalars(numbers)]
    if rows:
        connection.execute(insert(batch), rows)
