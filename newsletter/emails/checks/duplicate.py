"""The same to the same people twice, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked, CheckedPost, shown
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    if not checked.posts:
        yield Found(
            checked.in_issue("sections:"), "the issue has no post", "run `newsletter build` when there are some"
        )
    for post in checked.posts:
        if other := checked.used.get(post.id):
            message = f"“{shown(post.title)}” was in {other} already"
            yield Found(checked.in_issue(post.id), message, "take it out of issue.md")
    seen: dict[str, CheckedPost] = {}
    for post in checked.posts:
        keys = [f"title {' '.join(post.title.casefold().split())}", *([post.post.text_sha256] if post.post else [])]
        other_post = next((seen[key] for key in keys if key in seen), None)
        if other_post is not None:
            same = "title" if keys[0] in seen else "text"
            message = (
                f"“{shown(post.title)}” has the same {same} as {other_post.source.path}, and both are in the issue"
            )
            yield Found(post.source.path, message, "take one of them out of issue.md")
        seen.update({key: post for key in keys if key not in seen})


CHECK = Check("duplicate", "warning", find)
