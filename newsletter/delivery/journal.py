"""A number outside the database: how many calls an issue has begun.

A restored backup believes that deliveries made since then are still pending. The file is written after the database
and before each call, so a database that knows of fewer calls than its file is an older copy, and must not send.
It lies with the issue and not with the data, because whoever restores a database mostly restores its whole folder.
It needs no fsync: it tells of a restore, not of a crash, and after a power cut it may only be too small.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

FILE = ".attempts"


class Journal:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._noting = threading.Lock()

    def read(self) -> int:
        try:
            return int(self._path.read_text("ascii") or 0)
        except (FileNotFoundError, ValueError):
            return 0

    def note(self, attempts: int) -> None:
        """The number only grows: of two processes that share an issue the slower one may come with the smaller one."""
        with self._noting:
            if attempts > self.read():
                self.set(attempts)

    def set(self, attempts: int) -> None:
        """Of twelve digits always, so that a number overwrites the one before it whole and needs no more room."""
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(self._descriptor, f"{attempts:012d}".encode(), 0)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
