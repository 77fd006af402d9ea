"""One saved web page → one post: its title, its date, its main text."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urljoin
from zoneinfo import ZoneInfo

from lxml.html import HtmlElement

from newsletter.posts import dates, html
from newsletter.posts.addresses import is_web_address
from newsletter.posts.as_markdown import html_to_markdown
from newsletter.posts.dated_lines import dated_line
from newsletter.posts.dates import BadDate, moment, start_of_day
from newsletter.posts.encoding import decode
from newsletter.posts.fields import Fields, one_line
from newsletter.posts.files import Unreadable
from newsletter.posts.frontmatter import FrontMatter
from newsletter.posts.imported import Import, ImportedPost, Unimportable
from newsletter.posts.rework import drop_repeated_title, inner_html

_AROUND = "nav, header, footer, aside, form, script, style, noscript, template, button"
_MAIN_PLACES = (
    "//*[@itemprop='articleBody']",
    "//article",
    "//main",
    "//*[@role='main']",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' entry-content ')]",
    "//*[contains(concat(' ', normalize-space(@class), ' '), ' post-content ')]",
    "//*[@id='content']",
    "//body",
)


class Dated(NamedTuple):
    at: datetime
    has_time: bool
    note: str = ""


def read_page(name: str, content: bytes, modified_at: datetime, zone: ZoneInfo) -> Import:
    """The post that a saved page shows. Raises `Unimportable`."""
    try:
        markup = decode(content).text
    except Unreadable as error:
        raise Unimportable(error.reason) from error
    page = html.tree(markup)
    if page is None:
        raise Unimportable("is an empty page")
    linked = _linked_data(page)
    fields = Fields(FrontMatter({**html.page_fields(markup)}, "", "html"))
    title = _title(page, fields, linked) or posixpath.splitext(name)[0]
    url = fields.address() or ""
    dated = _date(page, fields, linked, zone) or _date_of_file(name, modified_at, zone)
    body = _body(page, title, url)
    if not body.strip():
        raise Unimportable("is a page without text")
    image = fields.image()[0]
    post = ImportedPost(
        title=title,
        published_at=dated.at,
        has_time=dated.has_time,
        date_note=dated.note,
        body=body,
        own_id=url,
        url=url,
        authors=_authors(fields, linked),
        tags=fields.tags(),
        summary=fields.summary() or "",
        image=image if image and is_web_address(image) else "",
    )
    return Import((post,))


def _title(page: HtmlElement, fields: Fields, linked: list[dict[str, Any]]) -> str:
    headings = page.xpath("//article//h1 | //main//h1") or page.xpath("//h1")
    if len(headings) == 1 and (text := one_line(headings[0].text_content())):
        return text
    named = next((str(item["headline"]) for item in linked if isinstance(item.get("headline"), str)), "")
    return one_line(named) or fields.title()


def _authors(fields: Fields, linked: list[dict[str, Any]]) -> tuple[str, ...]:
    for item in linked:
        people = item.get("author")
        people = people if isinstance(people, list) else [people]
        names = tuple(
            one_line(str(person["name"])) for person in people if isinstance(person, dict) and person.get("name")
        )
        if names:
            return names
    return fields.authors()


# --- date -----------------------------------------------------------------------------------------------------


def _date(page: HtmlElement, fields: Fields, linked: list[dict[str, Any]], zone: ZoneInfo) -> Dated | None:
    for written in _written_dates(page, linked):
        try:
            return Dated(moment(written, zone), ":" in written)
        except BadDate:
            continue
    try:
        found = fields.published_at(zone)
    except Unreadable:
        return None
    return Dated(found, has_time=found.timetz().replace(tzinfo=None).isoformat() != "00:00:00") if found else None


def _written_dates(page: HtmlElement, linked: list[dict[str, Any]]) -> Iterator[str]:
    yield from (str(item["datePublished"]) for item in linked if item.get("datePublished"))
    for time in page.iter("time"):
        yield str(time.get("datetime") or time.text_content()).strip()


def _date_of_file(name: str, modified_at: datetime, zone: ZoneInfo) -> Dated:
    if named := dates.date_in_name(name):
        return Dated(start_of_day(named[0], zone), has_time=False, note="from the file's name")
    return Dated(
        modified_at.astimezone(zone).replace(microsecond=0), has_time=True, note="from the file's time; correct it"
    )


def _linked_data(page: HtmlElement) -> list[dict[str, Any]]:
    """The objects that the page describes itself with (JSON-LD), the ones inside others too."""
    found: list[dict[str, Any]] = []
    for script in page.xpath("//script[@type='application/ld+json']"):
        try:
            pending = [json.loads(script.text or "")]
        except (ValueError, RecursionError):
            continue
        while pending and len(found) < 100:
            item = pending.pop(0)
            if isinstance(item, list):
                pending.extend(item)
            elif isinstance(item, dict):
                found.append(item)
                pending.extend(item.get("@graph", []) if isinstance(item.get("@graph"), list) else [])
    return found


# --- text -----------------------------------------------------------------------------------------------------


def _body(page: HtmlElement, title: str, url: str) -> str:
    place = next((found[0] for where in _MAIN_PLACES if (found := page.xpath(where))), page)
    for around in list(place.iter(*_AROUND.split(", "))):
        around.drop_tree()
    for heading in list(place.iter("h1")):
        if one_line(heading.text_content()) == title:
            heading.drop_tree()
    for time in list(place.iter("time")):
        if dated_line(time.text_content()):
            time.drop_tree()
    if url:
        for element in place.iter("a", "img"):
            for key in ("href", "src"):
                if element.get(key):
                    element.set(key, _joined(url, str(element.get(key))))
    drop_repeated_title(place, title, also_paragraph=False)
    return html_to_markdown(inner_html(place))


def _joined(url: str, address: str) -> str:
    try:
        return urljoin(url, address)
    except ValueError:
        return address
