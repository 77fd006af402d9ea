"""Anything but UTF-8, and characters that were misread once: Gmail clips such mails however short (email-bugs#41)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.problem import Check, Found

_WRONG = re.compile(
    "(?P<c1>[\x80-\x9f])|(?P<lost>\ufffd)"
    "|(?P<misread>\u00c3[\u00a0-\u00bf]|\u00e2\u20ac[\u0153\u2122\u02dc\u201c\u201d\u00a6]|\u00c2[\u00a0\u00a3\u00a9\u00ab\u00bb\u00b0])"
)
_SAID = {
    "c1": "a control character that is a quotation mark in Windows' encoding",
    "lost": "a character that was lost when the text was converted (U+FFFD)",
    "misread": "UTF-8 that was read in another encoding",
}


def find(checked: Checked) -> Iterator[Found]:
    for element, text in checked.words:
        for word in text.split() if _WRONG.search(text) else ():
            wrong = _WRONG.search(word)
            if wrong is None:
                continue
            yield Found(
                checked.where(element, word, wrong[0]),
                f"{checked.place(element)} holds {_SAID[str(wrong.lastgroup)]}: “{shown(word)}”",
                "type the character anew, and save the file as UTF-8",
            )
    for key, line in (("subject", checked.email.subject), ("preheader", checked.email.preheader)):
        if wrong := _WRONG.search(line):
            fix = "type it anew, and save the file as UTF-8"
            yield Found(checked.in_issue(f"{key}:"), f"the {key} holds {_SAID[str(wrong.lastgroup)]}", fix)
    yield from _declared(checked)


def _declared(checked: Checked) -> Iterator[Found]:
    for part in checked.mail.walk():
        charset = part.get_content_charset() or ""
        if part.get_content_maintype() == "text" and charset != "utf-8":
            message = f"the {part.get_content_type()} part says charset {charset or 'nothing'}; Gmail may clip the mail"
            yield Found(checked.in_theme(), message, "report this: every part has to be UTF-8")
    metas = "".join(checked.page.xpath("//meta/@charset | //meta[contains(@content, 'charset')]/@content")).lower()
    if "utf-8" not in metas:
        fix = 'add <meta charset="utf-8"> in the head'
        yield Found(checked.in_theme("<head", "<mj-head"), "the page does not say that it is UTF-8", fix)


CHECK = Check("charset", "error", find)
