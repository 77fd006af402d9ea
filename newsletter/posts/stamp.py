"""Whether anything in a folder is another than it was: by names, sizes and times, without opening a file."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Stamp(NamedTuple):
    names: int
    """Of all files' names: a picture that came or went changes what a post shows."""
    files: int
    """Of all files' names, sizes and times."""


def stamp_of(root: Path) -> Stamp:
    """Of all that is in the folder, pictures too; only comparable within one process."""
    found = sorted(_entries(str(root)))
    return Stamp(hash(tuple(one[0] for one in found)), hash(tuple(found)))


def _entries(root: str) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    pending = [root]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    status = entry.stat()
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    found.append((entry.path, status.st_size, status.st_mtime_ns))
    return found
