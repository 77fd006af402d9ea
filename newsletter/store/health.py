"""How a database is, looked at without making or changing one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import make_url, text
from sqlalchemy.exc import ArgumentError

from newsletter.store.engine import open_engine, reading
from newsletter.store.migrate import VERSION, version_of

MOST_PROBLEMS = 5


class Health(NamedTuple):
    kind: str
    version: str | None
    problems: tuple[str, ...]
    """What SQLite's own check says, the first few."""

    @property
    def is_current(self) -> bool:
        return self.version == VERSION


def health_of(url: str, *, folder: Path) -> Health | None:
    """None: there is no database yet. Raises `StoreUnusable` or `BadInput` for one that cannot be opened."""
    if not _is_there(url, folder):
        return None
    engine = open_engine(url, folder=folder)
    try:
        version = version_of(engine)
        if engine.dialect.name != "sqlite":
            return Health("PostgreSQL", version, ())
        with reading(engine) as connection:
            found = list(connection.scalars(text(f"PRAGMA quick_check({MOST_PROBLEMS})")))
        return Health("SQLite", version, tuple(line for line in found if line != "ok"))
    finally:
        engine.dispose()


def _is_there(url: str, folder: Path) -> bool:
    try:
        parsed = make_url(url)
    except ArgumentError:
        return True  # opening it says what is wrong
    return parsed.get_backend_name() != "sqlite" or (folder / (parsed.database or "")).is_file()
