"""Pictures that are missing from the mail, or had to be made poorer, and those without words."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    sources = {post.source.path: post.source for post in checked.posts} | {checked.issue_file.path: checked.issue_file}
    for problem in checked.pictures or ():
        source = sources.get(problem.where)
        name = problem.picture.rpartition("/")[2]
        where = source.at(problem.picture, name) if source else problem.where
        yield Found(where, f"the picture {shown(problem.picture)} {problem.message}".strip(), problem.fix)


CHECK = Check("pictures", "warning", find)
