"""A file's bytes → `Post`: what is known of it without rendering its body."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from newsletter.models import BodyFormat, Post
from newsletter.posts import addresses, dates
from newsletter.posts.encoding import decode
from newsletter.posts.fields import Fields, one_line
from newsletter.posts.files import FORMATS, UNSUPPORTED, NoPost, Unreadable
from newsletter.posts.frontmatter import FrontMatter, split
from newsletter.posts.headings import first_heading
from newsletter.posts.vocabulary import PAGE_LAYOUTS, PAGE_NAMES, PAGE_NAMES_ANYWHERE

MAX_TITLE_CHARACTERS = 300
_TEMPLATE = re.compile(
    r"\s*(?:\{%-?\s*(?:extends|block|include|import|from|macro)\b|\{\{-?\s*(?:define|template|block)\b)"
)
"""How a template of Jinja, Liquid or Go begins, and no page does."""

AddedOn = Callable[[str], tuple[datetime, str] | None]
"""Path → when git says that the file was added, and what to tell about that date; None: git does not know."""


class Reading(NamedTuple):
    """What the posts of one folder have in common."""

    zone: ZoneInfo
    url_pattern: str
    added_on: AddedOn


def read_post(path: str, content: bytes, modified_ns: int, reading: Reading) -> Post:
    """The post in the file. Raises `Unreadable`, and `NoPost` for a page or a section of the site."""
    suffix = posixpath.splitext(path)[1].lower()
    if posixpath.basename(path).startswith("_index."):
        raise NoPost("a section of the site, which lists posts")  # of Hugo and Zola
    if suffix in UNSUPPORTED and (reason := _why_page_by_name(path)):
        raise NoPost(reason)
    if suffix in UNSUPPORTED:
        raise Unreadable(_unsupported(suffix))
    body_format = FORMATS[suffix]
    decoded = decode(content)
    if not decoded.text.strip():
        raise Unreadable("is empty")
    if body_format == "text":
        _refuse_dump(decoded.text)
    front = split(decoded.text, body_format)
    return _assemble(path, body_format, front, modified_ns, reading, decoded.note)


def _unsupported(suffix: str) -> str:
    kind = UNSUPPORTED[suffix]
    if suffix == ".docx":
        return f"is {kind}; make a post of it with `newsletter import posts`"
    return f"is {kind}, which cannot be read; save it as Markdown (for example with pandoc)"


def _refuse_dump(text: str) -> None:
    from newsletter.posts.import_text import count_posts

    if (count := count_posts(text)) > 1:
        raise Unreadable(f"is a page of {count} posts; make files of them with `newsletter import posts`")


def _assemble(
    path: str, body_format: BodyFormat, front: FrontMatter, modified_ns: int, reading: Reading, note: str
) -> Post:
    fields = Fields(front)
    dated = _dated(path, fields, reading.zone)
    if reason := _why_page(path, body_format, front, fields, is_dated=dated is not None):
        raise NoPost(reason)
    modified_at = file_time(modified_ns)
    published_at, dated_by = dated or _dated_by_history(path, modified_at, reading)
    title, titled_by = _titled(path, body_format, front, fields)
    name = dates.date_in_name(addresses.base_name(path))
    slug = (
        fields.slug() or addresses.slugged(name[1] if name else addresses.base_name(path)) or addresses.slugged(title)
    )
    slug = slug or "post"
    tags = fields.tags(split_at_blanks=name is not None)
    summary = fields.summary()
    image, image_alt = fields.image()
    own_id = fields.own_id()
    hidden_by = fields.hidden_by() or ("in _drafts" if "_drafts" in path.split("/")[:-1] else None)
    return Post(
        id=own_id or addresses.path_id(path),
        has_own_id=own_id is not None,
        title=title,
        published_at=published_at,
        path=path,
        body_format=body_format,
        text_sha256=_text_sha256(front.body, title, summary),
        modified_at=modified_at,
        slug=slug,
        url=_address(path, fields, reading.url_pattern, slug=slug, published_at=published_at, tags=tags),
        authors=fields.authors(),
        tags=tags,
        summary=summary,
        image=image,
        image_alt=image_alt,
        is_draft=hidden_by is not None,
        expires_at=fields.expires_at(reading.zone),
        notes=tuple(filter(None, (note, *front.notes, dated_by, titled_by, hidden_by and f"not public ({hidden_by})"))),
    )


def file_time(modified_ns: int) -> datetime:
    """A file's time in UTC; the epoch where the file system holds nonsense."""
    try:
        return datetime.fromtimestamp(modified_ns / 1e9, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


# --- date -----------------------------------------------------------------------------------------------------


def _dated(path: str, fields: Fields, zone: ZoneInfo) -> tuple[datetime, str] | None:
    """The date that the author gave: in the front matter, in the name, or by the folders."""
    if found := fields.published_at(zone):
        return found, ""
    for name in (posixpath.basename(path), addresses.base_name(path)):
        if dated := dates.date_in_name(posixpath.splitext(name)[0]):
            return dates.start_of_day(dated[0], zone), "dated by its name"
    if day := dates.date_in_folders(path):
        return dates.start_of_day(day, zone), "dated by its folder"
    return None


def _dated_by_history(path: str, modified_at: datetime, reading: Reading) -> tuple[datetime, str]:
    if found := reading.added_on(path):
        return found[0].astimezone(reading.zone), found[1]
    return modified_at.astimezone(reading.zone), "without a date: dated by the file's time, which copying changes"


def _why_page(path: str, body_format: BodyFormat, front: FrontMatter, fields: Fields, *, is_dated: bool) -> str:
    """Why a file is a page of the site and no post; empty if it may be a post."""
    if front.kind == "header" and path.startswith("pages/"):
        return "a page, in pages/"  # of Pelican, dated or not
    if is_dated:
        return ""
    if body_format == "html" and _TEMPLATE.match(front.body):
        return "a template of the site generator"
    if reason := _why_page_by_name(path):
        return reason
    if layout := next((layout for layout in fields.layouts() if layout in PAGE_LAYOUTS), ""):
        return f"a page without a date (its layout is {layout})"
    return ""


def _why_page_by_name(path: str) -> str:
    # `about/index.md` is the page `about`, and `en/about.md` the same in a language.
    within = re.sub(r"^[a-z]{2}(?:-[A-Za-z]{2,4})?/", "", addresses.path_id(path))
    if within.lower() in PAGE_NAMES or addresses.base_name(path).lower() in PAGE_NAMES_ANYWHERE:
        return "a page without a date"
    return "a page without a date, in pages/" if within.startswith("pages/") else ""


# --- title ----------------------------------------------------------------------------------------------------


def _titled(path: str, body_format: BodyFormat, front: FrontMatter, fields: Fields) -> tuple[str, str]:
    if title := fields.title():
        return _shortened(title), ""
    if title := one_line(first_heading(front.body, body_format)):
        return _shortened(title), "titled by its first heading"
    name = addresses.base_name(path)
    dated = dates.date_in_name(name)
    words = one_line(re.sub(r"[-_]+", " ", dated[1] if dated and dated[1] else name))
    return (words[:1].upper() + words[1:]) or "Untitled", "titled by its name"


def _shortened(title: str) -> str:
    return title if len(title) <= MAX_TITLE_CHARACTERS else title[: MAX_TITLE_CHARACTERS - 1].rstrip() + "…"


# --- identity and address -------------------------------------------------------------------------------------


def _text_sha256(body: str, title: str, summary: str | None) -> str:
    # Posts without a body (link posts) are told apart by what they do have.
    text = body.strip() or f"\0{title}\0{summary or ''}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _address(
    path: str, fields: Fields, pattern: str, *, slug: str, published_at: datetime, tags: tuple[str, ...]
) -> str | None:
    if own := fields.address():
        return own
    if not pattern:
        return None
    if permalink := fields.permalink():
        on_site = addresses.on_site(pattern, permalink, slug=slug, published_at=published_at, categories=tags)
        if on_site:
            return on_site
    return addresses.from_pattern(pattern, path=path, slug=slug, published_at=published_at)
