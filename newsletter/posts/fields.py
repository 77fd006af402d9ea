"""What front matter says, whichever generator's words it uses: typed, and checked."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from newsletter.posts import vocabulary as words
from newsletter.posts.addresses import is_web_address
from newsletter.posts.dates import BadDate, is_no_date, moment
from newsletter.posts.files import Unreadable
from newsletter.posts.frontmatter import FrontMatter

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Invisible marks that turn the direction of what follows; a title must not reach out of its line.
_OVERRIDES = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


def one_line(text: str) -> str:
    """Without control characters, white space folded: fit for a header of a mail."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join(_OVERRIDES.sub("", _CONTROL.sub(" ", unicodedata.normalize("NFC", text))).split())


class Fields:
    """Typed access to front matter; what has the wrong type is `Unreadable`, with its line and what to quote."""

    def __init__(self, front: FrontMatter) -> None:
        self._front = front
        self._by_meaning: dict[str, list[tuple[int, int, str, Any]]] = {}
        self._sort_in(front.fields, level=0)
        for named in self._by_meaning.values():
            if len(named) > 1:
                named.sort(key=lambda found: found[:2])

    def _sort_in(self, fields: Mapping[Any, Any], level: int) -> None:
        for written, value in fields.items():
            name = squeezed(str(written))
            if value is None:
                continue
            for meaning, rank in words.MEANINGS_BY_NAME.get(name, ()):
                self._by_meaning.setdefault(meaning, []).append((level, rank, str(written), value))
            if level == 0 and name in words.NESTED and isinstance(value, Mapping):
                self._sort_in(value, level=1)

    def _found(self, meaning: str) -> Iterable[tuple[str, Any]]:
        """(key as written, value) of all that mean this: top level first, then in the order of the vocabulary."""
        found = self._by_meaning.get(meaning)
        return [(key, value) for _, _, key, value in found] if found else ()

    def _line(self, key: str) -> int:
        return self._front.line_of(key)

    # --- text ---

    def title(self) -> str:
        return self._first_text("title")

    def summary(self) -> str | None:
        return self._first_text("summary", lines=True) or None

    def slug(self) -> str:
        return self._first_text("slug", strict=False).strip("/").rsplit("/", 1)[-1]

    def _first_text(self, meaning: str, *, lines: bool = False, strict: bool = True) -> str:
        for key, value in self._found(meaning):
            if lines and _as_bool(value) is not None:
                continue  # Hexo and WordPress write `excerpt: true`
            if isinstance(value, str):
                text = value.strip() if lines else one_line(value)
            elif strict and (isinstance(value, bool) or not isinstance(value, int | float | datetime | date)):
                raise Unreadable(f"{key} is {_kind(value)}, not text; put its value in quotes", self._line(key))
            else:
                text = one_line(str(value))
            if text:
                return text
        return ""

    # --- dates ---

    def published_at(self, zone: ZoneInfo) -> datetime | None:
        return self._first_moment("published", zone)

    def expires_at(self, zone: ZoneInfo) -> datetime | None:
        return self._first_moment("expires", zone)

    def _first_moment(self, meaning: str, zone: ZoneInfo) -> datetime | None:
        for key, value in self._found(meaning):
            if is_no_date(value) or (squeezed(key) == "published" and _as_bool(value) is not None):
                continue
            try:
                return moment(value, zone)
            except BadDate as error:
                raise Unreadable(f"{key}: {error}", self._line(key)) from error
        return None

    # --- draft ---

    def hidden_by(self) -> str | None:
        """What keeps the post from being public, as written: "draft: true"; None if nothing does."""
        for key, value in self._found("draft"):
            if self._is(key, value) is (squeezed(key) != "published"):
                return f"{key}: {str(value).lower()}"
        for key, value in self._found("status"):
            if isinstance(value, str) and value.strip().lower() in words.NOT_PUBLIC:
                return f"{key}: {value.strip()}"
        return None

    def _is(self, key: str, value: object) -> bool | None:
        known = _as_bool(value)
        if known is None and squeezed(key) == "draft":
            raise Unreadable(f"{key}: {value!r} is neither true nor false", self._line(key))
        return known

    # --- lists ---

    def tags(self, *, split_at_blanks: bool = False) -> tuple[str, ...]:
        """`split_at_blanks`: one text is several tags, as in Jekyll; elsewhere it is one tag of several words."""
        named = [*self._found("tags")]
        named += [
            item for _, value in self._found("taxonomies") if isinstance(value, Mapping) for item in value.items()
        ]
        return _unique(tag for key, value in named for tag in self._tags_of(str(key), value, split_at_blanks))

    def _tags_of(self, key: str, value: object, split_at_blanks: bool) -> Iterator[str]:
        if not isinstance(value, str):
            yield from (name.lstrip("#") for name in _names(value))
        elif re.search(r"[,;|\n]", value):
            yield from (part.strip().strip("#") for part in re.split(r"[,;|\n]", value.strip("[]")))
        elif split_at_blanks and self._front.kind == "yaml" and squeezed(key) in ("tags", "categories"):
            # Jekyll: "a YAML list or a space-separated string" (jekyllrb.com/docs/posts, read 2026-11).
            yield from (part.strip("#") for part in value.split())
        else:
            yield value.strip().strip("#")

    def authors(self) -> tuple[str, ...]:
        for key, value in self._found("authors"):
            if names := _unique(_author(name) for name in self._authors_of(key, value)):
                return names
        return ()

    def _authors_of(self, key: str, value: object) -> Iterator[str]:
        if not isinstance(value, str):
            yield from _names(value)
        elif ";" in value:
            yield from value.split(";")
        elif squeezed(key) == "authors":
            yield from value.strip("[]").split(",")
        else:
            yield value

    # --- pictures ---

    def image(self) -> tuple[str | None, str | None]:
        """(address as written, alternative text)."""
        alt = self._first_text("image alt", strict=False) or None
        for _, value in self._found("image"):
            address, own_alt = _picture(value)
            if address:
                return address, own_alt or alt
        for _, value in self._found("resources"):
            if address := _leading_resource(value):
                return address, alt
        return None, None

    # --- identity and address ---

    def own_id(self) -> str | None:
        for key, value in self._found("own id"):
            if isinstance(value, Mapping | list | bool):
                raise Unreadable(f"{key} is {_kind(value)}, not text; put its value in quotes", self._line(key))
            if text := one_line(str(value)):
                return text
        return next((str(value).strip() for _, value in self._found("canonical") if is_web_address(_text(value))), None)

    def address(self) -> str | None:
        """The post's own address, if the front matter gives a whole one."""
        return next((str(value).strip() for _, value in self._found("address") if is_web_address(_text(value))), None)

    def permalink(self) -> str | None:
        """A path on the site, as written."""
        paths = (value.strip() for _, value in self._found("on site") if isinstance(value, str))
        return next((path for path in paths if path and "://" not in path), None)

    def layouts(self) -> list[str]:
        """What the page is, in lower case, where `layout` or `type` says it."""
        return [str(value).strip().lower() for _, value in self._found("layout")]


