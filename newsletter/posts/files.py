"""Finds the files of a folder and opens them safely: never outside the folder, never a device, never without limit."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from newsletter.models import BodyFormat, PassedOver, PostProblem
from newsletter.posts.vocabulary import NOT_CONTENT, NOT_POSTS, TEMPLATES

MAX_FILE_BYTES = 5_000_000

FORMATS: dict[str, BodyFormat] = {
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".mkdn", ".mdtext", ".mdx"), "markdown"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".txt", ".text"), "text"),
}
# Posts for somebody, but not readable here: said, not passed over in silence.
UNSUPPORTED = {
    **dict.fromkeys((".rst", ".rest"), "reStructuredText"),
    **dict.fromkeys((".adoc", ".asciidoc", ".asc"), "AsciiDoc"),
    ".org": "Org mode",
    ".textile": "Textile",
    ".docx": "a Word file",
    ".doc": "an old Word file",
    ".odt": "an OpenDocument file",
    ".rtf": "a rich text file",
    ".ipynb": "a notebook",
}


_BAD_IN_NAMES = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class Unreadable(Exception):
    """A file that cannot be read as a post; becomes a `PostProblem` before it leaves this package."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class NoPost(Exception):
    """A file that is not meant as a post; becomes a `PassedOver` before it leaves this package."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Vanished(Exception):
    """The file was deleted after it was listed; the next reading does not see it any more."""


class Found(NamedTuple):
    """A file that may be a post, as the folder lists it."""

    path: str
    """Within the folder, `/` between the parts."""
    size_bytes: int
    modified_ns: int

    @property
    def suffix(self) -> str:
        return os.path.splitext(self.path)[1].lower()  # noqa: PTH122  (10 times faster; 5,000 files)


class Listed(NamedTuple):
    """What a folder holds, each by path."""

    files: list[Found]
    problems: list[PostProblem]
    """What could not be looked at."""
    passed_over: list[PassedOver]


def list_files(root: Path) -> Listed:
    """All files that may be posts, and what else looks like text."""
    listed = Listed([], [], [])
    for item in _walk(root.resolve()):
        if isinstance(item, PostProblem):
            listed.problems.append(item)
        elif isinstance(item, PassedOver):
            listed.passed_over.append(item)
        else:
            listed.files.append(item)
    return Listed(sorted(listed.files), sorted(listed.problems), sorted(listed.passed_over))


def _walk(root: Path) -> Iterator[Found | PostProblem | PassedOver]:
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(root / folder) as entries:
                listed = list(entries)
        except OSError as error:
            yield PostProblem(shown(folder) or ".", None, f"the folder cannot be listed: {error.strerror}")
            continue
        for entry in listed:
            # Every generator passes these over: hidden files, and what editors and authors set aside.
            if entry.name.startswith((".", "#", "~")):
                continue
            path = folder + entry.name
            if entry.name in NOT_CONTENT:
                yield PassedOver(shown(path) + "/", "a folder of the site generator")
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(path + "/")
            else:
                yield from _look_at(entry, path, root)


def _look_at(entry: os.DirEntry[str], path: str, root: Path) -> Iterator[Found | PostProblem | PassedOver]:
    suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - as above
    if entry.is_symlink():
        yield from _follow(path, root)
    elif suffix in TEMPLATES:
        yield PassedOver(shown(path), "a template of the site generator")
    elif suffix not in FORMATS and suffix not in UNSUPPORTED:
        return
    elif entry.name.lower() in NOT_POSTS:
        yield PassedOver(shown(path), "a file for machines")
    elif reason := _bad_name(path):
        yield PostProblem(shown(path), None, reason)
    else:
        yield from _measure(entry, path)


def _measure(entry: os.DirEntry[str], path: str) -> Iterator[Found | PostProblem]:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError as error:
        yield PostProblem(path, None, f"cannot be looked at: {error.strerror}")
        return
    yield Found(path, status.st_size, status.st_mtime_ns)


def _follow(path: str, root: Path) -> Iterator[PostProblem | PassedOver]:
    # A link that stays inside is passed over: what it points to is read where it lies, and not a second time.
    target = root / path
    try:
        real = target.resolve(strict=True)
    except FileNotFoundError:
        goal = str(target.readlink()) if target.is_symlink() else "nothing"
        yield PostProblem(shown(path), None, f"is a symbolic link to {shown(goal)}, which does not exist")
    except (OSError, RuntimeError):
        yield PostProblem(shown(path), None, "is a symbolic link that leads in a circle")
    else:
        if not real.is_dir() and not _may_be_post(path):
            return
        if not real.is_relative_to(root):
            reason = f"is a symbolic link out of the posts folder, to {shown(str(real))}; copy the file here instead"
            yield PostProblem(shown(path), None, reason)
        else:
            yield PassedOver(shown(path), "a symbolic link within the folder; what it leads to is read where it lies")


def _may_be_post(path: str) -> bool:
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 - as above
    return suffix in FORMATS or suffix in UNSUPPORTED


def _bad_name(path: str) -> str | None:
    found = _BAD_IN_NAMES.search(path)
    if found is None:
        return None
    if found[0] < "\ud800":
        return "the name holds a control character; rename the file"
    return "the name is not in UTF-8; rename the file"


def shown(path: str) -> str:
    """The path as one printable line, whatever the name holds."""
    printable = path.encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in printable)


# --- reading one file -----------------------------------------------------------------------------------------


def read_bytes(path: Path, *, limit_bytes: int = MAX_FILE_BYTES) -> bytes:
    """The content of a regular file; raises `Unreadable` or `Vanished`."""
    try:
        # Without O_NONBLOCK a named pipe would be waited for; O_NOFOLLOW: a link may have come in between.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Vanished(str(path)) from error
    except OSError as error:
        raise Unreadable(_why(error)) from error
    try:
        return _read(handle, limit_bytes)
    except OSError as error:
        raise Unreadable(_why(error)) from error
    finally:
        os.close(handle)


def _read(handle: int, limit_bytes: int) -> bytes:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("is no regular file but a device, a pipe or a socket")
    if status.st_size > limit_bytes:
        raise Unreadable(too_large(status.st_size, limit_bytes))
    content = bytearray()
    while block := os.read(handle, 1 << 20):
        content += block
        if len(content) > limit_bytes:
            raise Unreadable(too_large(len(content), limit_bytes))
    return bytes(content)


def _why(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "may not be read: the rights of the file forbid it"
    if error.errno == errno.ELOOP:
        return "is a symbolic link"
    return f"cannot be read: {error.strerror}"


def too_large(size_bytes: int, limit_bytes: int = MAX_FILE_BYTES) -> str:
    return f"has {size_bytes / 1e6:.1f} MB; a post may have {limit_bytes / 1e6:.0f} MB"
