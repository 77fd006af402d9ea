"""The subscribers, which digests they get, and the hashes of those who must never be mailed again.

All changes of the roster wait for each other (`changing`): an import that read somebody as active would otherwise
overwrite that he left a moment later. Somebody who left, bounced or complained is made active again by nothing here.
"""

from __future__ import annotations

import base64
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Engine, Select, delete, exists, func, select, text, update

from newsletter.models import Subscriber, SubscriberState
from newsletter.store import tables
from newsletter.store.engine import reading, writing
from newsletter.store.upsert import insert_new, insert_one_new, replace

_MAY_LEAVE = (SubscriberState.ACTIVE.value, SubscriberState.PENDING.value)
_PAGE_ROWS = 1000
_IN_VALUES = 5000
"""In one `in (…)`; SQLite takes 32,766, PostgreSQL 65,535."""
_ROSTER_LOCK = 0x6E657773
"""Any number will do that nothing else in this database locks."""

GoneState = Literal[SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED, SubscriberState.COMPLAINED]


class SubscriberRow(NamedTuple):
    id: str
    email: str
    email_key: str
    name: str
    state: SubscriberState
    topics: tuple[str, ...]
    attributes: dict[str, str]
    consent: str
    created_at: datetime
    changed_at: datetime
    digests: tuple[str, ...] = ()
    """Those that the subscriber gets, by name."""
    left_digests: tuple[str, ...] = ()
    """Those that the subscriber left: an import does not bring them back."""

    @property
    def subscriber(self) -> Subscriber:
        values = self._asdict()
        return Subscriber.model_validate({name: values[name] for name in Subscriber.model_fields})


_COLUMNS = [column for column in tables.subscriber.c if column.name in SubscriberRow._fields]
_NAMES = [column.name for column in _COLUMNS]


def new_id() -> str:
    """80 random bits in letters and digits: opaque in links, usable in file names and message ids."""
    return base64.b32encode(secrets.token_bytes(10)).decode("ascii").lower()


