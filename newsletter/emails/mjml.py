"""MJML to HTML. mjml-python lets unknown tags and wrong nesting through in silence, so everything is checked first.

The table of tags (`mjml_tags.json`) was taken from npm mjml 4.18, without what mjml-python 1.4 drops or fails on:
mj-include, mj-html-attributes, inline mj-style, `title` of mj-button, `sizes` of mj-image, `role` of mj-table.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from newsletter.emails.lines import Origin, Source
from newsletter.errors import TemplateBroken

Broken = Callable[[str, Origin | None], TemplateBroken]
"""Makes the error for a problem at a template's line."""

_TOKEN = re.compile(
    r"<!--.*?-->|<!\[if[^>]*>|<!\[endif\]>"
    r"|<(?P<close>/?)(?P<name>[a-zA-Z][\w:-]*)(?P<attributes>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)(?P<self>/?)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"\s*([^\s=\"'/]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"']+))?", re.DOTALL)
_TWO_COMMENTS = re.compile(r"(<!--\[if mso \| IE\]>[^!]*)<!\[endif\]-->\s*<!--\[if mso \| IE\]>")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_ANYWHERE = frozenset({"css-class", "mj-class"})
_WORDS_OF_OTHERS = frozenset({"alt", "href", "src", "title"})
"""MJML only passes these on, so a text of a post may stand in them; it computes with the others."""
_HINTS = {
    "mj-include": "mjml-python loses its width; write {% include %}",
    "mj-html-attributes": "mjml-python cannot read it",
    "inline": "mjml-python does not inline; put the rules into posts.css",
}


@lru_cache(maxsize=1)
def _tags() -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = json.loads(files(__package__).joinpath("mjml_tags.json").read_text("utf-8"))
    table["mjml"] = {"in": [""], "attributes": ["lang", "dir", "owa"]}
    return table


class _Problem(Exception):
    def __init__(self, problem: str, offset: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.offset = offset


class _Open(NamedTuple):
    """An element that is not closed yet."""

    name: str
    offset: int
    holds: str
    """What it may hold: "tags" of MJML, "html", "text", "nothing", "defaults" (of mj-attributes)."""


def compile_mjml(source: Source, *, slot_prefix: str, broken: Broken) -> str:
    """The HTML page. Raises what `broken` makes, at the template line that a person wrote."""
    try:
        _check(source.text, slot_prefix)
        html = _compiled(source.text)
    except _Problem as problem:
        raise broken(problem.problem, source.origin(problem.offset)) from problem
    if left := re.search(r"</?mj-[\w-]*", html):
        raise broken(f"MJML left {left[0]}> in the page", None)
    return _with_landmark(_joined(html))


def _joined(html: str) -> str:
    """The same with comments for Outlook that follow each other made one, as npm's mjml does: a post's cost less."""
    while (joined := _TWO_COMMENTS.sub(r"\1", html)) != html:
        html = joined
    return html


def _with_landmark(html: str) -> str:
    """The same with everything in a `main`: mjml-python's `role="article"` is no landmark that a reader could jump to.

    Webmail drops html and body, so the language and the direction stand on it too.
    """
    start = re.search(r"<body[^>]*>", html)
    language = re.search(r"<html[^>]*?((?: (?:lang|dir)=\"[^\"]*\")+)", html)
    end = html.rfind("</body>")
    if not start or end < 0:
        return html
    opened = f'<div role="main"{language[1] if language else ""}>'
    return f"{html[: start.end()]}{opened}{html[start.end() : end]}</div>{html[end:]}"


def _compiled(text: str) -> str:
    import mjml

    try:
        # Without fonts={} it adds a link to Google Fonts; comments other than Outlook's only cost bytes.
        return str(mjml.mjml2html(_with_breaks(text), fonts={}, disable_comments=True))
    except ValueError as error:
        found = re.search(r"(\d+):\d+", str(error))
        offset = len(text.encode()[: int(found[1])].decode("utf-8", "ignore")) if found else len(text)
        raise _Problem(f"MJML cannot read this: {error}", offset) from error


def _with_breaks(text: str) -> str:
    """The same, as long as before, with no space right after a tag of the head: mjml-python 1.4 fails on it."""
    head, body_tag, rest = text.partition("<mj-body")
    body, end_tag, tail = rest.rpartition("</mj-body>")
    head, tail = (re.sub(r"(^|>)[ \t](?=\s*(<|$))", r"\1\n", part) for part in (head, tail))
    return head + body_tag + body + end_tag + tail


# --- checking --------------------------------------------------------------------------------------------------


def _check(text: str, slot_prefix: str) -> None:
    opened = [_Open("", 0, "tags")]
    end = 0
    for offset in _tag_offsets(text):
        if offset < end:
            continue
        token = _TOKEN.match(text, offset)
        if not token:
            raise _Problem("a < that begins no tag; write &lt;", offset)
        _check_text(text, end, offset, opened[-1])
        end = token.end()
        if token["name"]:
            _step(token, opened, slot_prefix)
    _check_text(text, end, len(text), opened[-1])
    if len(opened) > 1:
        raise _Problem(f"<{opened[-1].name}> is never closed", opened[-1].offset)


def _tag_offsets(text: str) -> Iterator[int]:
    return (found.start() for found in re.finditer("<", text))


def _check_text(text: str, start: int, end: int, parent: _Open) -> None:
    if parent.holds in ("html", "text"):
        return
    if stray := re.compile(r"\S").search(text, start, end):
        where = f"in <{parent.name}>" if parent.name else "outside <mjml>"
        raise _Problem(f"text {where}; it may stand in <mj-text> and <mj-raw>", stray.start())


def _step(token: re.Match[str], opened: list[_Open], slot_prefix: str) -> None:
    name, offset = token["name"], token.start()
    if token["close"]:
        _close(name, offset, opened)
        return
    is_mjml = name == "mjml" or name.startswith("mj-")
    holds = _check_mjml_tag(token, opened[-1], slot_prefix) if is_mjml else _check_html_tag(name, offset, opened[-1])
    if not token["self"] and (is_mjml or name.lower() not in _VOID):
        opened.append(_Open(name, offset, holds))


def _close(name: str, offset: int, opened: list[_Open]) -> None:
    if name.lower() in _VOID:
        return
    if name != opened[-1].name:
        expected = f"</{opened[-1].name}> is missing before it" if opened[-1].name else "nothing is open here"
        raise _Problem(f"</{name}>: {expected}", offset)
    opened.pop()


def _check_html_tag(name: str, offset: int, parent: _Open) -> str:
    if parent.holds != "html":
        where = f"in <{parent.name}>" if parent.name else "outside <mjml>"
        raise _Problem(f"<{name}> may not stand {where}; put it into <mj-text> or <mj-raw>", offset)
    return "html"


def _check_mjml_tag(token: re.Match[str], parent: _Open, slot_prefix: str) -> str:
    name, tag = token["name"], _tags().get(token["name"])
    if parent.holds == "defaults":
        _check_attributes(token, None, slot_prefix)
        return "nothing"
    if tag is None:
        near = difflib.get_close_matches(name, _tags(), n=1)
        hint = _HINTS.get(name) or (f"did you mean <{near[0]}>?" if near else "MJML has no such tag")
        raise _Problem(f"<{name}> is unknown: {hint}", token.start())
    if parent.name not in tag["in"]:
        wanted = ", ".join(f"<{each}>" for each in tag["in"] if each) or "the outermost place"
        where = f"in <{parent.name}>" if parent.name else "outside <mjml>"
        raise _Problem(f"<{name}> may not stand {where}, only in {wanted}", token.start())
    _check_attributes(token, {*tag["attributes"], *_ANYWHERE}, slot_prefix)
    return "defaults" if name == "mj-attributes" else str(tag.get("holds", "tags"))


def _check_attributes(token: re.Match[str], allowed: set[str] | None, slot_prefix: str) -> None:
    """`allowed` None: the defaults in mj-attributes, where any tag's attribute may stand."""
    start = token.start("attributes")
    if allowed is None:
        allowed = {"name", *_ANYWHERE, *(each for tag in _tags().values() for each in tag["attributes"])}
    for attribute in _ATTRIBUTE.finditer(token["attributes"]):
        name, value, offset = attribute[1], attribute[2], start + attribute.start(1)
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1)
            hint = _HINTS.get(name) or (f"did you mean {near[0]!r}?" if near else "it would be ignored")
            raise _Problem(f"<{token['name']}> has no attribute {name!r}: {hint}", offset)
        if value is None or value[0] not in "\"'":
            raise _Problem(f"the attribute {name!r} of <{token['name']}> needs a value in quotes", offset)
        if slot_prefix in value and name not in _WORDS_OF_OTHERS:
            raise _Problem(f"{name!r} holds a text; MJML needs the value itself: choose it with {{% if %}}", offset)
