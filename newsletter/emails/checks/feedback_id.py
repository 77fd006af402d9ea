"""Gmail counts complaints by Feedback-ID: up to four fields, the last the sender's own, no person in it."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found

SHORTEST, LONGEST, FIELDS = 5, 15, 4


def find(checked: Checked) -> Iterator[Found]:
    header = checked.mail.get("Feedback-ID")
    if header is None:
        return
    parts = [part.strip() for part in str(header).split(":")]
    if len(parts) > FIELDS:
        yield Found(checked.in_settings("[sender]"), f"Feedback-ID has {len(parts)} fields; Gmail reads {FIELDS}", _FIX)
    if not SHORTEST <= len(parts[-1]) <= LONGEST:
        message = f"the last field of Feedback-ID, {parts[-1]!r}, has not {SHORTEST} to {LONGEST} characters"
        yield Found(checked.in_settings("[sender]"), message, _FIX)
    if checked.copy.delivery_id in str(header) or checked.copy.email in str(header):
        yield Found(
            checked.in_settings("[sender]"),
            "Feedback-ID holds what differs per subscriber, so Gmail counts nothing",
            _FIX,
        )


_FIX = "report this: we write this header (support.google.com/mail/answer/6254652)"
CHECK = Check("feedback-id", "warning", find)
