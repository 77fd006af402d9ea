"""The calendar: week by week what is due, and what would be in it if nothing else came."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from newsletter.models import IssueState
from newsletter.pipeline.ahead import Ahead, ahead
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.listing import digest_title
from newsletter.web.preview.pages import STATE_WORDS, counted, said_day, said_distance

COUNT = 8
"""Issues of each digest."""
WEEKS = 6
POSTS_AT_MOST = 8


def ahead_values(desk: Desk) -> dict[str, Any]:
    zone = desk.site.settings.site.zone
    found = ahead(desk.site, now=desk.now(), count=COUNT)
    first = _monday(desk.now().astimezone(zone).date())
    weeks = [first + timedelta(weeks=number) for number in range(WEEKS)] if found else []
    by_week: dict[date, list[Ahead]] = {week: [] for week in weeks}
    for one in found:
        by_week.get(_monday(one.due_at.date()), []).append(one)
    return {"weeks": [_week(desk, week, issues, first) for week, issues in by_week.items()]}


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _week(desk: Desk, week: date, issues: list[Ahead], first: date) -> dict[str, Any]:
    sunday = week + timedelta(days=6)
    named = {0: "This week", 7: "Next week"}.get((week - first).days)
    span = f"{week.day} {week:%b} to {sunday.day} {sunday:%b}"
    return {
        "title": named or span,
        "says": span if named else "",
        "issues": [_issue(desk, one, desk.now()) for one in issues],
    }


def _issue(desk: Desk, one: Ahead, now: datetime) -> dict[str, Any]:
    more = len(one.posts) - POSTS_AT_MOST
    return {
        "id": one.issue,
        "title": digest_title(desk.site, one.digest),
        "due_iso": one.due_at.isoformat(),
        "day": f"{said_day(one.due_at)}, {one.due_at:%H:%M}",
        "distance": said_distance(one.due_at, now),
        "state": one.state.value if one.state else "none",
        "state_words": STATE_WORDS[one.state] if one.state else "Not opened yet",
        "is_built": one.state is not None and one.state is not IssueState.SKIPPED,
        "is_empty": one.is_empty,
        "says": f"{one.note[:1].upper()}{one.note[1:]}." if one.note else "",
        "posts": [post.title for post in one.posts[:POSTS_AT_MOST]],
        "more": f"and {counted(more, 'more post')}" if more > 0 else "",
    }
