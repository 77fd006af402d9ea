"""Writes in an issue's folder that are whole or absent, and survive a power cut: new file, fsync, rename."""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from newsletter.errors import NotPossible

_UNFINISHED_NAME = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}")


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def final_name(name: str) -> str:
    """The name that a new file on its way gets when it is whole; any other name as it is."""
    found = _UNFINISHED_NAME.fullmatch(name)
    return found["name"] if found else name


def write(path: Path, content: bytes) -> None:
    """Replace the file, or leave it as it is and raise `OSError`; durable when this returns."""
    new = _unfinished(path)
    try:
        write_new(new, content)
        new.replace(path)
        sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)


def replace(path: Path, content: bytes, *, was: bytes) -> bool:
    """Replace the file if it still is `was`, else leave it as it is: False. Durable when this returns.

    Somebody who takes no lock of ours may rename a file of his over it at any moment. So the two files change places,
    and what came out is looked at: if it is not what was expected, it goes back.
    """
    new = _unfinished(path)
    try:
        write_new(new, content)
        if path.read_bytes() != was:
            return False
        done = _exchanged(new, path, content, was)
        sync_folder(path.parent)
        return done
    finally:
        new.unlink(missing_ok=True)


def _exchanged(new: Path, path: Path, content: bytes, was: bytes) -> bool:
    if not exchange(new, path):
        new.replace(path)
        return True
    if new.read_bytes() == was:
        return True
    in_place, came_out = content, new.read_bytes()
    while True:
        # Somebody's newer file came out: it goes back. What comes out then should be what we had put there.
        if not exchange(new, path):  # the file was deleted this moment
            new.replace(path)
            return False
        back = new.read_bytes()
        if back == in_place:
            return False
        in_place, came_out = came_out, back


def exchange(one: Path, other: Path) -> bool:
    """Let two files change their names in one step; False where the system cannot."""
    call = _exchange_call()
    return call is not None and call(os.fsencode(one), os.fsencode(other)) == 0


@lru_cache(maxsize=1)
def _exchange_call() -> Any:
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            return lambda one, other: library.renamex_np(one, other, 2)  # RENAME_SWAP
        at_cwd, exchanging = -100, 2  # AT_FDCWD and RENAME_EXCHANGE, linux/fcntl.h and linux/fs.h
        library.renameat2  # noqa: B018 - glibc has it since 2.28
        return lambda one, other: library.renameat2(at_cwd, one, at_cwd, other, exchanging)
    except (OSError, AttributeError, TypeError):
        return None


def write_new(path: Path, content: bytes) -> None:
    """A file that must not exist yet; its content is durable, its name only after `sync_folder`."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make names given and taken in `folder` durable."""
    if os.name == "nt":  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def told_when_impossible(problem: str) -> Iterator[None]:
    """A full disk or a missing right inside becomes `NotPossible`: `problem` and the system's reason."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise NotPossible(f"{problem}: {reason}", fix="make room or give the right to write, then run it again") from (
            error
        )


def bytes_of(path: Path) -> bytes | None:
    """None: there is no such file; `NotPossible`: it is there and cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotPossible(
            f"{shown(path.parent, path.name)} cannot be read: {error.strerror}", fix="check the file's rights"
        ) from error


def shown(folder: Path, name: str = "") -> str:
    """A file of the issue in `folder`, as the site's folder shows it."""
    return "/".join(part for part in ("issues", folder.name, name) if part)
