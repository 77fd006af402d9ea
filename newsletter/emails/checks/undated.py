"""A post without a date of its own moves with its file: it may come too late, or twice into somebody's mind."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    for post in checked.posts:
        for note in post.post.notes if post.post else ():
            if note.startswith("without a date"):
                yield Found(
                    post.source.at("title:"),
                    f"“{shown(post.title)}” is {note}",
                    f"write it into its front matter: date: {post.post.published_at:%Y-%m-%d}" if post.post else "",
                )


CHECK = Check("undated", "warning", find)
