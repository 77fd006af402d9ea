"""Pieces of a text that no pattern may touch: code, above all."""

from __future__ import annotations

import re

from newsletter.posts.markdown import code_lines
from newsletter.posts.template_syntax import CODE_SPAN, HTML_CODE

_HELD = re.compile("\ue002(\\d+)\ue003")


class Held:
    """Pieces that no pattern may touch, behind marks that no text can hold."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def hold(self, piece: str) -> str:
        self._pieces.append(piece)
        return f"\ue002{len(self._pieces) - 1}\ue003"

    def hold_code(self, text: str) -> str:
        lines = text.split("\n")
        for start, end in reversed(code_lines(text)):
            piece = "\n".join(lines[start:end])
            lines[start:end] = [self.hold(piece)]
        return CODE_SPAN.sub(lambda found: self.hold(found[0]), "\n".join(lines))

    def hold_html_code(self, text: str) -> str:
        parts = []
        lowered = text.lower() if text.isascii() else re.sub(r"[A-Z]", lambda found: found[0].lower(), text)
        at = 0
        while (begin := HTML_CODE.search(text, at)) and (
            end := lowered.find(f"</{begin['name'].lower()}", begin.end())
        ) >= 0:
            parts += [text[at : begin.end()], self.hold(text[begin.end() : end])]
            at = end
        return "".join([*parts, text[at:]])

    def release(self, text: str) -> str:
        # A piece may hold the mark of an earlier one: code inside {% raw %}.
        while _HELD.search(text):
            text = _HELD.sub(lambda found: self._pieces[int(found[1])], text)
        return text
