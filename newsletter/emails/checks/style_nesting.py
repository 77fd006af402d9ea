"""What makes Gmail drop a whole block or attribute: an at-rule within @media, and `rgb(0 0 0 / 50%)` (caniemail)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.emails.checks import css
from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found

_MODERN_COLOUR = re.compile(r"\b(?:rgb|hsl)a?\(\s*[\d.%a-z]+\s+[^(),]*\)", re.IGNORECASE)


def find(checked: Checked) -> Iterator[Found]:
    for sheet in checked.sheets:
        for prelude, block in css.blocks(re.sub(r"/\*.*?\*/", " ", sheet, flags=re.DOTALL)):
            if prelude.startswith("@") and (inner := re.search(r"@[\w-]+", block)):
                yield Found(
                    checked.in_theme(inner[0]),
                    f"{inner[0]} stands within {prelude.split(' ')[0]}; Gmail drops the whole style block",
                    "put it into a block of its own, without another around it",
                )
        yield from _colours(checked, sheet, None)
    for element in checked.body.iterfind(".//*[@style]"):
        yield from _colours(checked, element.get("style"), element)


def _colours(checked: Checked, text: str, element: object) -> Iterator[Found]:
    for found in _MODERN_COLOUR.finditer(text):
        yield Found(
            checked.in_theme(found[0]) if element is None else checked.where(element, found[0]),
            f"the colour {found[0]} is in a notation for which Gmail drops all styles beside it",
            "write it as #rrggbb, or as rgba(0,0,0,.5) with commas",
        )


CHECK = Check("style-nesting", "error", find)
