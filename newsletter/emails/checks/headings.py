"""Headings by which a screen reader finds its way: one h1, then each level after the one above it (WCAG 1.3.1)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    headings = [one for one in checked.body.iter("h1", "h2", "h3", "h4", "h5", "h6") if one not in checked.hidden]
    tops = [one for one in headings if one.tag == "h1"]
    if not tops:
        message = "the mail has no <h1>, where screen readers begin"
        yield Found(checked.in_theme("<mj-body", "<body"), message, "put the digest's title into <h1>")
    for extra in tops[1:]:
        message = f"“{shown(extra.text_content())}” is a second <h1>"
        yield Found(checked.where(extra), message, "make it an <h2>")
    last = 1
    for heading in headings:
        level = int(heading.tag[1])
        said = shown(heading.text_content())
        if not said:
            yield Found(checked.where(heading), f"a heading in {checked.place(heading)} is empty", "take it out")
        elif level > last + 1:
            message = f"in {checked.place(heading)} the heading “{said}” (h{level}) comes right after an h{last}"
            yield Found(checked.where(heading), message, f"make it an h{last + 1}")
        last = level


CHECK = Check("headings", "warning", find)
