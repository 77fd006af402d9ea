"""Finds and reads the picture files that posts name: within the posts folder and nowhere else."""

from __future__ import annotations

import posixpath
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

SCHEME = "posts:"
"""Begins the address of a picture that has none on the web: `posts:guides/photo.jpg`, within the posts folder."""
_GENERATORS_MARK = re.compile(r"^(?:\{|%7B|\|)(?:static|attach|filename)(?:\}|%7D|\|)/?", re.IGNORECASE)


class PictureUnreadable(Exception):
    """`reason` is the end of a sentence that begins with the picture's name; `fix` the next step."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


class LocalPicture(NamedTuple):
    path: str
    """Within the posts folder, `/` between the parts; where nothing was found, the first place looked at."""
    is_there: bool

    @property
    def address(self) -> str:
        return SCHEME + quote(self.path)


def local_picture(written: str, *, folder: Path, beside: str = "") -> LocalPicture | None:
    """The file that a picture's address without a host names; `beside` is the folder of its post, within `folder`.

    Looked for beside the post, then from the folder's top, and for `/static/a.png` also as `a.png` there: the folder
    may be a part of the site's content only. None for what names no file.
    """
    address = _GENERATORS_MARK.sub("/", written.strip())
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    path = unquote(parts.path)
    if parts.scheme or parts.netloc or not path.strip("/") or "\0" in path:
        return None
    places = [posixpath.normpath(place) for place in _places(path, folder.name, beside)]
    found = next((place for place in places if _is_file(folder, place)), None)
    return LocalPicture(found or places[0], found is not None)


def path_of(address: str) -> str | None:
    """The path that an address of `SCHEME` names; None for any other address."""
    return unquote(address.removeprefix(SCHEME)) if address.startswith(SCHEME) else None


def read_picture(path: str, *, folder: Path, max_bytes: int) -> bytes:
    """The file's bytes. Raises `PictureUnreadable` for one that is missing, too large, or outside the folder."""
    root = folder.resolve()
    try:
        file = (root / path).resolve()
        if not file.is_relative_to(root):
            raise PictureUnreadable(f"leads out of the posts folder, to {file}", "copy the file beside the post")
        known = file.stat()
        if not stat.S_ISREG(known.st_mode):
            raise PictureUnreadable("is no file", "name the picture's file")
        if known.st_size > max_bytes:
            raise PictureUnreadable(f"is larger than {max_bytes // 1_000_000} MB", "save it smaller")
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PictureUnreadable("is not there", "put the file beside the post, or mend its name") from error
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PictureUnreadable(f"cannot be read ({reason})", "check the file and its rights") from error


def _places(path: str, folder_name: str, beside: str) -> Iterator[str]:
    parts = path.strip("/").split("/")
    if not path.startswith("/"):
        yield posixpath.join(beside, path)
        yield path
        if parts[0] == folder_name:
            yield "/".join(parts[1:]) or path
        return
    for start in range(len(parts)):
        yield "/".join(parts[start:])


def _is_file(folder: Path, within: str) -> bool:
    root = folder.resolve()
    try:
        found = (root / within).resolve()
        return found.is_relative_to(root) and found.is_file()
    except (OSError, ValueError, RuntimeError):
        return False
