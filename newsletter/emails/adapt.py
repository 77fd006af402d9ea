"""HTML of posts and intros made fit for mail clients, and for the web version.

What arrives was sanitised when the post was read; it is sanitised again here, because this is where it meets the page.
Rules and their reasons: docs/design.md and caniemail.com (data of 2026-05-13).
"""

from __future__ import annotations

import html as html_entities
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urljoin

import nh3
from lxml import etree
from lxml import html as lxml_html

from newsletter.emails.images import AS_THEY_ARE, Pictures, Shown
from newsletter.emails.player import Look, players, show_boxed, show_pictured
from newsletter.emails.slots import Fragment
from newsletter.emails.tagging import Link, as_it_is
from newsletter.emails.text import visible

MAX_DEPTH = 60
"""Tags within tags; parsers give up somewhere above 250, and no mail client shows more than a few."""
WEB_WIDTH = 600
"""Pixels of the text on a page."""
MAX_COLUMNS = 4
"""A table with more columns does not fit on a phone; it is read in the web version."""

# fmt: off
_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "del", "div", "dl", "dt", "em",
    "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark",
    "ol", "p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "u", "ul", "var",
}
# fmt: on
_ATTRIBUTES = {
    "*": {"dir", "lang", "title", "id"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
}
_SCHEMES = {"http", "https", "mailto", "tel", "posts"}
"""`posts`: a picture that is only in the posts folder; no link may have it."""
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)(?:\s+[^\s=>]+(?:="[^"]*")?)*\s*/?>')
_VOID = frozenset({"br", "hr", "img"})
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


class Surroundings(NamedTuple):
    """Where the HTML will stand."""

    base_url: str
    """Relative links are taken from here."""
    heading_level: int
    """The topmost heading of the HTML becomes this one."""
    anchor: str
    """Stands before every id on the web, because one page holds many posts."""
    link: Link = as_it_is
    """What is written for the address of a link."""


def for_web(html: str, where: Surroundings, *, pictures: Pictures = AS_THEY_ARE, width: int = WEB_WIDTH) -> Fragment:
    """Safe HTML for a page: ids and links to them made unique, addresses absolute, headings fitted in."""
    root = _parsed(html)
    _fit_headings(root, where.heading_level)
    for element in root.iter("*"):
        if own_id := element.attrib.pop("id", None):
            element.set("id", f"{where.anchor}-{own_id}")
    for link in root.xpath(".//a[@href]"):
        href = link.get("href")
        if href.startswith("posts:"):
            link.drop_tag()
            continue
        in_page = f"#{where.anchor}-{href[1:]}"
        link.set("href", in_page if href.startswith("#") else where.link(urljoin(where.base_url, href)))
    for image, shown in _shown_images(root, where.base_url, pictures, width, on_web=True):
        image.set("src", shown.src)
        if shown.height:
            _set_size(image, shown)
    for table in _wide_tables(root):
        table.set("tabindex", "0")  # it scrolls by itself, so the keyboard has to reach it
    return _written(root)


def for_mail(
    html: str,
    where: Surroundings,
    *,
    address: Callable[[str], str],
    table_instead: str,
    width: int,
    pictures: Pictures = AS_THEY_ARE,
    video: Look = Look(),  # noqa: B008 - it never changes
) -> Fragment:
    """Safe HTML for mail clients.

    `address` gives what is written for an address (a token: an HTML parser would rewrite it); `table_instead` is the
    HTML that stands for a table too wide for a phone; `width` is that of the text, in pixels;
    `video` is how a link to a player is shown.
    """
    root = _parsed(html)
    _fit_headings(root, where.heading_level)
    videos = players(root)
    for element in root.iter("*"):
        element.attrib.pop("id", None)
    _plain_boxes(root)
    _code_lines(root)
    _links(root, where, address)
    for image, shown in _shown_images(root, where.base_url, pictures, width, on_web=False):
        _place(image, shown, address)
    for player in videos:
        still = pictures.still(player.poster, video.plain, width=width, base_url=where.base_url)
        if still is None:
            show_boxed(player, video)
        else:
            _place(show_pictured(player, video), still, address)
    _narrow_tables(root, table_instead)
    return _written(root)


def is_web_address(address: str) -> bool:
    return bool(re.match(r"https?://[^/\s]", address, re.IGNORECASE))


# --- reading and writing ---------------------------------------------------------------------------------------


def _parsed(html: str) -> lxml_html.HtmlElement:
    parser = lxml_html.HTMLParser(huge_tree=True)
    return lxml_html.fragment_fromstring(_clean(html), create_parent="div", parser=parser)


@lru_cache(maxsize=4)  # the same text is asked for the mail, the web and the text part, one right after another
def _clean(html: str) -> str:
    clean = nh3.clean(visible(html), tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None, url_schemes=_SCHEMES)
    return _shallow(clean)


def _shallow(html: str) -> str:
    """The same without the tags that are nested too deep; their text stays."""
    depth = 0

    def kept(tag: re.Match[str]) -> str:
        nonlocal depth
        if tag[2] in _VOID:
            return tag[0]
        depth += -1 if tag[1] else 1
        return tag[0] if depth + (1 if tag[1] else 0) <= MAX_DEPTH else ""

    return _TAG.sub(kept, html)


def _written(root: lxml_html.HtmlElement) -> Fragment:
    children = (etree.tostring(child, encoding="unicode", method="html") for child in root)
    return Fragment("".join([html_entities.escape(root.text or "", quote=False), *children]).strip())


# --- the single rules ------------------------------------------------------------------------------------------


def _fit_headings(root: lxml_html.HtmlElement, level: int) -> None:
    """The topmost becomes `level`; none is more than one below the heading before it, as readers by ear expect."""
    headings = list(root.iter(*_HEADINGS))
    top = min((int(heading.tag[1]) for heading in headings), default=0)
    before = level - 1
    for heading in headings:
        before = min(6, level + int(heading.tag[1]) - top, before + 1)
        heading.tag = f"h{before}"


def _plain_boxes(root: lxml_html.HtmlElement) -> None:
    """Gmail, Outlook and Yahoo drop `<figure>` with what is in it."""
    for box in root.iter("figure", "figcaption"):
        if box.tag == "figcaption":
            box.set("class", "note")
        box.tag = "div"


def _code_lines(root: lxml_html.HtmlElement) -> None:
    """`white-space: pre` fails in Outlook for Windows and Samsung: breaks and spaces are written out."""
    for block in list(root.iter("pre")):
        lines = block.text_content().strip("\n").split("\n")
        tail = block.tail
        block.clear()
        block.tag, block.tail = "div", tail
        block.set("class", "code")
        block.set("dir", "ltr")
        block.text = _spaced(lines[0])
        for line in lines[1:]:
            etree.SubElement(block, "br").tail = _spaced(line)


def _spaced(line: str) -> str:
    return re.sub(r"^ +| {2,}", lambda spaces: "\u00a0" * len(spaces[0]), line.expandtabs(4))


def _wide_tables(root: lxml_html.HtmlElement) -> list[lxml_html.HtmlElement]:
    return [
        table
        for table in root.iter("table")
        if max((len(row.xpath("./td|./th")) for row in table.iter("tr")), default=0) > MAX_COLUMNS
    ]


def _narrow_tables(root: lxml_html.HtmlElement, instead: str) -> None:
    for table in _wide_tables(root):
        paragraph = lxml_html.fragment_fromstring(instead)
        paragraph.tail = table.tail
        table.getparent().replace(table, paragraph)


def _links(root: lxml_html.HtmlElement, where: Surroundings, address: Callable[[str], str]) -> None:
    for link in list(root.iter("a")):
        href = link.get("href", "")
        absolute = urljoin(where.base_url, href)
        if not href or href.startswith("#") or not re.match(r"(https?://|mailto:|tel:)", absolute, re.IGNORECASE):
            link.drop_tag()  # an anchor within the mail does nothing in the apps of Gmail, Yahoo and Samsung
        else:
            link.set("href", address(where.link(absolute)))


def _shown_images(
    root: lxml_html.HtmlElement, base_url: str, pictures: Pictures, width: int, *, on_web: bool
) -> Iterator[tuple[Any, Shown]]:
    """The images that can be shown, each with an alt; of the others the words remain."""
    for image in list(root.iter("img")):
        written, given = image.get("src", ""), image.get("width", "")
        slot = min(int(given), width) if given.isdecimal() and int(given) else width
        shown = pictures.shown(written, width=slot, base_url=base_url, on_web=on_web) if written else None
        if shown is None:
            image.tail = image.get("alt", "") + (image.tail or "")
            image.drop_tree()
            continue
        image.set("alt", image.get("alt", ""))
        yield image, shown


def _place(image: lxml_html.HtmlElement, shown: Shown, address: Callable[[str], str]) -> None:
    image.set("src", address(shown.src))
    _set_size(image, shown)
    # Without its picture a box as wide as the attribute would widen the table around it (Chromium, 2026-11-23).
    image.set("style", f"width:100%;max-width:{shown.width}px")


def _set_size(image: lxml_html.HtmlElement, shown: Shown) -> None:
    """Outlook for Windows knows no other width than the attribute."""
    image.attrib.pop("height", None)
    image.set("width", str(shown.width))
    if shown.height:
        image.set("height", str(shown.height))
