"""Gmail keeps 16 KiB of style blocks in all and drops the block that passes it (email-bugs#90, caniemail#144)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.budget import STYLE_LIMIT_BYTES, style_bytes
from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    size_bytes = style_bytes(checked.filled.html)
    if size_bytes > STYLE_LIMIT_BYTES:
        yield Found(
            checked.in_theme("<mj-style", "<style"),
            f"the style blocks have {size_bytes:,} bytes together; Gmail drops what passes {STYLE_LIMIT_BYTES:,}",
            "move rules into posts.css, which is written into style attributes, or take some out",
        )


CHECK = Check("style-size", "error", find)
