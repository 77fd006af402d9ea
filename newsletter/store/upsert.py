"""`insert … on conflict` for both databases: the one construct that SQLAlchemy Core spells per dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_
from sqlalchemy.dialects import postgresql, sqlite


def _insert(connection: Connection, table: Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows whose primary key is not there yet; the others stay as they are."""
    if rows:
        connection.execute(_insert(connection, table).on_conflict_do_nothing(), rows)


def insert_one_new(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert the row unless its primary key is taken; says whether it was inserted, decided by the database."""
    return bool(connection.execute(_insert(connection, table).values(row).on_conflict_do_nothing()).rowcount)


def replace(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *, only_where: dict[str, Any] | None = None
) -> None:
    """Insert the rows or overwrite those with the same primary key (`only_where`: if their old values are these)."""
    if not rows:
        return
    statement = _insert(connection, table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    where = and_(*(table.c[name] == value for name, value in only_where.items())) if only_where else None
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed, where=where), rows)
