"""What of third-party HTML may reach a mail: an allow-list, applied last, so that its output is safe and balanced."""

from __future__ import annotations

import re

import nh3

MAX_DEPTH = 100

_INLINE = {
    "a",
    "abbr",
    "b",
    "bdi",
    "bdo",
    "br",
    "cite",
    "code",
    "del",
    "dfn",
    "em",
    "i",
    "ins",
    "kbd",
    "mark",
    "q",
    "s",
}
_INLINE |= {"samp", "small", "strong", "sub", "sup", "time", "u", "var"}
_BLOCK = {
    "blockquote",
    "dd",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "img",
}
_BLOCK |= {"li", "ol", "p", "pre", "ul"}
_TABLE = {"caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
# Turned into links or paragraphs before the last pass (`newsletter.posts.rework`).
_TO_REWORK = {"iframe", "video", "audio", "source", "embed", "details", "summary", "picture", "section"}
_DROPPED_WITH_CONTENT = {
    "script",
    "style",
    "title",
    "template",
    "svg",
    "math",
    "object",
    "select",
    "textarea",
    "button",
}
_DROPPED_WITH_CONTENT |= {"noscript", "canvas", "map"}

_EVERYWHERE = {"dir", "lang"}
_ATTRIBUTES = {
    "*": _EVERYWHERE,
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start", "reversed", "type"},
    "li": {"value"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align", "scope"},
    "time": {"datetime"},
    "abbr": {"title"},
}
# "posts": a picture that is only in the posts folder (`newsletter.posts.pictures`).
_SCHEMES = {"http", "https", "mailto", "tel", "posts"}
_TAG = re.compile(r"""<(?P<close>/?)(?P<name>[a-z][a-z0-9]*)(?:\s[^<>]*)?>""")
# What XML cannot hold; it can also come in as `&#0;`, so it is taken out of what nh3 gives.
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_EMPTY = frozenset(("br", "hr", "img", "col", "source", "embed"))


def safe_html(markup: str) -> str:
    """Only what the allow-list names, balanced: no scripts, styles, event handlers, forms or `javascript:`."""
    return _clean(markup, tags=_INLINE | _BLOCK | _TABLE, attributes=_ATTRIBUTES)


def safe_inline(markup: str) -> str:
    """As `safe_html`, of what may stand inside a paragraph."""
    return _clean(markup, tags=_INLINE, attributes=_ATTRIBUTES)


def safe_to_rework(markup: str) -> str:
    """As `safe_html`, with what tells players and tracking pixels; nested 100 deep at most."""
    attributes = {name: set(allowed) for name, allowed in _ATTRIBUTES.items()}
    attributes["img"] |= {"data-src", "style", "hidden"}
    for name in ("iframe", "video", "audio", "source", "embed"):
        attributes[name] = {"src", "title", "data-src"}
    attributes["video"] |= {"poster"}
    attributes["section"] = {"class"}
    attributes["sup"] = {"class"}
    attributes["a"] |= {"class"}
    attributes["td"] |= {"style"}
    attributes["th"] |= {"style"}
    return capped(_clean(markup, tags=_INLINE | _BLOCK | _TABLE | _TO_REWORK, attributes=attributes), MAX_DEPTH)


def _clean(markup: str, *, tags: set[str], attributes: dict[str, set[str]]) -> str:
    cleaned = nh3.clean(
        markup,
        tags=tags,
        clean_content_tags=_DROPPED_WITH_CONTENT,
        attributes=attributes,
        url_schemes=_SCHEMES,
        strip_comments=True,
        link_rel=None,
        filter_style_properties={"text-align", "width", "height", "display", "visibility"},
    )
    return UNFIT.sub("", cleaned)


def capped(clean_html: str, depth: int) -> str:
    """The HTML with every tag that is nested deeper than `depth` left out, its content kept.

    Works on the output of nh3 only, which is balanced and never has `<` or `>` in an attribute.
    """
    kept: list[bool] = []

    def keep(tag: re.Match[str]) -> str:
        if tag["name"] in _EMPTY:
            return tag[0]
        if tag["close"]:
            return tag[0] if kept and kept.pop() else ""
        kept.append(len(kept) < depth)
        return tag[0] if kept[-1] else ""

    return _TAG.sub(keep, clean_html)
