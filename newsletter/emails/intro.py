"""The editor's Markdown (the intro, a summary for one issue only) as HTML."""

from __future__ import annotations

from markdown_it import MarkdownIt

_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def intro_html(markdown: str) -> str:
    """HTML that is not yet sanitised: `adapt` does that, as for the posts. Braces and merge syntax stay text."""
    return str(_MARKDOWN.render(markdown))
