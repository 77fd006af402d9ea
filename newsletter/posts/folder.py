"""Reads the posts folder: every file that changed, the rest from the cache; all bad files at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from newsletter.errors import BadInput
from newsletter.models import Collected, KnownPost, PassedOver, Post, PostFile, PostProblem
from newsletter.posts.files import (
    MAX_FILE_BYTES,
    UNSUPPORTED,
    Found,
    NoPost,
    Unreadable,
    Vanished,
    list_files,
    read_bytes,
    too_large,
)
from newsletter.posts.history import History
from newsletter.posts.identity import assign_ids
from newsletter.posts.parsing import Reading, file_time, read_post

READER_VERSION = 5
"""To be raised with every change of what a file is read as: the cache then parses everything anew."""

_PASSED_OVER = "null"
"""Instead of a post, in the cache."""


class FolderReading(NamedTuple):
    collected: Collected
    changed: tuple[PostFile, ...]
    """Rows to write to the cache."""
    gone: tuple[str, ...]
    """Paths in the cache whose files no longer exist."""


def read_folder(
    root: Path,
    *,
    zone: ZoneInfo,
    cached: Mapping[str, PostFile],
    known: Iterable[KnownPost],
    url_pattern: str = "",
    use_git: bool = True,
) -> FolderReading:
    """The posts of the folder as they are now, with their identities, and what the cache has to remember.

    A file with the size and time that the cache knows is not opened; one with the same content is not parsed.
    """
    _check(root)
    listed = list_files(root)
    reader = reader_version(zone, url_pattern)
    reading = Reading(zone, url_pattern, History(root.resolve(), use_git=use_git).added_on)
    shelf = _Shelf(root.resolve(), reading, reader, cached)
    for file in listed.files:
        shelf.look_up(file)
    posts = assign_ids(shelf.posts, known)
    collected = Collected(
        posts=tuple(sorted(posts, key=lambda post: (post.id, post.path))),
        problems=tuple(sorted([*listed.problems, *shelf.problems])),
        passed_over=tuple(sorted([*listed.passed_over, *shelf.passed_over])),
        read_count=shelf.read_count,
    )
    gone = tuple(sorted(cached.keys() - shelf.seen))
    return FolderReading(collected, tuple(shelf.changed), gone)


def reader_version(zone: ZoneInfo, url_pattern: str) -> str:
    """Another value than in a row of the cache means: parse again."""
    return hashlib.sha256(f"{READER_VERSION}\0{zone.key}\0{url_pattern}".encode()).hexdigest()[:16]


def _check(root: Path) -> None:
    if not root.is_dir():
        what = "is a file" if root.exists() else "does not exist"
        fix = "make it, or name another one with `folder` under [posts] in newsletter.toml"
        raise BadInput(f"the posts folder {root} {what}", fix=fix)


class _Shelf:
    """Collects what the files gave: posts, problems, and rows for the cache."""

    def __init__(self, root: Path, reading: Reading, reader: str, cached: Mapping[str, PostFile]) -> None:
        self._root = root
        self._reading = reading
        self._reader = reader
        self._cached = cached
        self.posts: list[Post] = []
        self.problems: list[PostProblem] = []
        self.passed_over: list[PassedOver] = []
        self.changed: list[PostFile] = []
        self.seen: set[str] = set()
        self.read_count = 0

    def look_up(self, file: Found) -> None:
        row = self._cached.get(file.path)
        if row is not None and row.reader != self._reader:
            row = None
        if row is not None and (row.size_bytes, row.modified_ns) == (file.size_bytes, file.modified_ns):
            self._shelve(row)
        else:
            self._open(file, row)

    def _open(self, file: Found, row: PostFile | None) -> None:
        try:
            if file.size_bytes > MAX_FILE_BYTES and file.suffix not in UNSUPPORTED:
                raise Unreadable(too_large(file.size_bytes))
            content = b"" if file.suffix in UNSUPPORTED else read_bytes(self._root / file.path)
        except Vanished:
            return
        except Unreadable as problem:
            self.problems.append(PostProblem(file.path, problem.line, problem.reason))
            return
        sha256 = hashlib.sha256(content).hexdigest()
        if row is not None and row.sha256 == sha256:
            self._shelve(_touched(row, file), is_new=True)
        else:
            self._parse(file, content, sha256)

    def _parse(self, file: Found, content: bytes, sha256: str) -> None:
        self.read_count += 1
        row = PostFile(file.path, file.size_bytes, file.modified_ns, sha256, self._reader, "")
        post = None
        try:
            post = read_post(file.path, content, file.modified_ns, self._reading)
        except Unreadable as problem:
            row = row._replace(problem=problem.reason, problem_line=problem.line)
        except NoPost as page:
            row = row._replace(post_json=_PASSED_OVER, problem=page.reason)
        if post is not None:
            row = row._replace(post_json=post.model_dump_json())
        self._shelve(row, post, is_new=True)

    def _shelve(self, row: PostFile, post: Post | None = None, *, is_new: bool = False) -> None:
        self.seen.add(row.path)
        if is_new:
            self.changed.append(row)
        if row.post_json == _PASSED_OVER:
            self.passed_over.append(PassedOver(row.path, row.problem))
        elif row.post_json:
            self.posts.append(post or Post.model_validate_json(row.post_json))
        else:
            self.problems.append(PostProblem(row.path, row.problem_line, row.problem))


def _touched(row: PostFile, file: Found) -> PostFile:
    """The row with the file's new time; an undated post keeps the date that it was given when it was first read."""
    row = row._replace(size_bytes=file.size_bytes, modified_ns=file.modified_ns)
    if row.post_json in ("", _PASSED_OVER):
        return row
    modified_at = file_time(file.modified_ns)
    post = Post.model_validate_json(row.post_json).model_copy(update={"modified_at": modified_at})
    return row._replace(post_json=post.model_dump_json())
