"""Markdown → HTML: CommonMark with tables, footnotes and strikethrough; raw HTML stays (and is sanitised later)."""

from __future__ import annotations

import functools

from markdown_it import MarkdownIt
from mdit_py_plugins.footnote import footnote_plugin


@functools.cache
def _parser() -> MarkdownIt:
    options = {"html": True, "linkify": False, "typographer": False}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"]).use(footnote_plugin)


def to_html(text: str) -> str:
    return str(_parser().render(text))


def code_lines(text: str) -> list[tuple[int, int]]:
    """The lines (from, to) that CommonMark takes for code, fenced or indented."""
    tokens = MarkdownIt("commonmark").parse(text)
    return [(token.map[0], token.map[1]) for token in tokens if token.type in ("fence", "code_block") and token.map]


def inline_to_html(text: str) -> str:
    """One paragraph, without blocks: a line that begins with `1.` stays a line."""
    return str(_parser().renderInline(text))
