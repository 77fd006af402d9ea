"""Gmail clips a mail whose HTML is too long: the unsubscribe link and all styles of the full view are lost.

102 KB: spamresource.com/2022/01/what-is-gmail-clipping-and-what-to-do.html; email-bugs#41.
"""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.budget import LIMIT_BYTES, ROOM_BYTES, longest_fields, merged_bytes
from newsletter.emails.checks.checked import Checked, shown
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
    shortened = checked.fit.shortened if checked.fit else ()
    for now, what in (("summary", "summaries instead of the whole posts"), ("title", "titles only")):
        names = [f"“{shown(one.title, 40)}” ({one.less_bytes:,} bytes less)" for one in shortened if one.now == now]
        if names and checked.fit:
            yield Found(
                checked.in_issue("sections:"),
                f"whole, the mail would have {checked.fit.would_be_bytes:,} bytes, which Gmail clips, so it shows "
                f"{what} of {', '.join(names)}",
                'leave it so, take posts out of the issue, or set body = "summary" for the digest',
                "warning",
            )


CHECK = Check("html-size", "error", find)
