"""Reads pages in HTML: what their head says, and which part of them is the text."""

from __future__ import annotations

import re
from typing import Any

import lxml.etree
import lxml.html

from newsletter.posts.sanitize import UNFIT

_HEAD_CHARACTERS = 100_000
_BODY = re.compile(r"<body\b[^>]*>\n?(?P<inside>.*?)(?:</body\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_HEAD_END = re.compile(r"</head\s*>\n?", re.IGNORECASE)
_LEADING_HEAD_TAGS = re.compile(
    r"\A(?:\s*(?:<!doctype[^>]*>|<\?xml[^>]*>|</?html[^>]*>|<head[^>]*>|<meta\b[^>]*>|<link\b[^>]*>|<title\b[^>]*>.*?</title\s*>))+\s*",
    re.IGNORECASE | re.DOTALL,
)
_MANY = frozenset(("article:tag", "article:author"))
"""Names that a page repeats, once for each value."""


def tree(markup: str) -> lxml.html.HtmlElement | None:
    """The parsed page; None where there is nothing in it. lxml cuts what is nested deeper than 256."""
    parser = lxml.html.HTMLParser(encoding="utf-8", no_network=True, remove_pis=True)
    try:
        return lxml.html.document_fromstring(UNFIT.sub("", markup).encode("utf-8", "replace"), parser=parser)
    except (lxml.etree.ParserError, lxml.etree.XMLSyntaxError, ValueError):
        return None


def page_fields(markup: str) -> dict[str, Any]:
    """Title, `<meta>` and canonical address of a page, by their names."""
    head = markup[:_HEAD_CHARACTERS]
    end = _HEAD_END.search(head)
    page = tree(head[: end.end()] if end else head)
    fields: dict[str, Any] = {}
    if page is None or not re.search(r"<(?:meta|title|link)\b", head, re.IGNORECASE):
        return fields
    for meta in page.iter("meta"):
        _note_meta(
            fields, str(meta.get("name") or meta.get("property") or meta.get("itemprop") or ""), meta.get("content")
        )
    title = page.find(".//title")
    if title is not None and (text := title.text_content().strip()):
        fields["title"] = text
    for link in page.iter("link"):
        if "canonical" in str(link.get("rel", "")).lower().split() and link.get("href"):
            fields["canonical"] = str(link.get("href")).strip()
    return fields


def _note_meta(fields: dict[str, Any], name: str, content: str | None) -> None:
    name = name.strip().lower()
    if not name or content is None:
        return
    if name in _MANY:
        fields.setdefault(name, []).append(str(content))
    else:
        fields.setdefault(name, str(content))


def body_start(markup: str) -> tuple[str, int]:
    """The inside of `<body>`, and where in the page it begins."""
    if found := _BODY.search(markup):
        return found["inside"], found.start("inside")
    if end := _HEAD_END.search(markup):
        return markup[end.end() :], end.end()
    if leading := _LEADING_HEAD_TAGS.match(markup):
        return markup[leading.end() :], leading.end()
    return markup, 0
