"""From a place in the filled MJML back to the template and line that it came from, parts included.

Marks of two private-use characters around `template:line` stand in front of every template line while it is filled.
They are taken out before anything else reads the text; what they said is looked up only for a mistake.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([^{_OPEN}{_CLOSE}]*):([0-9]+){_CLOSE}")


class Origin(NamedTuple):
    template: str
    line: int


class Source(NamedTuple):
    """Filled MJML without marks, and with them: what tells where each stretch of it came from."""

    text: str
    with_marks: str

    def origin(self, offset: int) -> Origin | None:
        """Where the character at `offset` of the text was written."""
        found, taken_out = None, 0
        for mark in _MARK.finditer(self.with_marks):
            if mark.start() - taken_out > offset:
                break
            found, taken_out = Origin(mark[1], int(mark[2])), taken_out + len(mark[0])
        return found


def marked(data: str, template: str, line: int) -> str:
    """A stretch of a template with a mark at its start and after each line break."""
    marked_lines = (f"{_OPEN}{template}:{line + n}{_CLOSE}{text}" for n, text in enumerate(data.split("\n")))
    return "\n".join(marked_lines)


def unmarked(filled: str) -> Source:
    """Take the marks out."""
    return Source(_MARK.sub("", filled), filled)
