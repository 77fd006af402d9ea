"""Writes in an issue's folder that are whole or absent, and survive a power cut: new file, fsync, rename."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.errors import NotPossible


def write(path: Path, content: bytes) -> None:
    """Replace the file, or leave it as it is and raise `OSError`; durable when this returns."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_new(new, content)
        new.replace(path)
        sync_folder(path.parent)
    finally:
        new.unlink(missing_ok=True)


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
