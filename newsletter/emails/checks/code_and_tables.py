"""What makes a phone scroll sideways: code without breaks, wide tables, words without an end (caniemail, measured)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.problem import Check, Found
from newsletter.emails.text import width

MOST_COLUMNS, LONGEST_WORD = 4, 40
_MAY_BREAK = re.compile(r"(?:word-break|overflow-wrap|word-wrap)\s*:\s*(?:break-all|break-word|anywhere)")
# A browser breaks a line behind these too, and at a soft hyphen or a zero-width space.
_BREAKS = re.compile(r"[\s\-–—?\u00ad\u200b/]+")


def find(checked: Checked) -> Iterator[Found]:
    for block in checked.body.iter("pre"):
        if block.find(".//br") is None and "\n" in block.text_content().strip():
            message = f"code in {checked.place(block)} stands in <pre>; Outlook and Samsung join its lines"
            yield Found(checked.where(block, block.text_content().strip()[:40]), message, "write <br> and &nbsp;")
    for table in checked.body.iter("table"):
        columns = max((len(row.xpath("./td|./th")) for row in table.iter("tr")), default=0)
        if table.get("role") not in ("presentation", "none") and columns > MOST_COLUMNS:
            message = f"a table in {checked.place(table)} has {columns} columns; a phone shows {MOST_COLUMNS}"
            yield Found(checked.where(table), message, "let the post hold fewer columns, or a link to the whole table")
    for element, text in checked.words:
        for word in _BREAKS.split(text):
            if width(word) > LONGEST_WORD and word.isascii() | word.isalpha() and not _may_break(element, word):
                message = f"in {checked.place(element)} a word of {len(word)} characters widens the mail: {shown(word)}"
                yield Found(checked.where(element, word), message, "give an address words, or part the word")


def _may_break(element: Any, word: str) -> bool:
    if any("\u2e80" <= letter <= "\uffef" for letter in word):  # CJK: a line may end anywhere
        return True
    boxes = (element, *element.iterancestors())
    return any(_MAY_BREAK.search(box.get("style") or "") for box in boxes)


CHECK = Check("code-and-tables", "warning", find)
