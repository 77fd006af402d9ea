"""Doctype, language, direction and title: without them a screen reader speaks the wrong language (WCAG 3.1.1, 2.4.2).

Missing in 95 % of mails (Email Markup Consortium, 2026). Webmail drops <html>, so the first box says them once more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found

MOSTLY = 0.3
"""Share of letters of right-to-left scripts from which on a mail is one of them."""


def find(checked: Checked) -> Iterator[Found]:
    html, first = (
        checked.page,
        next((box for box in checked.body.iter("div", "table") if box not in checked.hidden), None),
    )
    at = checked.in_theme("<mjml", "<html")
    if not re.match(r"\s*<!doctype html>", checked.filled.html, re.IGNORECASE):
        yield Found(
            at, "the page does not begin with <!doctype html>; Outlook.com and Yahoo lay it out otherwise", _FIX
        )
    for name in ("lang", "dir"):
        boxes = [box for box in (html, first) if box is not None]
        if any((box.get(name) or "und") in ("und", "auto") for box in boxes):
            yield Found(
                at, f"{name} is missing on <html> or on the first box within <body>", f'write <mjml {name}="…">'
            )
    if not (html.findtext("head/title") or "").strip():
        yield Found(
            at, "the page has no title; screen readers say the title first", "put <mj-title>{{ subject }}</mj-title>"
        )
    letters = [unicodedata.bidirectional(letter) for _, text in checked.words for letter in text if letter.isalpha()]
    right = sum(kind in ("R", "AL") for kind in letters)
    if letters and right > MOSTLY * len(letters) and html.get("dir") != "rtl" and not _says_its_own(checked):
        message = f"{right / len(letters):.0%} of the letters are written from right to left, the mail is not"
        yield Found(
            checked.in_settings("language =", "[site]"),
            message,
            'set site.language to the language of the posts, like "ar" or "he"',
        )


_FIX = "leave the doctype as MJML writes it"


def _says_its_own(checked: Checked) -> bool:
    """Each text that is mostly of the other direction stands in a box that says so."""
    return all(
        any(box.get("dir") in ("auto", "rtl") for box in (element, *element.iterancestors()))
        for element, text in checked.words
        if _is_right_to_left(text)
    )


def _is_right_to_left(text: str) -> bool:
    letters = [unicodedata.bidirectional(letter) for letter in text if letter.isalpha()]
    return sum(kind in ("R", "AL") for kind in letters) * 2 > len(letters)


CHECK = Check("doctype-lang-dir-title", "error", find)
