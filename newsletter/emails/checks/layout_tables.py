"""Tables that lay out say so, or screen readers count rows and columns; none wider or deeper than clients bear."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found

WIDEST_PX, DEEPEST = 640, 8
_OUTLOOK_ONLY = re.compile(r"<!--\[if [^\]]*(?:mso|IE)[^\]]*\]>(.*?)<!\[endif\]-->", re.DOTALL)
_TABLE = re.compile(r"<table\b[^>]*>", re.IGNORECASE)


def find(checked: Checked) -> Iterator[Found]:
    for table in checked.body.iter("table"):
        is_data = bool(table.xpath("./caption | ./tr/th | ./*/tr/th"))
        if table.get("role") not in ("presentation", "none") and not is_data:
            at = checked.where(table, table.text_content().strip()[:40])
            message = f"a table in {checked.place(table)} has no role, and no headings that would make it one of data"
            yield Found(at, message, 'write role="presentation" on it, or give a table of data a heading row')
        width = re.fullmatch(r"\s*(\d+)(?:px)?\s*", table.get("width") or "")
        if width and int(width[1]) > WIDEST_PX:
            message = f"a table is {width[1]} pixels wide; reading panes have {WIDEST_PX}"
            yield Found(checked.where(table, width[1]), message, f"make it at most {WIDEST_PX} wide")
    deepest = max((len(list(table.iterancestors("table"))) + 1 for table in checked.body.iter("table")), default=0)
    if deepest > DEEPEST:
        message = f"tables stand {deepest} deep within each other; old clients give up beyond {DEEPEST}"
        yield Found(checked.in_theme("<mj-body"), message, "lay out with fewer boxes within boxes")
    if any("role=" not in tag for block in _OUTLOOK_ONLY.findall(checked.filled.html) for tag in _TABLE.findall(block)):
        message = "a table that only Outlook for Windows sees has no role"
        yield Found(checked.in_theme("[if mso"), message, 'write role="presentation" on it')


CHECK = Check("layout-tables", "warning", find)
