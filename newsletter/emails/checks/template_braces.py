"""Template syntax in what people wrote: it goes out as it stands, and it was rarely meant to."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.markers import SYNTAX
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    for element, words in checked.prose:
        left = SYNTAX.search(words)
        post = checked.post_of(element)
        if left and (post or checked.issue_file.holds(left[0])):
            yield Found(
                checked.where(element, left[0]),
                f"{checked.place(element) if post else 'issue.md'} holds {shown(left[0])}, which readers will see so",
                "take it out, or mark it as code with `…` where it is meant to be read",
            )


CHECK = Check("template-braces", "warning", find)
