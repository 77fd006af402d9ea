"""What every kind of import gives: posts that are not yet files."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from newsletter.models import LeftOut

MAX_IMPORT_BYTES = 50_000_000


class Unimportable(Exception):
    """A file of which nothing can be imported, and why; becomes `BadInput` before it leaves this package."""

    def __init__(self, reason: str, *, fix: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


class ImportedPost(NamedTuple):
    title: str
    published_at: datetime
    """Aware."""
    body: str
    """Markdown."""
    own_id: str = ""
    """The guid or address that the source gives it; empty: its date and title make one."""
    has_time: bool = True
    url: str = ""
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    image: str = ""
    summary: str = ""
    date_note: str = ""
    """Where the date comes from, if the source has none for it; becomes a comment behind the date."""


class Import(NamedTuple):
    """What one file holds."""

    posts: tuple[ImportedPost, ...]
    left_out: tuple[LeftOut, ...] = ()
