"""How much was mailed on each day through each provider, over all issues: what daily ceilings are held against.

The number changes in the transactions that begin a call and record its answer, so that two sending processes share
one ceiling exactly. Counting the receipts of a day instead would read a million of them before each call.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, Date, Engine, and_, bindparam, func, select, text, update

from newsletter.store import tables
from newsletter.store.engine import reading, writing
from newsletter.store.upsert import insert_new, replace

WARM_UP = "warm-up"


class DaysStore:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def mailed(self, day: date, *, provider: str) -> int:
        """How many mails of this day the provider has, or may have: sent, refused, unsure, and under way."""
        with reading(self._engine) as connection:
            return int(connection.scalar(_mails(day, provider)) or 0)

    def of(self, day: date) -> dict[str, int]:
        """The same by provider."""
        query = select(tables.sending_day.c.provider, tables.sending_day.c.mails).where(tables.sending_day.c.day == day)
        with reading(self._engine) as connection:
            return {row.provider: row.mails for row in connection.execute(query)}

    def before(self, day: date, *, since: date) -> int:
        """On how many days before this one, and since that one, anything was mailed."""
        table = tables.sending_day.c
        query = select(func.count(func.distinct(table.day))).where(table.day >= since, table.day < day, table.mails > 0)
        with reading(self._engine) as connection:
            return int(connection.scalar(query) or 0)

    def warm_up_began(self, domain: str) -> date | None:
        """The first day on which a warm-up plan was used for this domain; None: never yet."""
        query = select(tables.meta.c.value).where(tables.meta.c.key == WARM_UP)
        with reading(self._engine) as connection:
            return _since(connection.scalar(query), domain)

    def warm_up_since(self, domain: str, *, day: date) -> date:
        """The same, written down as this day when it never was."""
        known = self.warm_up_began(domain)
        if known is not None:
            return known
        query = select(tables.meta.c.value).where(tables.meta.c.key == WARM_UP)
        row = {"key": WARM_UP, "value": f"{domain} {day.isoformat()}"}
        with writing(self._engine) as connection:
            insert_new(connection, tables.meta, [row])
            # Another process may have begun the plan this moment; another domain begins anew.
            known = _since(connection.scalar(query), domain)
            if known is None:
                replace(connection, tables.meta, [row])
            return known or day


def _since(value: str | None, domain: str) -> date | None:
    known_domain, _, since = (value or "").partition(" ")
    return date.fromisoformat(since) if known_domain == domain and since else None


def _mails(day: date, provider: str) -> Any:
    table = tables.sending_day.c
    return select(table.mails).where(table.day == day, table.provider == provider)


def has_room(connection: Connection, day: date, *, provider: str, mails: int, ceiling: int | None) -> bool:
    """Whether so many more stay under the ceiling; until this transaction ends nobody else may count."""
    if ceiling is None:
        return True
    insert_new(connection, tables.sending_day, [{"day": day, "provider": provider, "mails": 0}])
    counted = int(connection.scalar(_mails(day, provider).with_for_update()) or 0)
    return counted + mails <= ceiling


def count(connection: Connection, day: date, *, provider: str, mails: int) -> None:
    connection.execute(_COUNT, {"the_day": day, "the_provider": provider, "the_mails": mails})


_COUNT = text(
    "insert into sending_day (day, provider, mails) values (:the_day, :the_provider, :the_mails) "
    "on conflict (day, provider) do update set mails = sending_day.mails + excluded.mails"
).bindparams(bindparam("the_day", type_=Date))


def uncount(connection: Connection, day: date, *, provider: str, mails: int) -> None:
    """They were not taken after all."""
    table = tables.sending_day
    where = and_(table.c.day == day, table.c.provider == provider)
    connection.execute(update(table).where(where).values(mails=table.c.mails - mails))
