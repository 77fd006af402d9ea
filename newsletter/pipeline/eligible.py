"""Which posts an issue would take now, and why not the others: selection with all that the site knows."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime
from typing import NamedTuple

from newsletter.issues import archive
from newsletter.issues.file import LastAutomatic, excluded_ids
from newsletter.issues.select import Selection, select, start_of
from newsletter.models import Collected, PassedOver, Post, PostProblem
from newsletter.pipeline.collect import collect
from newsletter.pipeline.site import Site
from newsletter.schedules import wall_time
from newsletter.store.issues import IssueRow


class ListedPost(NamedTuple):
    id: str
    title: str
    published_at: datetime
    path: str
    issues: list[str]
    """Approved or later."""
    reason: str | None
    """Why it is not in the next issue; None when it is, or when it was in one."""
    notes: tuple[str, ...]


class Listing(NamedTuple):
    posts: list[ListedPost]
    """Newest first."""
    problems: tuple[PostProblem, ...]
    passed_over: tuple[PassedOver, ...]


class Foreseen(NamedTuple):
    """What issues to come before another one will have changed for it."""

    used: Mapping[str, str]
    """Issue by post."""
    left_over: Set[str]
    due_ats: tuple[datetime, ...]


NOTHING_FORESEEN = Foreseen({}, frozenset(), ())


def selection_for(
    site: Site,
    collected: Collected,
    digest: str,
    *,
    issue: str,
    due_at: datetime,
    exclude: Set[str],
    foreseen: Foreseen = NOTHING_FORESEEN,
) -> Selection:
    """What the rules say about the issue of `digest` that is due at `due_at`."""
    rules = site.digest(digest)
    first = site.store.issues.first_closed_due_at(digest)
    start = start_of(
        [*filter(None, [first]), *foreseen.due_ats],
        due_at=due_at,
        schedule=site.schedule(digest),
        lookback=rules.lookback,
        zone=site.settings.site.zone,
    )
    everybodys = {**foreseen.used, **site.store.issues.used_posts(digest)}
    used = {post_id: other for post_id, other in everybodys.items() if other != issue}
    left_over = site.store.issues.left_over(digest) | foreseen.left_over

    def choose() -> Selection:
        return select(
            collected.posts,
            rules=rules,
            due_at=due_at,
            start=start,
            used=used,
            left_over=left_over,
            exclude=exclude,
        )

    asked = (collected.posts, rules, due_at, start, used, left_over, exclude)
    return site.memory.chosen(asked, choose=choose)


def next_wall(site: Site, digest: str, *, now: datetime) -> datetime | None:
    """The wall time of the next occurrence; None for a digest without a schedule."""
    schedule = site.schedule(digest)
    return next(schedule.after(wall_time(now, site.settings.site.zone)), None) if schedule else None


def listing(site: Site, *, strict: bool, now: datetime) -> Listing:
    """Every post with the issues it went into, or why the next issue of each digest does not take it."""
    collected = collect(site, strict=strict)
    used = [site.store.issues.used_posts(digest) for digest in site.settings.digests]
    selections = [found for digest in site.settings.digests if (found := _next_selection(site, collected, digest, now))]
    reasons = [_Reasons(selection) for selection in selections]
    posts = sorted(collected.posts, key=lambda post: post.published_at, reverse=True)
    listed = []
    for post in posts:
        issues = sorted({one[post.id] for one in used if post.id in one})
        listed.append(_listed(post, issues, None if issues else _reason(post, reasons)))
    return Listing(listed, collected.problems, collected.passed_over)


def _listed(post: Post, issues: list[str], reason: str | None) -> ListedPost:
    return ListedPost(post.id, post.title, post.published_at, post.path, issues, reason, post.notes)


class _Reasons:
    """One digest's next issue, asked about thousands of posts."""

    def __init__(self, selection: Selection) -> None:
        self._taken = {post.path for post in selection.posts}
        self._reasons: dict[str, list[str]] = {}
        for one in selection.left_out:
            self._reasons.setdefault(one.id, []).append(one.reason)

    def why_not(self, post: Post) -> str | None:
        if post.path in self._taken:
            return None
        mine = self._reasons.get(post.id, ["not chosen"])
        # Of several files with one id, the reason of a duplicate begins with its path.
        return next((reason for reason in mine if reason.startswith(post.path)), mine[0])


def _reason(post: Post, digests: list[_Reasons]) -> str | None:
    """None as soon as one digest's next issue would take this file."""
    reasons = [one.why_not(post) for one in digests]
    return None if None in reasons else next(iter(reasons), "no digest has a schedule")


def _next_selection(site: Site, collected: Collected, digest: str, now: datetime) -> Selection | None:
    wall = next_wall(site, digest, now=now)
    if wall is None:
        return None
    issue, due_at = site.issue_at(digest, wall)
    exclude = excluded(site, issue)
    return selection_for(site, collected, digest, issue=issue, due_at=due_at, exclude=exclude)


def excluded(site: Site, issue: str) -> frozenset[str]:
    """What the editor left out of the draft or deleted from it, as its file says now."""
    text = archive.read_issue_text(site.issue_folder(issue))
    return (
        excluded_ids(text, issue_id=issue, last=last_automatic(site.store.issues.get(issue))) if text else frozenset()
    )


def last_automatic(row: IssueRow | None) -> LastAutomatic | None:
    """What the last refresh wrote by itself; None: not known, so all in the file is the editor's."""
    return LastAutomatic.model_validate(row.automatic) if row and row.automatic else None
