"""Where a post is on the web: made from the pattern of the settings, or its own."""

from __future__ import annotations

import functools
import posixpath
import re
import unicodedata
from datetime import datetime
from urllib.parse import quote, urljoin, urlsplit

# How Hugo and Zola name translations; after `index.` any code, elsewhere none that is also a suffix (`node.js`).
_CODES = (
    "ar|bg|bn|ca|cs|da|de|el|en|es|et|eu|fa|fi|fr|gl|he|hi|hr|hu|id|it|ja|ko|lt|lv|nb|nl|nn|no|pl|pt|ro|ru|sk|sl|sr|sv"
    "|ta|th|tr|uk|ur|vi|zh"
)
_LANGUAGE = re.compile(
    rf"(?<=[^/.])(?:(?<=/index)|(?=\.(?:{_CODES})\b))\.(?P<language>[a-z]{{2}}(?:-[A-Za-z]{{2,4}})?)$"
)
_PLACEHOLDER = re.compile(r"\{(path|slug|yyyy|mm|dd)\}")
_JEKYLL_PLACEHOLDER = re.compile(r":(categories|year|month|day|title|slug|name)\b")


@functools.lru_cache(maxsize=64)
def path_id(path: str) -> str:
    """A post's path without its suffix, and without a last `/index`: what identifies it where it has no own id."""
    stem = unicodedata.normalize("NFC", posixpath.splitext(path)[0])
    shorter = stem.removesuffix("/index")
    return shorter or stem


@functools.lru_cache(maxsize=64)
def base_name(path: str) -> str:
    """The name that speaks of the post: of the file, or of its folder where the file is an `index`."""
    return posixpath.basename(_without_language(path_id(path))[0])


@functools.lru_cache(maxsize=64)
def _without_language(path: str) -> tuple[str, str]:
    """`title.pt-BR` and `title/index.fr` → `title` and the language; empty where there is none."""
    found = _LANGUAGE.search(path)
    return (path[: found.start()].removesuffix("/index"), found["language"]) if found else (path, "")


def slugged(text: str) -> str:
    """Lower case, letters and digits of any script, hyphens between."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).lower().replace("'", "").replace("’", ""))
    return "-".join(words)[:120].rstrip("-")


def is_web_address(value: object) -> bool:
    """An absolute http or https address with a host, and without blanks or control characters."""
    if not isinstance(value, str) or re.search(r"[\x00-\x20\x7f<>\"]", value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def from_pattern(pattern: str, *, path: str, slug: str, published_at: datetime) -> str:
    """The address that the pattern gives; `{path}` is the path without suffix and without a last `/index`."""
    plain, language = _without_language(path_id(path))
    values = {
        # Hugo and Zola publish a translation under its language.
        "path": quote(f"{language.lower()}/{plain}" if language else plain),
        "slug": quote(slug),
        "yyyy": f"{published_at.year:04}",
        "mm": f"{published_at.month:02}",
        "dd": f"{published_at.day:02}",
    }
    return _PLACEHOLDER.sub(lambda found: values[found[1]], pattern)


def on_site(
    pattern: str, permalink: str, *, slug: str, published_at: datetime, categories: tuple[str, ...]
) -> str | None:
    """A permalink of the front matter as an address on the pattern's host; None if it says only how to make one."""
    path = permalink.strip()
    if "/" not in path or re.search(r"[\x00-\x20{}<>]", path):
        return None
    values = {
        "categories": "/".join(slugged(name) for name in categories),
        "year": f"{published_at.year:04}",
        "month": f"{published_at.month:02}",
        "day": f"{published_at.day:02}",
        **dict.fromkeys(("title", "slug", "name"), slug),
    }
    path = _JEKYLL_PLACEHOLDER.sub(lambda found: values[found[1]], path)
    if ":" in path:
        return None
    return urljoin(pattern, quote("/" + re.sub(r"/{2,}", "/", path).lstrip("/"), safe="/%#?=&~+,;@!$'()*"))
