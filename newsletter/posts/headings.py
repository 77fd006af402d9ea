"""The first heading of a body: the title of a post that names none."""

from __future__ import annotations

import re

from newsletter.models import BodyFormat

_HEAD_CHARACTERS = 20_000
"""A title stands at the top: looking further costs time and finds something else."""
_FENCED_CODE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*\1[^\n]*$|\Z)", re.MULTILINE | re.DOTALL)
_ATX = re.compile(r"^ {0,3}#{1,6}[ \t]+(?P<text>[^\n]+?)(?:[ \t]+#+)?[ \t]*$", re.MULTILINE)
_SETEXT = re.compile(r"(?:\A|\n[ \t]*\n) {0,3}(?P<text>\S[^\n]*)\n {0,3}(?:=+|-{2,})[ \t]*$", re.MULTILINE)
_HTML = re.compile(r"<h([1-3])\b[^>]*>(?P<text>.*?)</h\1\s*>", re.IGNORECASE | re.DOTALL)
_ATTRIBUTES = re.compile(r"\s*\{[:#.][^{}]*\}\s*$")


def first_heading(body: str, body_format: BodyFormat) -> str:
    """As plain text; empty if there is none."""
    head = body[:_HEAD_CHARACTERS]
    if body_format == "text":
        return _first_line(head)
    if body_format == "html":
        found = _HTML.search(head)
        return _without_tags(found["text"]) if found else ""
    head = _FENCED_CODE.sub("", head)
    headings = [found for pattern in (_ATX, _SETEXT, _HTML) if (found := pattern.search(head))]
    return _without_markup(min(headings, key=lambda found: found.start())["text"]) if headings else ""


def _first_line(text: str) -> str:
    lines = text.strip().split("\n", 2)
    stands_alone = len(lines) == 1 or not lines[1].strip()
    return lines[0] if stands_alone and len(lines[0]) <= 150 else ""


def _without_markup(text: str) -> str:
    text = _ATTRIBUTES.sub("", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"(`+|\*\*|__|~~)(.+?)\1", r"\2", text)
    text = re.sub(r"(?<!\w)([*_])(?=\S)(.+?)(?<=\S)\1(?!\w)", r"\2", text)
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", _without_tags(text))


def _without_tags(text: str) -> str:
    import html

    return html.unescape(re.sub(r"<[^<>]*>", "", text)).strip()
