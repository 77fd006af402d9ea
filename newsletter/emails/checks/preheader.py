"""What mailboxes show behind the subject: 40 to 100 characters serve them all (inboxeagle.com, 2026)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found

SHORTEST, LONGEST = 35, 140
SHORTEST_WIDE = 15
"""Where letters are as wide as two: Chinese, Japanese, Korean."""


def find(checked: Checked) -> Iterator[Found]:
    preheader = checked.email.preheader.strip()
    at = checked.in_issue("preheader:")
    shortest = SHORTEST_WIDE if checked.language in ("zh", "ja", "ko") else SHORTEST
    if not preheader:
        yield Found(at, "the preheader is empty; mailboxes show whatever the mail begins with", _FIX)
    elif _same(preheader, checked.email.subject):
        yield Found(at, "the preheader says the same as the subject", _FIX)
    elif any(_same(preheader, heading) for heading in _headings(checked)):
        yield Found(at, "the preheader says the same as the first heading", _FIX)
    elif len(preheader) < shortest:
        yield Found(at, f"the preheader has {len(preheader)} characters, so mailboxes fill it up with the mail", _FIX)
    elif len(preheader) > LONGEST:
        yield Found(at, f"the preheader has {len(preheader)} characters; nobody sees more than {LONGEST}", _FIX)


_FIX = "write one of 40 to 100 characters into issue.md, the point in the first 40"


def _headings(checked: Checked) -> list[str]:
    return [heading.text_content() for heading in checked.body.iter("h1", "h2", "h3")][:2]


def _same(one: str, other: str) -> bool:
    return "".join(filter(str.isalnum, one.lower())) == "".join(filter(str.isalnum, other.lower()))


CHECK = Check("preheader", "warning", find)
