"""Opens the database so that what it says is durable is durable.

SQLite runs with WAL and `synchronous=FULL` and writers begin IMMEDIATE: a deferred transaction that reads first and
then writes fails at once with "database is locked", whatever the timeout (docs/design.md). PostgreSQL commits
synchronously. Both are asserted on every connection, because a kill test cannot show that a power cut would lose it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from newsletter.errors import BadInput, Place, StoreUnusable

BUSY_TIMEOUT_MS = 30_000
CONNECTIONS = 24
"""At once from one process: sixteen sending connections, the main thread, and web pages beside them."""
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "secure_delete=ON",  # an erased person's address must not stay behind in a free page
)


def open_engine(url: str, *, folder: Path) -> Engine:
    """The engine for `url`; a relative SQLite path is within the site's `folder`."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            path = (folder / (parsed.database or "")).resolve()
            path.parent.mkdir(parents=True, exist_ok=True)
            return _sqlite(path)
        if parsed.get_backend_name() == "postgresql":
            return _postgresql(parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
    except (ArgumentError, NoSuchModuleError) as error:
        raise _bad_url(str(error)) from error
    except ModuleNotFoundError as error:
        raise StoreUnusable(
            "PostgreSQL needs the library psycopg, which is not installed",
            fix="run `pip install 'folder-digest[postgres]'`",
        ) from error
    except OSError as error:
        raise StoreUnusable(
            f"the folder of the database cannot be made: {error.strerror}", fix=f"look at the rights of {folder}"
        ) from error
    raise _bad_url("it names neither SQLite nor PostgreSQL")


def _bad_url(reason: str) -> BadInput:
    place = Place("database.url", f"{reason}; wanted is sqlite:///data/newsletter.db or postgresql://user@host/name")
    return BadInput("the database's address cannot be used:", places=[place])


def _sqlite(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=CONNECTIONS,
        pool_use_lifo=True,  # writers take turns, so nearly all do with one connection and the pages that it has read
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000},
    )
    _WRITERS[engine] = threading.RLock()

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's begin event below opens transactions, sqlite3 never does
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        mode, level = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous"))
        if (mode, level) != ("wal", 2):
            raise StoreUnusable(
                f"{path.name} cannot be opened durably (journal {mode}, synchronous {level})",
                fix="keep the database on a local disk, not on a network share",
            )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: str) -> Engine:
    engine = create_engine(url, pool_pre_ping=True, pool_size=CONNECTIONS)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = on")
            cursor.execute("SET lock_timeout = '30s'")
            cursor.execute("SHOW fsync")
            if cursor.fetchone()[0] != "on":
                raise StoreUnusable("this PostgreSQL runs with fsync off", fix="turn fsync on in postgresql.conf")
        connection.commit()

    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write; durable when the block ends."""
    with _said_plainly(engine), _alone(engine), engine.begin() as connection:
        yield connection


_WRITERS: WeakKeyDictionary[Engine, threading.RLock] = WeakKeyDictionary()


def _alone(engine: Engine) -> AbstractContextManager[object]:
    """SQLite has one writer at a time, and those who wait sleep and ask again: threads of one process take turns
    instead, which is fair and costs nothing."""
    return _WRITERS.get(engine) or nullcontext()


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, of one moment; never waits for a writer."""
    with _said_plainly(engine), engine.connect().execution_options(reading=True) as connection, connection.begin():
        yield connection


@contextmanager
def _said_plainly(engine: Engine) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]  # PostgreSQL shows the statement below
        if engine.dialect.name == "sqlite":
            fix = _SQLITE_FIXES.get(reason, "look at the disk and at the rights of the data folder")
        else:
            fix = "look at the database server, then run the command again"
        raise StoreUnusable(f"the database did not answer: {reason}", fix=fix) from error


_SQLITE_FIXES = {
    "database is locked": "another process holds the database; run the command again when it has ended",
    "file is not a database": "the file at database.url is no SQLite database; move it away or restore a backup",
    "database disk image is malformed": "the database is damaged: move it away and restore a backup",
    "database or disk is full": "the disk is full; free some space, then run the command again",
}
