"""From a place in the filled MJML back to the template and line that it came from, parts included.

Marks of two private-use characters around `template:line` stand in front of every template line while it is filled.
They are taken out before anything else reads the text, and what they said is kept with their place.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*):([0-9]+){_CLOSE}")


class Origin(NamedTuple):
    template: str
    line: int


class Source(NamedTuple):
    """Filled MJML without marks, and where each stretch of it came from."""

    text: str
    starts: list[int]
    origins: list[Origin]

    def origin(self, offset: int) -> Origin | None:
        """Where the character at `offset` was written."""
        found = bisect_right(self.starts, offset) - 1
        return self.origins[found] if found >= 0 else None


def marked(data: str, template: str, line: int) -> str:
    """A stretch of a template with a mark at its start and after each line break."""
    marked_lines = (f"{_OPEN}{template}:{line + n}{_CLOSE}{text}" for n, text in enumerate(data.split("\n")))
    return "\n".join(marked_lines)


def unmarked(filled: str) -> Source:
    """Take the marks out."""
    pieces, starts, origins, length, last = [], [], [], 0, 0
    for mark in _MARK.finditer(filled):
        pieces.append(filled[last : mark.start()])
        length += mark.start() - last
        starts.append(length)
        origins.append(Origin(mark[1], int(mark[2])))
        last = mark.end()
    return Source("".join([*pieces, filled[last:]]), starts, origins)
