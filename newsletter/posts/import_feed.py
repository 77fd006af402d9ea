"""RSS and Atom files, and WordPress exports, which are RSS with more in it."""

from __future__ import annotations

import calendar
import html
import io
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError
from zoneinfo import ZoneInfo

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from newsletter.models import LeftOut
from newsletter.posts.addresses import is_web_address
from newsletter.posts.as_markdown import html_to_markdown
from newsletter.posts.dates import BadDate, moment
from newsletter.posts.fields import one_line
from newsletter.posts.imported import Import, ImportedPost, Unimportable

_WORDPRESS = re.compile(rb"xmlns:wp=[\"']http://wordpress\.org/export/([\d.]+)/")
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"


def is_feed(content: bytes) -> bool:
    return re.search(rb"<(?:rss|feed|rdf:RDF)\b", content[:4000]) is not None


def read_feed(content: bytes, zone: ZoneInfo) -> Import:
    """The entries of a feed; nothing is fetched. Raises `Unimportable`."""
    root = _checked(content)
    version = _WORDPRESS.search(content[:10_000])
    if version and root is not None:
        return _wordpress(root, version[1].decode(), zone)
    return _feed(content, zone)


def _checked(content: bytes) -> Element | None:
    """The XML; None if it is broken, which feedparser can often read all the same."""
    try:
        root: Element = fromstring(content)
        return root
    except DefusedXmlException as error:
        raise Unimportable("declares XML entities, which no feed needs and which can hide an attack") from error
    except (ParseError, ValueError, LookupError) as error:
        if b"<!ENTITY" in content:
            raise Unimportable("is broken XML with entities of its own") from error
        return None


# --- RSS and Atom ---------------------------------------------------------------------------------------------


def _feed(content: bytes, zone: ZoneInfo) -> Import:
    import feedparser

    feed = feedparser.parse(io.BytesIO(content))
    if not feed.entries and not feed.version:
        raise Unimportable("is neither RSS nor Atom")
    posts = []
    left_out = []
    for entry in feed.entries:
        title = _plain(entry.get("title") or "") or "Untitled"
        stamp = entry.get("published_parsed") or entry.get("updated_parsed")
        try:
            published_at = moment(calendar.timegm(stamp), zone) if stamp else None
        except BadDate:
            published_at = None
        if published_at is None:
            left_out.append(LeftOut(title, "the feed gives no date for it"))
        else:
            posts.append(_entry(entry, title, published_at))
    return Import(tuple(posts), tuple(left_out))


def _entry(entry: Any, title: str, published_at: datetime) -> ImportedPost:
    content = next((part.value for part in entry.get("content", []) if part.get("value")), "")
    summary = entry.get("summary") or ""
    url = entry.get("link") or ""
    pictures = [*entry.get("media_content", []), *entry.get("media_thumbnail", []), *entry.get("enclosures", [])]
    image = next((item.get("url") or item.get("href") for item in pictures if _is_picture(item)), "")
    return ImportedPost(
        title=title,
        published_at=published_at,
        body=html_to_markdown(content or summary),
        own_id=one_line(entry.get("id") or url),
        url=url if is_web_address(url) else "",
        tags=tuple(one_line(tag.term) for tag in entry.get("tags", []) if tag.get("term")),
        authors=_authors(entry),
        image=image if is_web_address(image) else "",
        summary=_plain(summary) if content and len(summary) < 1_000 else "",
    )


def _authors(entry: Any) -> tuple[str, ...]:
    names = (one_line(person.get("name") or "") for person in entry.get("authors", []))
    return tuple(dict.fromkeys(name for name in names if name))


def _is_picture(item: Any) -> bool:
    kind = f"{item.get('type', '')}{item.get('medium', '')}"
    address = str(item.get("url") or item.get("href") or "")
    return "image" in kind or re.search(r"\.(?:jpe?g|png|gif|webp)(?:\?|$)", address, re.IGNORECASE) is not None


def _plain(markup: str) -> str:
    return one_line(html.unescape(re.sub(r"<[^<>]*>", " ", markup)))


# --- WordPress ------------------------------------------------------------------------------------------------


def _wordpress(root: Element, version: str, zone: ZoneInfo) -> Import:
    space = f"{{http://wordpress.org/export/{version}/}}"
    posts: list[ImportedPost] = []
    left_out: list[LeftOut] = []
    for item in root.iter("item"):
        kind = _of(item, f"{space}post_type") or "post"
        title = one_line(html.unescape(_of(item, "title"))) or "Untitled"
        if kind not in ("post", "page"):
            continue  # pictures, menus, revisions
        reason = _not_public(item, kind, space)
        published_at = _wordpress_date(item, space, zone)
        if reason or published_at is None:
            left_out.append(LeftOut(title, reason or "the export gives no date for it"))
        else:
            posts.append(_wordpress_post(item, title, published_at))
    return Import(tuple(posts), tuple(left_out))


def _of(item: Element, name: str) -> str:
    return (item.findtext(name) or "").strip()


def _not_public(item: Element, kind: str, space: str) -> str:
    if kind == "page":
        return "a page, not a post"
    status = _of(item, f"{space}status") or "publish"
    if _of(item, f"{space}post_password"):
        return "has a password"
    return "" if status in ("publish", "future") else f"not published (its status is {status})"


def _wordpress_date(item: Element, space: str, zone: ZoneInfo) -> datetime | None:
    for name, offset in ((f"{space}post_date_gmt", " +00:00"), ("pubDate", ""), (f"{space}post_date", "")):
        written = _of(item, name)
        if written and not written.startswith("0000"):
            try:
                return moment(written + offset, zone)
            except BadDate:
                continue
    return None


def _wordpress_post(item: Element, title: str, published_at: datetime) -> ImportedPost:
    link = _of(item, "link")
    excerpt = _of(item, re.sub("content/", "excerpt/", _CONTENT)) or next(_excerpts(item), "")
    labels = [one_line(tag.text or "") for tag in item.findall("category")]
    return ImportedPost(
        title=title,
        published_at=published_at,
        body=html_to_markdown(_with_paragraphs(_of(item, _CONTENT))),
        own_id=one_line(_of(item, "guid") or link),
        url=link if is_web_address(link) else "",
        tags=tuple(dict.fromkeys(label for label in labels if label and label != "Uncategorized")),
        authors=tuple(filter(None, [one_line(_of(item, _CREATOR))])),
        summary=_plain(excerpt),
    )


def _excerpts(item: Element) -> Iterator[str]:
    return (child.text.strip() for child in item if child.tag.endswith("excerpt/}encoded") and child.text)


def _with_paragraphs(content: str) -> str:
    """WordPress stores empty lines and makes paragraphs of them when it shows a post."""
    if re.search(r"<p[\s>]", content, re.IGNORECASE):
        return content
    parts = re.split(r"\n\s*\n", content.replace("\r\n", "\n"))
    block = re.compile(r"\s*<(?:h[1-6]|ul|ol|table|pre|blockquote|figure|div|hr|!--)", re.IGNORECASE)
    return "\n".join(part if block.match(part) else f"<p>{part}</p>" for part in parts if part.strip())
