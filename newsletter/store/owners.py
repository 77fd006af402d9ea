"""Who is at work, and is he still alive? And: one at a time.

An owner is one sending process. It holds a lock for as long as it lives, and the operating system (SQLite: a locked
file beside the database) or the server (PostgreSQL: an advisory lock of a session) lets go of it when it dies,
however it dies. So nobody has to guess from time stamps, and a process that was frozen for an hour is not taken
for dead. That an owner is dead only lets others take over what it had *not* begun; it never justifies repeating a call.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from newsletter.errors import NotPossible, StoreUnusable


class Owners(Protocol):
    def appear(self) -> str:
        """Begin to be alive as a new owner; returns its id."""

    def is_alive(self, owner: str) -> bool: ...

    def vanish(self) -> None:
        """Stop being alive, on purpose."""

    @contextmanager
    def one_at_a_time(self, what: str) -> Iterator[None]:
        """Only one process at a time is inside for one `what`; waits up to a minute, then `NotPossible`."""


def _new_owner() -> str:
    return f"{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(4)}"


def _busy(what: str) -> NotPossible:
    return NotPossible(f"another process is at work on {what}", fix="run the command again when it has ended")


class FileOwners:
    """For SQLite, where all processes are on one machine."""

    WAIT_S = 60

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: FileLock | None = None

    def appear(self) -> str:
        owner = _new_owner()
        with self._told():
            self._mine = self._lock(owner)
            self._mine.acquire(timeout=0)
        return owner

    def is_alive(self, owner: str) -> bool:
        with self._told():
            lock = self._lock(owner)
            if not Path(lock.lock_file).exists():
                return False
            try:
                lock.acquire(timeout=0)
            except Timeout:
                return True
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)
            return False

    def vanish(self) -> None:
        if self._mine is not None:
            self._mine.release()
            Path(self._mine.lock_file).unlink(missing_ok=True)
            self._mine = None

    @contextmanager
    def one_at_a_time(self, what: str) -> Iterator[None]:
        with self._told():
            lock = self._lock(f"only-{what}")
            try:
                lock.acquire(timeout=self.WAIT_S)
            except Timeout as error:
                raise _busy(what) from error
        try:
            yield
        finally:
            lock.release()

    def _lock(self, name: str) -> FileLock:
        self._folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self._folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.lock")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnusable(
                f"no lock can be made in {self._folder.parent.name}/{self._folder.name}/: {error.strerror or error}",
                fix="make room or give the right to write, then run it again",
            ) from error


class ServerOwners:
    """For PostgreSQL: advisory locks of one session, which the server frees when the connection breaks."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._session: Connection | None = None

    def appear(self) -> str:
        owner = _new_owner()
        self._session = self._engine.connect()
        self._session.execute(text("select pg_advisory_lock(:key)"), {"key": _key(owner)})
        self._session.commit()
        return owner

    def is_alive(self, owner: str) -> bool:
        with self._engine.connect() as connection:
            free = connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _key(owner)})
            if free:
                connection.execute(text("select pg_advisory_unlock(:key)"), {"key": _key(owner)})
            return not free

    def vanish(self) -> None:
        if self._session is not None:
            self._session.invalidate()
            self._session.close()
            self._session = None

    @contextmanager
    def one_at_a_time(self, what: str) -> Iterator[None]:
        with self._engine.connect() as connection:
            try:
                connection.execute(text("set local lock_timeout = '60s'"))
                connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _key(what)})
            except OperationalError as error:
                raise _busy(what) from error
            yield  # the lock goes with the transaction, and that with the connection


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
