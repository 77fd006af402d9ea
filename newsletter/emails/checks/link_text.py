"""Links that say where they lead when heard alone (WCAG 2.4.4): no "click here", no bare addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked, Link, shown
from newsletter.emails.checks.problem import Check, Found

_SAYS_NOTHING = frozenset(
    {"click here", "here", "click", "read more", "more", "learn more", "link", "this link", "this", "continue reading",
     "find out more", "see more", "details", "download", "hier", "hier klicken", "mehr", "weiterlesen", "mehr erfahren",
     "ici", "cliquez ici", "lire la suite", "en savoir plus", "aquí", "haga clic aquí", "leer más", "más", "qui",
     "clicca qui", "klik hier", "lees meer", "هنا", "اضغط هنا", "اقرأ المزيد"}
)  # fmt: skip


def find(checked: Checked) -> Iterator[Found]:
    targets: dict[str, str] = {}
    for link in checked.links:
        said = re.sub(r"[\s.…›»→>:]+$", "", link.text).strip().lower()
        if link.element in checked.hidden or not link.href:
            continue
        if not link.text.strip():
            yield _told(checked, link, f"a link to {shown(link.href)} has no text", "write where it leads", "error")
        elif not said or said in _SAYS_NOTHING:
            yield _told(
                checked, link, f"a link says only “{link.text}”", "write where it leads, like the title", "warning"
            )
        elif re.match(r"https?://|www\.", said) and " " not in said:
            message = f"a link shows its address {shown(link.text)}; click tracking makes that look like phishing"
            yield _told(checked, link, message, "give the link words: [words](address)", "warning")
        elif targets.setdefault(said, _place(link.href)) != _place(link.href):
            message = f"“{shown(link.text)}” is the text of links to different pages"
            yield _told(checked, link, message, "let each say where it leads", "warning")


def _place(href: str) -> str:
    return re.sub(r"[?&]utm_[^#&]*", "", href).rstrip("/?")


def _told(checked: Checked, link: Link, message: str, fix: str, level: str) -> Found:
    at = checked.where(link.element, link.href, link.text)
    return Found(at, f"in {checked.place(link.element)} {message}", fix, "error" if level == "error" else "warning")


CHECK = Check("link-text", "error", find)
