"""JSON Feed files and Ghost exports."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from newsletter.models import LeftOut
from newsletter.posts.addresses import is_web_address
from newsletter.posts.as_markdown import html_to_markdown, text_to_markdown
from newsletter.posts.dates import BadDate, moment
from newsletter.posts.fields import one_line
from newsletter.posts.imported import Import, ImportedPost, Unimportable


def read_json(content: bytes, zone: ZoneInfo) -> Import:
    """The posts of a JSON Feed (jsonfeed.org) or a Ghost export. Raises `Unimportable`."""
    try:
        found = json.loads(content.decode("utf-8-sig", "replace"))
    except ValueError as error:
        raise Unimportable(f"is no valid JSON: {error}") from error
    except RecursionError as error:
        raise Unimportable("is nested too deeply") from error
    if isinstance(found, dict) and isinstance(found.get("items"), list):
        return _read(found["items"], _feed_date, _feed_item, zone)
    ghost = _ghost_data(found)
    if ghost is not None:
        labels, people = _ghost_names(ghost)
        return _read(ghost["posts"], _ghost_date, lambda item, at: _ghost_post(item, at, labels, people), zone)
    raise Unimportable("is JSON, but neither a JSON Feed nor a Ghost export")


def _read(items: list[Any], date_of: Any, post_of: Any, zone: ZoneInfo) -> Import:
    posts: list[ImportedPost] = []
    left_out: list[LeftOut] = []
    for item in items:
        if not isinstance(item, dict):
            continue
        title = _text(item, "title") or "Untitled"
        published_at, reason = date_of(item, zone)
        if reason:
            left_out.append(LeftOut(title, reason))
        else:
            posts.append(post_of(item, published_at))
    return Import(tuple(posts), tuple(left_out))


def _text(item: dict[str, Any], *names: str) -> str:
    values = (item.get(name) for name in names)
    return next((one_line(str(value)) for value in values if isinstance(value, str | int) and str(value).strip()), "")


def _dated(item: dict[str, Any], zone: ZoneInfo, *names: str) -> tuple[datetime | None, str]:
    written = next((item[name] for name in names if item.get(name)), None)
    if written is None:
        return None, "it has no date"
    try:
        return moment(written, zone), ""
    except BadDate as error:
        return None, str(error)


def _addresses(item: dict[str, Any], *names: str) -> str:
    return next((str(item[name]) for name in names if is_web_address(item.get(name))), "")


# --- JSON Feed ------------------------------------------------------------------------------------------------


def _feed_date(item: dict[str, Any], zone: ZoneInfo) -> tuple[datetime | None, str]:
    return _dated(item, zone, "date_published", "date_modified")


def _feed_item(item: dict[str, Any], published_at: datetime) -> ImportedPost:
    markup, text = item.get("content_html"), item.get("content_text")
    people = item.get("authors") or [item.get("author")]
    names = [_text(person, "name") for person in people if isinstance(person, dict)] if isinstance(people, list) else []
    tags = item.get("tags")
    return ImportedPost(
        title=_text(item, "title") or "Untitled",
        published_at=published_at,
        body=html_to_markdown(markup) if isinstance(markup, str) else text_to_markdown(str(text or "")),
        own_id=_text(item, "id", "url"),
        url=_addresses(item, "url", "external_url"),
        tags=tuple(one_line(str(tag)) for tag in tags) if isinstance(tags, list) else (),
        authors=tuple(name for name in names if name),
        image=_addresses(item, "image", "banner_image"),
        summary=_text(item, "summary"),
    )


# --- Ghost ----------------------------------------------------------------------------------------------------


def _ghost_data(found: Any) -> dict[str, Any] | None:
    database = found.get("db") if isinstance(found, dict) else None
    data = (
        database[0].get("data") if isinstance(database, list) and database and isinstance(database[0], dict) else None
    )
    return data if isinstance(data, dict) and isinstance(data.get("posts"), list) else None


Names = dict[str, list[str]]


def _ghost_names(data: dict[str, Any]) -> tuple[Names, Names]:
    return _joined(data, "tags", "posts_tags", "tag_id"), _joined(data, "users", "posts_authors", "author_id")


def _joined(data: dict[str, Any], table: str, between: str, column: str) -> Names:
    """Names by post id, over Ghost's table between the two."""
    names = {row.get("id"): _text(row, "name") for row in data.get(table) or [] if isinstance(row, dict)}
    found: Names = defaultdict(list)
    for row in data.get(between) or []:
        if isinstance(row, dict) and names.get(row.get(column)):
            found[str(row.get("post_id"))].append(names[row.get(column)])
    return found


def _ghost_date(item: dict[str, Any], zone: ZoneInfo) -> tuple[datetime | None, str]:
    if item.get("type", "post") != "post" or item.get("page"):
        return None, "a page, not a post"
    if item.get("status") not in ("published", "scheduled", "sent"):
        return None, f"not published (its status is {item.get('status')})"
    written = item.get("published_at")
    # Ghost stores UTC, in older exports without saying so.
    is_bare = isinstance(written, str) and len(written) == 19
    return _dated({"published_at": f"{written}+00:00" if is_bare else written}, zone, "published_at")


def _ghost_post(item: dict[str, Any], published_at: datetime, labels: Names, people: Names) -> ImportedPost:
    markup = item.get("html")
    body = html_to_markdown(markup) if isinstance(markup, str) else text_to_markdown(str(item.get("plaintext") or ""))
    names = [name for name in labels.get(str(item.get("id")), []) if not name.startswith("#")]
    return ImportedPost(
        title=_text(item, "title") or "Untitled",
        published_at=published_at,
        body=body.replace("__GHOST_URL__", ""),
        own_id=f"ghost-{_text(item, 'uuid', 'id', 'slug')}",
        url=_addresses(item, "canonical_url"),
        tags=tuple(dict.fromkeys(names)),
        authors=tuple(dict.fromkeys(people.get(str(item.get("id")), []))),
        image=_addresses(item, "feature_image"),
        summary=_text(item, "custom_excerpt"),
    )
