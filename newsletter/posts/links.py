"""Links and pictures of a post → absolute addresses; None where nobody outside the folder could follow them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from newsletter.models import Post
from newsletter.posts import dates
from newsletter.posts.addresses import base_name, from_pattern, is_web_address, slugged
from newsletter.posts.files import FORMATS, UNSUPPORTED
from newsletter.posts.pictures import LocalPicture, local_picture

_PELICAN = re.compile(
    r"^(?:\{|%7B|\|)(?P<kind>filename|static|attach|index|tag|category|author)(?:\}|%7D|\|)(?P<path>.*)", re.IGNORECASE
)
_SOURCE_SUFFIXES = (".rst", *(suffix for suffix, body_format in FORMATS.items() if body_format == "markdown"))


class Links(NamedTuple):
    """Where a post is: on the web, and in the folder."""

    post: Post
    folder: Path
    url_pattern: str = ""
    site_url: str = ""

    def absolute(self, written: str) -> str | None:
        """The address of a link or picture as written; None if there is none that works outside."""
        address = " ".join(written.split())
        if address.startswith(("\\", "%5C")):  # as Windows writes paths; browsers read it as a slash
            address = re.sub(r"\\|%5C", "/", address)
        if address.startswith("//"):
            address = f"https:{address}"
        elif address.lower().startswith("www."):
            address = f"https://{address}"
        if re.match(r"[a-z][a-z0-9+.-]*:", address, re.IGNORECASE):
            return address if is_web_address(address) or address.lower().startswith(("mailto:", "tel:")) else None
        if address.startswith("#"):
            return urljoin(self.post.url, address) if self.post.url else None
        try:
            return self._relative(address)
        except ValueError:
            return None

    def picture(self, written: str) -> tuple[str | None, LocalPicture | None]:
        """The address of a picture as written, and its file where it lies in the folder.

        A picture without an address on the web has one that only the file answers to.
        """
        address = self.absolute(written)
        if address and not address.lower().startswith(("http://", "https://")):
            address = None
        local = local_picture(written, folder=self.folder, beside=posixpath.dirname(self.post.path))
        if local is None or (address and not local.is_there):
            return address, None
        return address or local.address, local

    def leading_picture(self, written: str) -> tuple[str | None, LocalPicture | None]:
        """As `picture`, of one that the front matter names: themes look for it from the site's top, not from the post.

        A mere name that lies nowhere in the folder is in a place that only the theme knows: None.
        """
        address, local = self.picture(written)
        name = written.strip()
        if (
            (local and local.is_there)
            or not self.post.url
            or re.match(r"[./{|%@#\\]|[a-z][a-z0-9+.-]*:|www\.", name, re.I)
        ):
            return address, local
        return self.picture(f"/{name}") if "/" in name else (None, None)

    def _relative(self, address: str) -> str | None:
        if pelican := _PELICAN.match(address):
            return self._pelican(pelican["kind"].lower(), pelican["path"])
        parts = urlsplit(address)
        path = unquote(parts.path)
        if path.startswith("@/") or path.lower().endswith(_SOURCE_SUFFIXES):
            found = self._other_post(path.removeprefix("@"))
            return found and found + (f"#{parts.fragment}" if parts.fragment else "")
        if path.startswith("/"):
            # First the site's own address: that of a link post leads to somebody else.
            base = self._origin() or self.post.url or self.site_url
            return urljoin(base, address) if base else None
        return self._beside(path) or (urljoin(self._base(), address) if self.post.url and address else None)

    def _pelican(self, kind: str, path: str) -> str | None:
        if kind == "filename":
            # Old Pelican names pictures and downloads by it too.
            return self._other_post(path) if path.lower().endswith((*FORMATS, *UNSUPPORTED)) else self._relative(path)
        if kind == "index":
            return self._origin() or None
        if kind in ("tag", "category", "author"):
            return None
        return self._relative(path if kind == "attach" else "/" + path.lstrip("/"))

    def _base(self) -> str:
        # The pictures of `title/index.md` lie in the folder that the post's address names.
        url = self.post.url or ""
        is_bundle = posixpath.splitext(posixpath.basename(self.post.path))[0] == "index"
        return f"{url}/" if is_bundle and not url.endswith("/") else url

    def _origin(self) -> str:
        return (
            urljoin(self.url_pattern, "/") if is_web_address(self.url_pattern.replace("{", "").replace("}", "")) else ""
        )

    def _beside(self, path: str) -> str | None:
        """The address of a file that lies beside the post, where the pattern says how folders are addressed."""
        within = posixpath.normpath(posixpath.join(posixpath.dirname(self.post.path), path))
        if "{path}" not in self.url_pattern or within.startswith("..") or not self._is_file(within):
            return None
        folders = posixpath.dirname(within)
        head = self.url_pattern.split("{path}")[0]
        return head + quote(f"{folders}/{posixpath.basename(within)}".lstrip("/"))

    def _other_post(self, path: str) -> str | None:
        if not self.url_pattern:
            return None
        for within in self._places(path):
            if self._is_file(within):
                return _address_of(within, self.url_pattern)
        return None

    def _places(self, path: str) -> Iterator[str]:
        # Beside the post; from the folder's top; and, because the folder may be a part of the site's content only,
        # with ever more leading folders left out.
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(self.post.path), path.lstrip("/")))
        parts = path.strip("/").split("/")
        for within in [beside, *("/".join(parts[start:]) for start in range(len(parts)))]:
            if within and not within.startswith(".."):
                yield from (within, f"{within}.md", f"{within}/index.md", f"{within}.markdown")

    def _is_file(self, within: str) -> bool:
        root = self.folder.resolve()
        try:
            found = (root / within).resolve()
            return found.is_relative_to(root) and found.is_file()
        except (OSError, ValueError, RuntimeError):
            return False


def _address_of(path: str, pattern: str) -> str | None:
    named = dates.date_in_name(base_name(path))
    if named is None and re.search(r"\{(?:yyyy|mm|dd)\}", pattern):
        return None  # its date stands inside the file
    day = named[0] if named else None
    published_at = datetime(day.year, day.month, day.day) if day else datetime.min  # noqa: DTZ001, DTZ901
    slug = slugged(named[1] if named else base_name(path))
    return from_pattern(pattern, path=path, slug=slug, published_at=published_at)
