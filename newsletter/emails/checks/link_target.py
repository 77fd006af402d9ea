"""Links that lead somewhere: a whole address, and (with --online) a page that is there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.emails.checks.addresses import host_of, is_local
from newsletter.emails.checks.checked import Answer, Checked, Link, shown
from newsletter.emails.checks.problem import Check, Found, Level

LONGEST = 2_000
_PLACEHOLDER = re.compile(
    r"https?://(?:your[-.]|todo\b|example$|url\b|link\b|xxx|\.\.\.)|\{\{|%7b%7b|\[[A-Z _]+\]", re.IGNORECASE
)
_ASKS_FOR_A_PERSON = frozenset({401, 403, 405, 406, 429, 451, 999})
"""What sites answer to programs and not to readers; nothing is known then."""


def find(checked: Checked) -> Iterator[Found]:
    for link in checked.links:
        if link.element in checked.hidden:
            continue
        if problem := _problem(checked, link):
            yield _told(checked, link, problem)
        elif (answer := (checked.answers or {}).get(link.href)) and (said := _said(answer)):
            yield _told(checked, link, said)._replace(level=_level(answer))


def _problem(checked: Checked, link: Link) -> str | None:
    href = link.href
    if href in ("", "#"):
        return "leads nowhere"
    if re.match(r"javascript:|vbscript:|data:|file:", href, re.IGNORECASE):
        return "runs or opens something instead of leading to a page"
    if re.match(r"mailto:|tel:|sms:|#", href, re.IGNORECASE):
        return "has no address behind mailto:" if re.fullmatch(r"mailto:[^@]*", href, re.IGNORECASE) else None
    if not re.match(r"https?://", href, re.IGNORECASE):
        return "is not a whole address (it does not begin with https://)"
    host = host_of(href)
    if not host or (_PLACEHOLDER.search(href) and "{{" not in link.text):
        return "is a placeholder" if host else "is no valid address"
    if href.startswith("http://") and host in checked.hosts_of_our_own() and not is_local(host):
        return "leads to our own site without https"
    return f"has {len(href):,} characters; some clients cut at {LONGEST:,}" if len(href) > LONGEST else None


def _said(answer: Answer) -> str | None:
    if answer.status is None:
        return f"cannot be reached: {answer.reason}"
    if answer.status >= 400 and answer.status not in _ASKS_FOR_A_PERSON:
        return f"answers with HTTP {answer.status}"
    return None


def _level(answer: Answer) -> Level:
    return "error" if answer.is_gone or (answer.status is not None and answer.status < 500) else "warning"


def _told(checked: Checked, link: Link, problem: str) -> Found:
    return Found(
        checked.where(link.element, link.href, link.text),
        f"in {checked.place(link.element)} the link “{shown(link.text, 40)}” to {shown(link.href)} {problem}",
        "mend the address, or take the link out",
    )


CHECK = Check("link-target", "error", find)
