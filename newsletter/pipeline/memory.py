"""What was read from the posts folder, kept as long as its files are as they were.

A command reads everything once. A process that shows a draft after each edit would read the same posts and render the
same texts, and choose between the same thousand posts, again and again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from newsletter.issues.select import Selection
from newsletter.models import Collected, Post, PostContent
from newsletter.posts.stamp import Stamp

CONTENTS_AT_MOST = 500


class _Kept(NamedTuple):
    post: Post
    size_bytes: int
    modified_ns: int
    names: int
    content: PostContent


class Memory:
    """Of one site in one process; used by several threads at once."""

    def __init__(self) -> None:
        self._collected: tuple[Stamp, Collected] | None = None
        self._contents: dict[str, _Kept] = {}
        self._names = 0
        self._chosen: tuple[object, Selection] | None = None

    def collected(self, stamp: Stamp, *, read: Callable[[], Collected]) -> Collected:
        """The posts, read again only where the folder's stamp, taken just before, is another."""
        self._names = stamp.names
        kept = self._collected
        if kept is None or kept[0] != stamp:
            # Where a file changed while it was read, the older stamp stands: it is read again the next time.
            kept = (stamp, read())
            self._collected = kept
        return kept[1]

    def chosen(self, asked: object, *, choose: Callable[[], Selection]) -> Selection:
        """The selection, made again only where something of what it depends on, `asked`, is another."""
        kept = self._chosen
        if kept is None or kept[0] != asked:
            kept = (asked, choose())
            self._chosen = kept
        return kept[1]

    def content(self, post: Post, *, folder: Path, render: Callable[[], PostContent]) -> PostContent:
        """A post's rendered text, made again where its file or what lies beside it is another."""
        try:
            status = (folder / post.path).stat()
        except OSError:
            return render()
        now = (post, status.st_size, status.st_mtime_ns, self._names)
        kept = self._contents.pop(post.path, None)
        if kept is None or kept[:4] != now:
            kept = _Kept(*now, render())
        self._contents[post.path] = kept
        while len(self._contents) > CONTENTS_AT_MOST:
            self._contents.pop(next(iter(self._contents)), None)
        return kept.content
