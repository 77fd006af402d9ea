"""Who is in a batch, and who of them may still be mailed: statements within somebody else's transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection

from newsletter.models import DeliveryState, Reader
from newsletter.store import statements, tables
from newsletter.store.one_row import out_of_one_row
from newsletter.store.receipts import Result, receipt_rows
from newsletter.store.upsert import insert_new


def open_recipients_of(connection: Connection, issue_id: str, number: int) -> list[str]:
    """Those of the batch of whom nothing is recorded yet, by id."""
    return list(connection.scalars(statements.OPEN_RECIPIENTS, {"the_issue": issue_id, "the_number": number}))


def readers_of(connection: Connection, issue_id: str, number: int, digest: str) -> list[Reader]:
    """Those of the batch who may be mailed now, by id."""
    named = {"the_issue": issue_id, "the_number": number, "the_digest": digest}
    found = out_of_one_row(connection.execute(statements.READERS, named).one())
    return sorted(statements.readers_from(found))


def skip_all_but(connection: Connection, issue_id: str, number: int, kept: Collection[str], now: datetime) -> None:
    """Those of the batch who may not be mailed any more get no mail, and are counted."""
    reason = "left, bounced or was removed after the issue was planned"
    results = [
        Result(one, DeliveryState.SKIPPED, reason=reason)
        for one in open_recipients_of(connection, issue_id, number)
        if one not in kept
    ]
    insert_new(connection, tables.receipt, receipt_rows(connection, issue_id, None, results, now))