class RosterTransaction:
    """The roster within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, email_keys: Collection[str]) -> dict[str, SubscriberRow]:
        """Those of these addresses that there are, by email key."""
        found = (self._rows(_those(tables.subscriber.c.email_key, part)) for part in _parts(email_keys))
        return {row.email_key: row for rows in found for row in rows}

    def get(self, subscriber_id: str) -> SubscriberRow | None:
        return next(iter(self._rows(_those(tables.subscriber.c.id, [subscriber_id]))), None)

    def page(
        self, *, after: str, state: SubscriberState | None = None, digest: str | None = None
    ) -> list[SubscriberRow]:
        """The next 1,000 by email key."""
        query = select(*_COLUMNS).where(tables.subscriber.c.email_key > after)
        if state is not None:
            query = query.where(tables.subscriber.c.state == state.value)
        if digest is not None:
            query = query.where(_gets(digest))
        return self._rows(query.order_by(tables.subscriber.c.email_key).limit(_PAGE_ROWS))

    def suppressed(self, email_hashes: Collection[str]) -> set[str]:
        """Those of these hashes that stand for an address that must not be mailed again."""
        column = tables.suppression.c.email_hash
        parts = (self._connection.scalars(select(column).where(column.in_(part))) for part in _parts(email_hashes))
        return {found for part in parts for found in part}

    def save(self, rows: Sequence[SubscriberRow]) -> None:
        """Write new subscribers and changed ones; digests are only added, and not those that were left."""
        replace(self._connection, tables.subscriber, [_values(row) for row in rows])
        subscriptions = [
            {"subscriber_id": row.id, "digest": digest, "joined_at": row.changed_at, "left_at": None}
            for row in rows
            for digest in row.digests
        ]
        insert_new(self._connection, tables.subscription, subscriptions)

    def leave(self, subscriber_id: str, digest: str | None, *, now: datetime) -> None:
        """Out of one digest, or of all; who gets no digest any more is unsubscribed."""
        live = tables.subscription.c.left_at.is_(None)
        whose = tables.subscription.c.subscriber_id == subscriber_id
        left = update(tables.subscription).where(whose, live)
        if digest is not None:
            left = left.where(tables.subscription.c.digest == digest)
        self._connection.execute(left.values(left_at=now))
        if not self._connection.scalar(select(exists().where(whose, live))):
            self.mark(subscriber_id, SubscriberState.UNSUBSCRIBED, now=now)

    def mark(self, subscriber_id: str, state: GoneState, *, now: datetime) -> bool:
        """An active or pending subscriber is gone in this way; False for one who was gone before."""
        statement = (
            update(tables.subscriber)
            .where(tables.subscriber.c.id == subscriber_id, tables.subscriber.c.state.in_(_MAY_LEAVE))
            .values(state=state.value, changed_at=now)
        )
        return bool(self._connection.execute(statement).rowcount)

    def erase(self, subscriber_id: str, email_hash: str, *, now: datetime) -> None:
        """Delete all that is known of the person; only the hash stays, so that no import brings the address back."""
        own = tables.subscription.c.subscriber_id == subscriber_id
        self._connection.execute(delete(tables.subscription).where(own))
        self._connection.execute(delete(tables.subscriber).where(tables.subscriber.c.id == subscriber_id))
        insert_one_new(self._connection, tables.suppression, {"email_hash": email_hash, "reason": "erased", "at": now})

    def _rows(self, query: Select[Any]) -> list[SubscriberRow]:
        found = self._connection.execute(query).mappings().all()
        live, left = self._digests([row["id"] for row in found])
        return [
            SubscriberRow(
                **{
                    **row,
                    "state": SubscriberState(row["state"]),
                    "topics": tuple(row["topics"]),
                    "digests": tuple(live[row["id"]]),
                    "left_digests": tuple(left[row["id"]]),
                }
            )
            for row in found
        ]

    def _digests(self, ids: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        live: dict[str, list[str]] = defaultdict(list)
        left: dict[str, list[str]] = defaultdict(list)
        table = tables.subscription.c
        query = select(table.subscriber_id, table.digest, table.left_at).order_by(table.digest)
        for part in _parts(ids):
            for subscriber_id, digest, left_at in self._connection.execute(query.where(table.subscriber_id.in_(part))):
                (live if left_at is None else left)[subscriber_id].append(digest)
        return live, left


class SubscribersStore:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def changing(self) -> Iterator[RosterTransaction]:
        """A transaction in which the roster is looked at and changed; other changes of the roster wait for it."""
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
                connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _ROSTER_LOCK})
            yield RosterTransaction(connection)

    def get(self, subscriber_id: str) -> SubscriberRow | None:
        with reading(self._engine) as connection:
            return RosterTransaction(connection).get(subscriber_id)

    def find(self, email_key: str) -> SubscriberRow | None:
        with reading(self._engine) as connection:
            return RosterTransaction(connection).find([email_key]).get(email_key)

    def count_by_state(self) -> dict[str, int]:
        query = select(tables.subscriber.c.state, func.count()).group_by(tables.subscriber.c.state)
        with reading(self._engine) as connection:
            return {state: count for state, count in connection.execute(query)}  # noqa: C416 - rows are no pairs

    def is_suppressed(self, email_hashes: Collection[str]) -> bool:
        """Was this address erased? (`email_hashes`: one for each key the site ever had.)"""
        with reading(self._engine) as connection:
            return bool(RosterTransaction(connection).suppressed(email_hashes))

    def list(self, *, state: SubscriberState | None = None, digest: str | None = None) -> Iterator[SubscriberRow]:
        """By address, streamed; each page is read at its own moment, so that a long list holds up nobody."""
        after = ""
        while True:
            with reading(self._engine) as connection:
                rows = RosterTransaction(connection).page(after=after, state=state, digest=digest)
            yield from rows
            if len(rows) < _PAGE_ROWS:
                return
            after = rows[-1].email_key


def _those(column: Any, values: Collection[str]) -> Select[Any]:
    return select(*_COLUMNS).where(column.in_(values))


def _gets(digest: str) -> Any:
    table = tables.subscription.c
    return exists().where(
        table.subscriber_id == tables.subscriber.c.id, table.digest == digest, table.left_at.is_(None)
    )


def _values(row: SubscriberRow) -> dict[str, Any]:
    values = row._asdict()
    return {name: values[name] for name in _NAMES} | {"state": row.state.value, "topics": [*row.topics]}


def _parts(values: Iterable[str]) -> Iterator[Sequence[str]]:
    listed = list(values)
    for start in range(0, len(listed), _IN_VALUES):
        yield listed[start : start + _IN_VALUES]
