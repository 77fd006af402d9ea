"""Due times: one row each, inserted once, whoever asks and however often."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select, update

from newsletter.models import Occurrence, OccurrenceState
from newsletter.store import tables
from newsletter.store.engine import reading, writing
from newsletter.store.upsert import insert_one_new


class OccurrencesStore:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def valid_from(self, digest: str, schedule: str, *, now: datetime) -> datetime:
        """Since when this schedule makes the digest due: the moment it was first seen by the scheduler.

        A changed schedule counts from the change, so none of its past wall times become due.
        """
        with writing(self._engine) as connection:
            row = {"digest": digest, "schedule": schedule, "valid_from": now}
            if insert_one_new(connection, tables.digest_seen, row):
                return now
            seen = connection.execute(
                select(tables.digest_seen.c.schedule, tables.digest_seen.c.valid_from).where(
                    tables.digest_seen.c.digest == digest
                )
            ).one()
            if seen.schedule == schedule:
                return _moment(seen.valid_from)
            changed = update(tables.digest_seen).where(tables.digest_seen.c.digest == digest)
            connection.execute(changed.values(schedule=schedule, valid_from=now))
            return now

    def newest_wall_time(self, digest: str) -> datetime | None:
        query = select(func.max(tables.occurrence.c.wall_time)).where(tables.occurrence.c.digest == digest)
        with reading(self._engine) as connection:
            found: datetime | None = connection.scalar(query)
            return found

    def newest_change(self) -> datetime | None:
        """When an occurrence was last noted or moved: a clock far before this was set back."""
        with reading(self._engine) as connection:
            found = connection.scalar(select(func.max(tables.occurrence.c.changed_at)))
            return _moment(found) if found else None

    def note(self, occurrences: Iterable[Occurrence], *, now: datetime) -> list[Occurrence]:
        """Write the rows that are not there yet; returns those that this call wrote (all in one transaction)."""
        with writing(self._engine) as connection:
            return [one for one in occurrences if insert_one_new(connection, tables.occurrence, _values(one, now))]

    def list(self, *, state: OccurrenceState | None = None, digest: str | None = None) -> list[Occurrence]:
        """Oldest first."""
        query = select(tables.occurrence).order_by(tables.occurrence.c.due_at, tables.occurrence.c.digest)
        if state is not None:
            query = query.where(tables.occurrence.c.state == state.value)
        if digest is not None:
            query = query.where(tables.occurrence.c.digest == digest)
        with reading(self._engine) as connection:
            return [_occurrence(row) for row in connection.execute(query)]

    def move(self, one: Occurrence, to: OccurrenceState, *, note: str, now: datetime) -> bool:
        """Compare-and-set: False when another process moved it first."""
        statement = (
            update(tables.occurrence)
            .where(
                tables.occurrence.c.digest == one.digest,
                tables.occurrence.c.wall_time == one.wall_time,
                tables.occurrence.c.state == one.state.value,
            )
            .values(state=to.value, note=note, changed_at=now)
        )
        with writing(self._engine) as connection:
            return bool(connection.execute(statement).rowcount)


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError("the database gave no datetime")
    return value


def _values(one: Occurrence, now: datetime) -> dict[str, Any]:
    return {**one.model_dump(), "state": one.state.value, "changed_at": now}


def _occurrence(row: Any) -> Occurrence:
    return Occurrence(
        digest=row.digest,
        wall_time=row.wall_time,
        due_at=row.due_at,
        state=OccurrenceState(row.state),
        note=row.note,
    )
