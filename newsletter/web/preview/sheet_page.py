"""What an issue is made of, as the page shows it: words, sections, posts, what is left out, each with its problems."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from newsletter.emails.checks.problem import Problem
from newsletter.pipeline.sheet import LeftOutPost, Sheet, SheetPost, SheetSection
from newsletter.settings import Settings
from newsletter.web.preview.pages import counted, said_day

BYGONE_AT_MOST = 50
"""Older posts that are listed, newest first; the rest is counted."""


class Problems:
    """What the checks found, sorted by the place on the page that it is about."""

    def __init__(self, found: Iterable[Problem], sheet: Sheet | None, settings: Settings) -> None:
        self._left = list(found)
        self._folder = settings.posts.folder
        self._issue_file = f"issues/{sheet.issue.id}/" if sheet else None

    def of_check(self, name: str) -> list[Problem]:
        return self._take(lambda one: one.check == name and self._is_in_issue(one))

    def of_post(self, path: str | None) -> list[Problem]:
        place = f"{self._folder}/{path}"
        return self._take(lambda one: path is not None and _file_of(one.where) == place)

    def of_issue(self) -> list[Problem]:
        return self._take(self._is_in_issue)

    def rest(self) -> list[Problem]:
        return self._take(lambda _: True)

    def _is_in_issue(self, one: Problem) -> bool:
        return self._issue_file is not None and one.where.startswith(self._issue_file)

    def _take(self, is_wanted: Any) -> list[Problem]:
        found = [one for one in self._left if is_wanted(one)]
        self._left = [one for one in self._left if one not in found]
        return found


def _file_of(where: str) -> str:
    """Without `:line` and `:column`."""
    name, _, line = where.rpartition(":")
    return _file_of(name) if name and line.isdigit() else where


def sheet_values(sheet: Sheet, problems: Problems) -> dict[str, Any]:
    bygone = [one for one in sheet.left_out if _had_its_time(one)]
    others = [one for one in sheet.left_out if not _had_its_time(one)]
    subject, preheader = problems.of_check("subject"), problems.of_check("preheader")
    return {
        "subject": sheet.issue.subject,
        "preheader": sheet.issue.preheader,
        "intro": sheet.issue.intro,
        "is_subject_automatic": sheet.is_subject_automatic,
        "is_preheader_automatic": sheet.is_preheader_automatic,
        "subject_problems": subject,
        "preheader_problems": preheader,
        "count": len(sheet.issue.entries),
        "sections": _sections(sheet, problems),
        "own_problems": problems.of_issue(),
        "left_out": [_left_out(one) for one in others],
        "bygone": [_left_out(one) for one in bygone[:BYGONE_AT_MOST]],
        "bygone_says": counted(len(bygone), "older post"),
        "bygone_more": len(bygone) - BYGONE_AT_MOST,
    }


def _had_its_time(one: LeftOutPost) -> bool:
    return one.is_bygone and not one.is_excluded


def _sections(sheet: Sheet, problems: Problems) -> list[dict[str, Any]]:
    order = [post.id for section in sheet.sections for post in section.posts]
    seen: Counter[str] = Counter()
    return [_section(section, order, seen, problems) for section in sheet.sections]


def _section(section: SheetSection, order: Sequence[str], seen: Counter[str], problems: Problems) -> dict[str, Any]:
    title = section.title or ""
    seen[title] += 1
    return {
        "title": section.title,
        "name": f"“{title}”" if title else "without a title",
        # By its title, so that the focus goes with a section that is moved.
        "key": _key(f"{title} {seen[title]}"),
        "posts": [_post(post, order, problems) for post in section.posts],
    }


def _post(post: SheetPost, order: Sequence[str], problems: Problems) -> dict[str, Any]:
    own = [Problem("issue", "error", post.id, post.problem, "leave it out")] if post.problem else []
    says = [said_day(post.published_at) if post.published_at else "", post.id]
    if post.is_overridden:
        says.append("changed for this issue")
    return {
        "id": post.id,
        "key": _key(post.id),
        "title": post.title,
        "says": " · ".join(filter(None, says)),
        "post_title": post.own_title,
        "post_summary": post.own_summary,
        "own_title": post.title if post.title != post.own_title else "",
        "own_summary": post.summary or "",
        "has_own_words": post.is_overridden,
        "is_first": post.id == order[0],
        "is_last": post.id == order[-1],
        "problems": [*own, *problems.of_post(post.path)],
    }


def _left_out(one: LeftOutPost) -> dict[str, Any]:
    day = f"{said_day(one.published_at)} {one.published_at:%Y} · " if one.published_at else ""
    return {
        "id": one.id,
        "key": _key(one.id),
        "title": one.title,
        "reason": f"{day}{one.reason}",
        "may_come": one.may_take_in or one.is_excluded,
    }


def _key(text: str) -> str:
    """An id may hold anything; this names an element."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
