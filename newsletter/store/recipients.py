"""Who is in a batch, and who of them may still be mailed: statements within somebody else's transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from newsletter.models import DeliveryState, Reader
from newsletter.store import tables
from newsletter.store.receipts import MAY_MAIL, Result, receipt_of_recipient, receipt_row
from newsletter.store.upsert import insert_new


def recipients_of(connection: Connection, issue_id: str, number: int) -> list[str]:
    """Everyone in the batch, by id."""
    return list(connection.scalars(_ids(issue_id, number)))


def open_recipients_of(connection: Connection, issue_id: str, number: int) -> list[str]:
    """Those of whom nothing is recorded yet, by id."""
    query = _ids(issue_id, number).outerjoin(tables.receipt, receipt_of_recipient())
    return list(connection.scalars(query.where(tables.receipt.c.state.is_(None))))


def _ids(issue_id: str, number: int) -> Select[Any]:
    return (
        select(tables.recipient.c.subscriber_id)
        .select_from(tables.recipient)
        .where(tables.recipient.c.issue_id == issue_id, tables.recipient.c.batch == number)
        .order_by(tables.recipient.c.subscriber_id)
    )


def readers_of(connection: Connection, issue_id: str, number: int, digest: str) -> list[Reader]:
    """Those of the batch who may be mailed now, by id."""
    query = mailable(issue_id, digest).where(tables.recipient.c.batch == number).order_by(tables.subscriber.c.id)
    return [Reader._make(row) for row in connection.execute(query)]


def mailable(issue_id: str, digest: str) -> Select[Any]:
    """The planned recipients of whom nothing is recorded yet and who may be mailed now, as `Reader`s."""
    return (
        reader_columns()
        .join(tables.recipient, tables.recipient.c.subscriber_id == tables.subscriber.c.id)
        .join(tables.subscription, _is_subscription_to(digest))
        .outerjoin(tables.receipt, receipt_of_recipient())
        .where(tables.recipient.c.issue_id == issue_id, tables.receipt.c.state.is_(None), MAY_MAIL)
    )


def reader_columns() -> Select[Any]:
    subscriber = tables.subscriber.c
    return select(subscriber.id, subscriber.email, subscriber.name, subscriber.attributes)


def _is_subscription_to(digest: str) -> Any:
    return and_(tables.subscription.c.subscriber_id == tables.subscriber.c.id, tables.subscription.c.digest == digest)


def skip_all_but(connection: Connection, issue_id: str, number: int, kept: Collection[str], now: datetime) -> None:
    """Those of the batch who may not be mailed any more get no mail, and are counted."""
    reason = "left, bounced or was removed after the issue was planned"
    results = [
        Result(one, DeliveryState.SKIPPED, reason=reason)
        for one in open_recipients_of(connection, issue_id, number)
        if one not in kept
    ]
    insert_new(connection, tables.receipt, [receipt_row(issue_id, None, result, now) for result in results])
