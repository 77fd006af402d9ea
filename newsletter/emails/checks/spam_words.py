"""What spam filters count, as far as it can be told without one: phrases of the kinds that SpamAssassin 4 names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.emails.checks.addresses import host_of
from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.problem import Check, Found

MANY = 2
"""Phrases in one mail from which on a filter takes notice; a single one is ordinary language."""
_PHRASES = re.compile(
    r"\b(?:act now|click below|100 ?% free|risk[- ]free|no obligation|money[- ]back guarantee|once in a lifetime"
    r"|you(?:'ve| have) been selected|you(?: are|'re) a winner|congratulations,? you|claim your (?:prize|reward)"
    r"|make money (?:fast|online|from home)|work from home and earn|extra income|double your|get rich|earn \$\d"
    r"|lowest price|no credit check|consolidate your debt|viagra|cialis|weight loss miracle|lose weight fast"
    r"|this is not spam|dear friend|urgent(?:ly)? (?:reply|response)|wire transfer|nigerian|bitcoin doubler"
    r"|limited time only|while supplies last|order now|buy now|call now|apply now and)\b",
    re.IGNORECASE,
)
_SHORTENERS = frozenset(
    {
        "bit.ly",
        "tinyurl.com",
        "goo.gl",
        "t.co",
        "ow.ly",
        "is.gd",
        "buff.ly",
        "rebrand.ly",
        "cutt.ly",
        "rb.gy",
        "shorturl.at",
    }
)
_LOUD = re.compile(r"!{3,}|\${2,}|\?{4,}|(?:!\s*){4,}")
SMALLEST_TEXT = 200
"""Characters beside pictures: a mail that is one picture is what filters know spam by."""


def find(checked: Checked) -> Iterator[Found]:
    for key, line in (("subject", checked.email.subject), ("preheader", checked.email.preheader)):
        if loud := _LOUD.search(line) or _PHRASES.search(line):
            yield Found(checked.in_issue(f"{key}:"), f"the {key} holds “{loud[0]}”, which spam filters count", _FIX)
    hits = [(element, hit) for element, text in checked.prose for hit in _PHRASES.finditer(text)]
    for element, hit in hits if len({hit[0].lower() for _, hit in hits}) >= MANY else ():
        message = f"{checked.place(element)} says “{shown(hit[0])}”; filters count such phrases together"
        yield Found(checked.where(element, hit[0]), message, _FIX)
    for element, text in checked.prose:
        if loud := _LOUD.search(text):
            yield Found(checked.where(element, loud[0]), f"{checked.place(element)} shouts “{loud[0]}”", _FIX)
    for link in checked.links:
        if host_of(link.href).removeprefix("www.") in _SHORTENERS:
            message = f"in {checked.place(link.element)} a shortened link hides its target: {shown(link.href)}"
            yield Found(checked.where(link.element, link.href), message, "link to the page itself")
    if checked.images and sum(len(text) for _, text in checked.words) < SMALLEST_TEXT:
        message = "the mail is almost only pictures, which filters know spam by"
        yield Found(checked.in_issue("sections:"), message, "say it in words too")


_FIX = "say it more calmly"
CHECK = Check("spam-words", "warning", find)