@functools.lru_cache(maxsize=4096)
def squeezed(key: str) -> str:
    return re.sub(r"[-_ :.]", "", key).lower()


def _as_bool(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    return True if word in words.TRUE else False if word in words.FALSE else None


def _kind(value: object) -> str:
    if isinstance(value, Mapping):
        return "a group of keys"
    return "a list" if isinstance(value, list | tuple) else f"the value {str(value).lower()}"


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _names(value: object, depth: int = 0) -> Iterator[str]:
    """The names in a list, in objects with a name, or in lists of them."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value).strip()
    elif isinstance(value, Mapping):
        named = {squeezed(str(key)): inner for key, inner in value.items()}
        own = next(
            (named[key] for key in ("name", "title", "label", "displayname", "slug", "id") if key in named), None
        )
        inside = [own] if own is not None else [inner for inner in value.values() if isinstance(inner, Mapping)]
        yield from (name for inner in inside for name in _names(inner, depth + 1))
    elif isinstance(value, list | tuple) and depth < 5:
        yield from (name for inner in value for name in _names(inner, depth + 1))


def _author(name: str) -> str:
    return re.sub(r"^by\s+|\s*<[^>]*>$|\s*\([^)]*@[^)]*\)$", "", one_line(name), flags=re.IGNORECASE)


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    by_folded: dict[str, str] = {}
    for name in names:
        if line := one_line(name):
            by_folded.setdefault(line.casefold(), line)
    return tuple(by_folded.values())


def _picture(value: object, depth: int = 0) -> tuple[str | None, str | None]:
    if isinstance(value, str):
        # `header: centered` and `featured: true` are no pictures.
        looks = "/" in value or re.search(r"\.\w{2,5}$", value.split("?")[0])
        return (value.strip(), None) if looks and "\n" not in value.strip() else (None, None)
    if isinstance(value, list | tuple) and value and depth < 3:
        return _picture(value[0], depth + 1)
    if isinstance(value, Mapping) and depth < 3:
        named = {squeezed(str(key)): inner for key, inner in value.items()}
        address = next((found for key in words.PICTURE_KEYS if (found := _picture(named.get(key), depth + 1)[0])), None)
        alt = next((one_line(named[key]) for key in words.PICTURE_ALT_KEYS if isinstance(named.get(key), str)), None)
        return address, alt
    return None, None


def _leading_resource(value: object) -> str | None:
    """Hugo's page resources: the one whose name says that it stands for the post."""
    for item in value if isinstance(value, list) else []:
        if isinstance(item, Mapping) and isinstance(item.get("src"), str):
            name = f"{item.get('name', '')} {item['src']}".lower()
            if any(word in name for word in words.LEADING_PICTURES) and "*" not in item["src"]:
                return str(item["src"])
    return None
