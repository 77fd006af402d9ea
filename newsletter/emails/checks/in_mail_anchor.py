"""Anchors within a mail do nothing in Gmail for iOS, Yahoo for Android and Samsung (caniemail html-anchor-links)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    for link in checked.links:
        if len(link.href) > 1 and link.href.startswith("#"):
            yield Found(
                checked.where(link.element, link.href),
                f"the link “{link.text[:40]}” leads to {link.href} within the mail, which does nothing in Gmail's app",
                "lead to the same place in the web version",
            )


CHECK = Check("in-mail-anchor", "warning", find)
