"""What the store remembers of the posts folder: the reading cache, identities given out, and items imported."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Engine, delete, select

from newsletter.models import KnownPost, PostFile
from newsletter.store import tables
from newsletter.store.engine import reading, writing
from newsletter.store.upsert import insert_new, replace


class PostsStore:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def cached_files(self) -> dict[str, PostFile]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(*(tables.post_file.c[name] for name in PostFile._fields)))
            return {row[0]: PostFile._make(row) for row in rows}

    def known(self) -> list[KnownPost]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(*(tables.known_post.c[name] for name in KnownPost._fields)))
            return [KnownPost._make(row) for row in rows]

    def remember(self, *, changed: Iterable[PostFile], gone: Iterable[str], known: Iterable[KnownPost]) -> None:
        """Bring the cache and the identities to what the folder holds now; identities of vanished files are kept."""
        with writing(self._engine) as connection:
            replace(connection, tables.post_file, [row._asdict() for row in changed])
            for path in gone:
                connection.execute(delete(tables.post_file).where(tables.post_file.c.path == path))
            replace(connection, tables.known_post, [row._asdict() for row in known])

    def imported_keys(self) -> set[str]:
        with reading(self._engine) as connection:
            return set(connection.scalars(select(tables.imported_item.c.key)))

    def remember_imported(self, keys: Iterable[str], *, now: datetime) -> None:
        with writing(self._engine) as connection:
            insert_new(connection, tables.imported_item, [{"key": key, "at": now} for key in keys])
