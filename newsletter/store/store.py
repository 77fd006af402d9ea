"""The opened database of a site, grouped by concept: `store.issues.get(…)`, `store.deliveries.claim(…)`."""

from __future__ import annotations

import secrets
from pathlib import Path

from sqlalchemy import select

from newsletter.store import tables
from newsletter.store.batches import BatchesStore
from newsletter.store.days import DaysStore
from newsletter.store.deliveries import DeliveriesStore
from newsletter.store.engine import open_engine, reading, writing
from newsletter.store.issues import IssuesStore
from newsletter.store.migrate import ensure_current
from newsletter.store.occurrences import OccurrencesStore
from newsletter.store.owners import FileOwners, Owners, ServerOwners
from newsletter.store.posts import PostsStore
from newsletter.store.subscribers import SubscribersStore
from newsletter.store.upsert import insert_new


class Store:
    def __init__(self, url: str, *, folder: Path) -> None:
        """Open the database of the site in `folder`, making it when there is none."""
        self.engine = open_engine(url, folder=folder)
        ensure_current(self.engine)
        if self.engine.dialect.name == "sqlite":
            # Beside the database and not in the site: two folders may share one file.
            self.owners: Owners = FileOwners(Path(str(self.engine.url.database)).parent / "locks")
        else:
            self.owners = ServerOwners(self.engine)
        self.posts = PostsStore(self.engine)
        self.issues = IssuesStore(self.engine)
        self.subscribers = SubscribersStore(self.engine)
        self.deliveries = DeliveriesStore(self.engine)
        self.batches = BatchesStore(self.engine)
        self.days = DaysStore(self.engine)
        self.occurrences = OccurrencesStore(self.engine)
        self.instance = self._instance()

    def close(self) -> None:
        self.owners.vanish()
        self.engine.dispose()

    def _instance(self) -> str:
        """The database's own id, drawn once: `receipt.json` names the database that began a sending."""
        query = select(tables.meta.c.value).where(tables.meta.c.key == "instance")
        with reading(self.engine) as connection:
            found: str | None = connection.scalar(query)
        if found is None:
            with writing(self.engine) as connection:
                insert_new(connection, tables.meta, [{"key": "instance", "value": secrets.token_hex(8)}])
                found = connection.scalar(query)
        return str(found)
