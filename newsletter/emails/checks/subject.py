"""A subject that is there, is honest (Gmail's sender guidelines forbid a false "Re:") and fits a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found

LONGEST = 70
MANY_CAPITALS = 0.7
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_OPEN = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\*\|[^|]+\|\*|%recipient[.\w]*%|<%.*?%>|\bmerge\w{8,}end\b")


def find(checked: Checked) -> Iterator[Found]:
    subject = checked.email.subject
    at = checked.in_issue("subject:")
    if not subject.strip():
        yield Found(at, "the subject is empty", "write one into issue.md")
        return
    if _CONTROL.search(subject):
        yield Found(at, "the subject holds a line break or a control character", "write it as one line")
    if said := re.match(r"\s*(re|fwd?|aw|wg|tr|rv)\s*:", subject, re.IGNORECASE):
        yield Found(at, f"the subject begins with “{said[0].strip()}”, as if it were an answer", "take that out")
    if marker := _OPEN.search(subject):
        # The automatic subject takes over what stands in a post's title.
        is_in_title = any(marker[0] in post.title for post in checked.posts)
        fix = "write the words themselves"
        yield Found(
            at, f"the subject holds {marker[0]}, which nobody fills in", fix, "warning" if is_in_title else None
        )
    if len(subject) > LONGEST:
        message = f"the subject has {len(subject)} characters; phones show about 40, most others {LONGEST}"
        yield Found(at, message, f"shorten it to {LONGEST} at most, the point first", "warning")
    letters = [letter for letter in subject if letter.lower() != letter.upper()]
    if len(letters) >= 8 and sum(map(str.isupper, letters)) > MANY_CAPITALS * len(letters):
        yield Found(
            at, "the subject is in capitals, which spam filters and people take for shouting", _SMALL, "warning"
        )


_SMALL = "write it in small letters"
CHECK = Check("subject", "error", find)
