"""Gmail clips a mail whose HTML is too long: the unsubscribe link and all styles of the full view are lost.

102 KB: spamresource.com/2022/01/what-is-gmail-clipping-and-what-to-do.html; email-bugs#41.
"""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.budget import LIMIT_BYTES, ROOM_BYTES, longest_fields, merged_bytes
from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found

WARN_BYTES = LIMIT_BYTES - ROOM_BYTES


def find(checked: Checked) -> Iterator[Found]:
    yield from _shortened(checked)
    size_bytes = merged_bytes(checked.email.html, checked.email.nonce, longest_fields(checked.settings))
    if size_bytes <= WARN_BYTES:
        return
    is_clipped = size_bytes > LIMIT_BYTES
    verdict = "Gmail clips it, and the unsubscribe link with it" if is_clipped else "Gmail clips it at 102"
    yield Found(
        checked.in_issue("sections:"),
        f"the mail has {size_bytes / 1024:.0f} KiB of HTML: {verdict}",
        f"take posts out of the issue, or set max_posts below {len(checked.posts)}; write shorter summaries",
        "error" if is_clipped else "warning",
    )


def _shortened(checked: Checked) -> Iterator[Found]:
    sources = {post.id: post.source.path for post in checked.posts}
    for one in checked.fit.shortened if checked.fit else ():
        fix = 'leave it so, take posts out of the issue, or set body = "summary" for the digest'
        yield Found(sources[one.post_id], f"{one}, because Gmail would clip the mail", fix, "warning")


CHECK = Check("html-size", "error", find)
