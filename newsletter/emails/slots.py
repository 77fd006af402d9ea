"""Keeps the words of others away from every tool that could choke on them or interpret them.

While the theme is filled, compiled and inlined, each piece of third-party text or HTML is represented by a token of
letters and digits; the real thing is put in where nothing can go wrong any more. Deep nesting in a post crashes MJML,
`1 < 2` fails it, lxml rewrites addresses: none of them ever sees a post (docs/design.md).
"""

from __future__ import annotations

import html
import re
from collections import Counter

_TAG = re.compile(r"<([a-z][a-z0-9]*)\b")


class Ready(str):
    """Words of the theme's own that MJML may see as they are: a direction, a language, a merge marker."""

    __slots__ = ()

    def __html__(self) -> str:
        return self


class Fragment(Ready):
    """Finished, sanitised HTML of a post or an intro, put in after MJML and before the styles are inlined."""

    __slots__ = ()


class Slots:
    """The tokens of one rendering, and what each stands for."""

    def __init__(self, nonce: str) -> None:
        self.prefix = f"slot{nonce}"
        self._tokens: dict[str, str] = {}
        self._contents: list[str] = []
        self._pattern = re.compile(f"{re.escape(self.prefix)}([HT])([0-9]+)e")
        # The mark is an attribute's value, because a parser writes the names of attributes small.
        mark = f' data-slot="{re.escape(self.prefix)}M([0-9]+)e"'
        self._mark = re.compile(mark)
        self._styled = re.compile(mark + r"""[^<>]*?( style=(?:"[^"]*"|'[^']*'))""")

    def text(self, value: str) -> str:
        """A token for plain text or an address; it is HTML-escaped when it is put in, last of all."""
        return self._token("T", html.escape(value))

    def html(self, value: str) -> str:
        """A token for finished HTML."""
        return self._token("H", value)

    def output(self, value: object) -> object:
        """What a template prints for a value: a token for text and HTML, anything else as it is."""
        if isinstance(value, Fragment):
            return Ready(self.html(value))
        if isinstance(value, str) and not hasattr(value, "__html__"):
            return Ready(self.text(value)) if value else ""
        return "" if value is None else value

    def tokens(self, text: str) -> set[str]:
        return {found[0] for found in self._pattern.finditer(text)}

    def put_html(self, text: str) -> str:
        """Replace the tokens of finished HTML; each of its tags gets a mark, which tells whose styles it carries."""
        return self._pattern.sub(lambda found: self._marked(int(found[2])) if found[1] == "H" else found[0], text)

    def style_bytes(self, page: str) -> Counter[str]:
        """What the styles take on a page with marks, by the token of the finished HTML that they are on."""
        sizes = Counter[str]()
        for number, style in self._styled.findall(page):
            sizes[f"{self.prefix}H{number}e"] += len(style.encode())
        return sizes

    def put_text(self, text: str) -> str:
        """Replace the tokens of plain text; in one pass, so that a text that looks like a token stays text."""
        return self._pattern.sub(lambda found: self._contents[int(found[2])] if found[1] == "T" else found[0], text)

    def without_marks(self, page: str) -> str:
        return self._mark.sub("", page)

    def _marked(self, number: int) -> str:
        return _TAG.sub(f'<\\1 data-slot="{self.prefix}M{number}e"', self._contents[number])

    def _token(self, kind: str, content: str) -> str:
        key = kind + content
        if key not in self._tokens:
            self._tokens[key] = f"{self.prefix}{kind}{len(self._contents)}e"
            self._contents.append(content)
        return self._tokens[key]
