"""A database of an older version, in the middle of a sending, is brought to this one with all that it holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, insert

from newsletter.models import Counts, Delivery, DeliveryState, IssueState
from newsletter.store.engine import open_engine, reading, writing
from newsletter.store.migrate import _config, migrate
from newsletter.store.receipts import Result
from newsletter.store.store import Store
from newsletter.store.tables import metadata

NOW = datetime(2023, 11, 16, 9, 0, tzinfo=UTC)
EXACTLY = NOW + timedelta(microseconds=123456)
ISSUE, OTHER = "weekly-2023-11-16", "weekly-2023-11-23"


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database of the version before issues had numbers."""
    is_sqlite = request.param == "sqlite"
    url = "sqlite:///data/newsletter.db" if is_sqlite else request.getfixturevalue("new_database")()
    engine = open_engine(url, folder=tmp_path)
    with writing(engine) as connection:
        command.upgrade(_config(connection), "0002")
        _fill(connection)
    engine.dispose()
    return url


def _fill(connection: Connection) -> None:
    """Of six recipients one got the issue, one was refused, one is in doubt, one is being called, two wait."""
    old = MetaData()
    old.reflect(connection)

    def add(table: str, *rows: dict[str, Any], **same: Any) -> None:
        connection.execute(insert(old.tables[table]), [{**same, **row} for row in rows])

    changed = {"created_at": NOW, "changed_at": NOW}
    add("issue", {"id": OTHER, "state": "draft"}, digest="weekly", due_at=NOW, note="", attempts=0, **changed)
    begun = {"manifest_sha256": "0" * 64, "provider": "postmark", "began_at": NOW}
    add(
        "issue", {"id": ISSUE, "state": "sending"}, digest="weekly", due_at=NOW, note="", attempts=2, **begun, **changed
    )
    people = [{"id": f"s{n}", "email": f"S{n}@example.org", "email_key": f"s{n}@example.org"} for n in range(6)]
    kept = {"name": "Ada", "state": "active", "topics": ["news"], "attributes": {"town": "Ulm"}, "consent": "a form"}
    add("subscriber", *people, **kept, **changed)
    digests = [{"subscriber_id": one["id"], "left_at": NOW if one["id"] == "s5" else None} for one in people]
    add("subscription", *digests, digest="weekly", joined_at=NOW)
    done, called = {"number": 1, "state": "done"}, {"number": 2, "state": "attempting", "fingerprint": "f" * 64}
    add("batch", done, issue_id=ISSUE, attempt=1, owner="a", provider="postmark", changed_at=NOW)
    add("batch", called, issue_id=ISSUE, attempt=1, owner="a", provider="postmark", changed_at=NOW, attempted_at=NOW)
    add("batch", {"number": 3, "state": "pending"}, issue_id=ISSUE, attempt=0, changed_at=NOW)
    numbers = [1, 1, 1, 2, 3, 3]
    planned = [{"subscriber_id": f"s{n}", "batch": number} for n, number in enumerate(numbers)]
    add("recipient", *planned, issue_id=ISSUE)
    receipts = [
        {"subscriber_id": "s0", "state": "sent", "at": EXACTLY, "provider_id": "m-0", "reason": None},
        {"subscriber_id": "s1", "state": "refused", "at": NOW, "provider_id": None, "reason": "no such box"},
        {"subscriber_id": "s2", "state": "unsure", "at": NOW, "provider_id": None, "reason": None},
    ]
    add("receipt", *receipts, issue_id=ISSUE, provider="postmark")


@pytest.fixture
def migrated(older: str, tmp_path: Path) -> Iterator[Store]:
    engine = open_engine(older, folder=tmp_path)
    assert migrate(engine)
    engine.dispose()
    opened = Store(older, folder=tmp_path)
    yield opened
    opened.close()


def test_its_tables_are_exactly_those_of_a_new_one(migrated: Store) -> None:
    with reading(migrated.engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_what_became_of_each_delivery_is_kept(migrated: Store) -> None:
    assert migrated.deliveries.counts(ISSUE) == Counts(recipients=6, pending=3, sent=1, refused=1, unsure=1)
    assert list(migrated.deliveries.list(ISSUE))[:3] == [
        Delivery("S0@example.org", DeliveryState.SENT, EXACTLY, "m-0", None),
        Delivery("S1@example.org", DeliveryState.REFUSED, NOW, None, "no such box"),
        Delivery("S2@example.org", DeliveryState.UNSURE, NOW, None, None),
    ]
    assert migrated.deliveries.unsure(ISSUE, provider="postmark") == {"s2": NOW}


def test_the_sending_goes_on_where_it_was(migrated: Store) -> None:
    (called,) = migrated.batches.attempting(ISSUE)
    claim = migrated.batches.claim(ISSUE, owner="b", limit=500, now=NOW)
    assert claim is not None

    begun = migrated.batches.attempt(claim, digest="weekly", provider="postmark", now=NOW)
    for batch, subscriber_id in ((called.claim, "s3"), (claim, "s4")):
        results = [Result(subscriber_id, DeliveryState.SENT)]
        migrated.batches.finish(batch, provider="postmark", results=results, now=NOW)

    assert (called.subscriber_ids, called.attempted_at, called.fingerprint) == (("s3",), NOW, "f" * 64)
    assert begun is not None
    assert ([reader.subscriber_id for reader in begun.readers], begun.attempts) == (["s4"], 3)
    assert migrated.deliveries.counts(ISSUE) == Counts(recipients=6, sent=3, refused=1, unsure=1, skipped=1)


def test_issues_and_subscribers_are_as_they_were(migrated: Store) -> None:
    issue, other = migrated.issues.get(ISSUE), migrated.issues.get(OTHER)
    gone = migrated.subscribers.get("s5")

    migrated.issues.begin_draft("weekly-2023-11-30", digest="weekly", due_at=NOW, now=NOW)

    assert issue is not None
    assert (issue.state, issue.attempts, issue.began_at) == (IssueState.SENDING, 2, NOW)
    assert other is not None
    assert (other.state, other.attempts, other.began_at) == (IssueState.DRAFT, 0, None)
    assert gone is not None
    assert (gone.email, gone.topics, gone.attributes) == ("S5@example.org", ("news",), {"town": "Ulm"})
    assert (gone.digests, gone.left_digests, gone.consent, gone.created_at) == ((), ("weekly",), "a form", NOW)
    assert len(migrated.issues.list()) == 3
