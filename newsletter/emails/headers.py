"""The headers of an issue's email, merge fields open (RFC 5322, 2369, 2919, 8058)."""

from __future__ import annotations

from newsletter.emails.markers import marker
from newsletter.emails.mime import ascii_address, ascii_domain, mailbox
from newsletter.emails.text import one_line
from newsletter.models import Issue
from newsletter.settings import Settings

KIND = "digest"
"""In Feedback-ID; nothing in it says who the reader is."""
DELIVERY_HEADER = "X-Delivery-ID"


def issue_headers(issue: Issue, *, settings: Settings, title: str, nonce: str) -> tuple[tuple[str, str], ...]:
    """In the order in which they are written; Subject, Date and the MIME headers come when a message is composed."""
    sender = settings.sender
    domain = ascii_domain(sender.email.rpartition("@")[2])
    delivery_id = marker("delivery_id", nonce)
    leave = f"<{marker('unsubscribe_url', nonce)}>"
    if sender.unsubscribe_email:
        leave += f", <mailto:{ascii_address(sender.unsubscribe_email)}?subject=unsubscribe>"
    reply_to = (("Reply-To", sender.reply_to),) if sender.reply_to else ()
    # Issue, digest, kind of mail, and the sender, rightmost (support.google.com/mail/answer/6254652, read 2026-11).
    feedback = f"{issue.id}:{issue.digest}:{KIND}:{sender.feedback_id}"
    return (
        ("From", mailbox(one_line(settings.sender_name), sender.email)),
        *reply_to,
        ("To", marker("to", nonce)),
        ("Message-ID", f"<{delivery_id}@{domain}>"),
        ("List-Id", mailbox(one_line(title), f"{issue.digest}.{domain}")),
        ("List-Unsubscribe", leave),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        *((("Feedback-ID", feedback),) if sender.feedback_id else ()),
        (DELIVERY_HEADER, delivery_id),
        # Exchange only; everybody else's out-of-office keeps quiet because of the List- headers (RFC 5230 4.6).
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
    )
