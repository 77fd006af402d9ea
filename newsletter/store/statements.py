"""The statements that run for every batch, made once: SQLAlchemy takes 150 µs to put one together and 20 to run it.

Their parameters begin with `the_`, because SQLAlchemy keeps the columns' own names for itself. What is rare is put
together where it is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Integer, Select, Text, Update, and_, bindparam, cast, func, or_, select, update

from newsletter.models import Reader
from newsletter.store import tables
from newsletter.store.one_row import in_one_row
from newsletter.store.receipts import MAY_MAIL, number_of, receipt_of_recipient

_batch, _recipient, _receipt = tables.batch.c, tables.recipient.c, tables.receipt.c
_subscriber, _subscription = tables.subscriber.c, tables.subscription.c

# --- whom -------------------------------------------------------------------------------------------------------


def reader_columns() -> Select[Any]:
    """Subscribers as rows of which `readers_from` makes `Reader`s."""
    return select(_subscriber.id, _subscriber.email, _subscriber.name, cast(_subscriber.attributes, Text))


def readers_from(rows: Iterable[Sequence[str]]) -> Iterator[Reader]:
    """Most have no attributes, and reading that they have none would take half the time of reading them."""
    for subscriber_id, email, name, attributes in rows:
        yield Reader(subscriber_id, email, name, {} if attributes == "{}" else json.loads(attributes))


def mailable(issue_id: Any, digest: Any) -> Select[Any]:
    """The planned recipients of whom nothing is recorded yet and who may be mailed now, as rows of readers."""
    subscribed = and_(_subscription.subscriber_id == _subscriber.id, _subscription.digest == digest)
    return (
        reader_columns()
        .join(tables.recipient, _recipient.subscriber_id == _subscriber.id)
        .join(tables.subscription, subscribed)
        .outerjoin(tables.receipt, receipt_of_recipient())
        .where(_recipient.issue == number_of(issue_id), _receipt.state.is_(None), MAY_MAIL)
    )


# --- claiming ---------------------------------------------------------------------------------------------------

_OF_ISSUE = _batch.issue == number_of(bindparam("the_issue"))
_MAY_BE_TRIED = or_(
    _batch.not_before.is_(None),
    _batch.not_before <= bindparam("the_time"),
    _batch.not_before > bindparam("the_longest_wait"),
)


def _first(*those: Any) -> Select[Any]:
    """The first batch of these that nobody is just claiming: its number, and how often it was tried."""
    query = select(_batch.number, _batch.attempt).where(_OF_ISSUE, *those).order_by(_batch.number).limit(1)
    return query.with_for_update(skip_locked=True)


# Two and not one with "or", which would walk through all batches that are done, more and more of them.
FIRST_PENDING = _first(_batch.state == "pending", _MAY_BE_TRIED)
FIRST_STALE = _first(_batch.state == "claimed", _batch.changed_at <= bindparam("the_stale_time"))

CLAIM_BATCH = (
    update(tables.batch)
    .where(_OF_ISSUE, _batch.number == bindparam("the_number"))
    .values(
        state="claimed",
        owner=bindparam("the_owner"),
        attempt=bindparam("the_attempt"),
        changed_at=bindparam("the_time"),
    )
)

_IN_BATCH = and_(_recipient.issue == number_of(bindparam("the_issue")), _recipient.batch == bindparam("the_number"))

BATCH_SIZE = select(func.count()).select_from(tables.recipient).where(_IN_BATCH)
"""A statement of its own: only once the batch is locked nobody takes recipients out of it."""

FIRST_RECIPIENTS = (
    select(_recipient.subscriber_id)
    .where(_IN_BATCH)
    .order_by(_recipient.subscriber_id)
    .limit(bindparam("the_limit", type_=Integer))
)

OPEN_RECIPIENTS = (
    select(_recipient.subscriber_id)
    .select_from(tables.recipient)
    .outerjoin(tables.receipt, receipt_of_recipient())
    .where(_IN_BATCH, _receipt.state.is_(None))
    .order_by(_recipient.subscriber_id)
)
"""Those of whom nothing is recorded yet."""

# --- around the call --------------------------------------------------------------------------------------------

_IS_CLAIMS = and_(
    _OF_ISSUE,
    _batch.number == bindparam("the_number"),
    _batch.owner == bindparam("the_owner"),
    _batch.attempt == bindparam("the_attempt"),
)


def _change(is_in: str, **values: Any) -> Update:
    """Change the batch of a claim, if it is this owner's and `is_in` this state."""
    return update(tables.batch).where(_IS_CLAIMS, _batch.state == is_in).values(**values)


BEGIN_CALL = _change(
    "claimed",
    state="attempting",
    provider=bindparam("the_provider"),
    changed_at=bindparam("the_time"),
    attempted_at=bindparam("the_time"),
    fingerprint=None,
)
REMEMBER_CALL = _change("attempting", fingerprint=bindparam("the_fingerprint"))
TAKE_UP_CALL = _change("attempting", owner=bindparam("the_new_owner"))
END_CALL = _change("attempting", state="done", changed_at=bindparam("the_time"))
GIVE_BACK = _change("claimed", state="pending", changed_at=bindparam("the_time"))
KEEP_CLAIM = _change("claimed", changed_at=bindparam("the_time"))

READERS = in_one_row(
    mailable(bindparam("the_issue"), bindparam("the_digest")).where(_recipient.batch == bindparam("the_number"))
)
"""Those of a batch who may be mailed now, in no order."""

COUNT_CALL = (
    update(tables.issue)
    .where(tables.issue.c.id == bindparam("the_issue"))
    .values(attempts=tables.issue.c.attempts + 1)
    .returning(tables.issue.c.attempts)
)

LOCKED_STATE = select(tables.issue.c.state).where(tables.issue.c.id == bindparam("the_issue")).with_for_update()
