"""Our delivery id as a tag, where a provider's tags hold letters, digits, `_` and `-` only (Resend, Amazon SES)."""

from __future__ import annotations


def as_tag(delivery_id: str) -> str:
    """A delivery id has letters, digits, `-` and `.`; what is `.` there is `_` here, which it never has."""
    return delivery_id.replace(".", "_")
