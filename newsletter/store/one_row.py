"""Many rows as one: each column a list, written as JSON by the database.

For each row that it fetches, Python's driver for SQLite lets the other threads go first, and waits until they let go
again: five hundred readers beside a busy lane took a second, with the database locked meanwhile. One row waits once.
psycopg takes less time for it, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Select, Text, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _AllOf(FunctionElement[str]):
    """All values of a column of text."""

    type = Text()
    inherit_cache = True


@compiles(_AllOf, "postgresql")
def _on_postgresql(element: _AllOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_agg({compiler.process(element.clauses, **options)})::text"


@compiles(_AllOf, "sqlite")
def _on_sqlite(element: _AllOf, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array({compiler.process(element.clauses, **options)})"


def in_one_row(query: Select[Any]) -> Select[Any]:
    """The same for a query of texts; its order is lost."""
    columns: list[Any] = [_AllOf(column) for column in query.subquery().c]
    return select(*columns)


def out_of_one_row(row: Iterable[str | None]) -> Iterator[tuple[str, ...]]:
    """The rows again."""
    return zip(*(json.loads(column or "[]") for column in row), strict=True)
