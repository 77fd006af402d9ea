"""The issues to come as they would be if nothing else came: so that an empty week is seen while there is time.

What one issue takes is not there for the next; what it leaves over waits. Nothing is written.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from newsletter.errors import BadInput
from newsletter.issues import archive
from newsletter.issues.file import LastAutomatic, excluded_ids, refresh
from newsletter.issues.select import Selection
from newsletter.models import Collected, IssueState
from newsletter.pipeline.build import FREE_STATES, automatic_for, built_posts
from newsletter.pipeline.collect import collect
from newsletter.pipeline.eligible import NOTHING_FORESEEN, Foreseen, last_automatic, selection_for
from newsletter.pipeline.site import Site
from newsletter.pipeline.upcoming import Upcoming, upcoming


class AheadPost(NamedTuple):
    id: str
    title: str


class Ahead(NamedTuple):
    digest: str
    due_at: datetime
    """Aware, in the site's zone."""
    issue: str
    """The id that the issue has or will have."""
    state: IssueState | None
    """None: no issue yet."""
    posts: tuple[AheadPost, ...]
    """In the issue's order; of an issue that would be skipped, those that would wait."""
    note: str
    """Why nothing would go out, or why it cannot be told; empty where it is as it should be."""

    @property
    def is_empty(self) -> bool:
        """Nothing would be mailed."""
        return bool(self.note)


def ahead(site: Site, *, now: datetime, count: int) -> list[Ahead]:
    """The next `count` issues of each digest that has a schedule, soonest first."""
    collected = collect(site)
    foreseen: dict[str, Foreseen] = {}
    found = []
    for one in upcoming(site.settings, site.store.issues, now=now, count=count):
        seen, after = _look(site, collected, one, foreseen.get(one.digest, NOTHING_FORESEEN))
        foreseen[one.digest] = after
        found.append(seen)
    return found


def _look(site: Site, collected: Collected, one: Upcoming, before: Foreseen) -> tuple[Ahead, Foreseen]:
    """One issue, and what will be used up and left over after it."""
    if one.state not in (None, *FREE_STATES):
        return _as_it_is(site, one), before
    try:
        text = archive.read_issue_text(site.issue_folder(one.issue))
        last = last_automatic(site.store.issues.get(one.issue))
        exclude = excluded_ids(text, issue_id=one.issue, last=last) if text else frozenset()
        selection = selection_for(
            site, collected, one.digest, issue=one.issue, due_at=one.due_at, exclude=exclude, foreseen=before
        )
        posts = _posts(site, one, selection, text, last)
    except BadInput as error:
        return _seen(one, (), error.problem), before
    note = _why_skipped(site, one, selection, posts)
    return _seen(one, posts, note), _after(before, one, selection, posts, is_skipped=bool(note))


def _posts(
    site: Site, one: Upcoming, selection: Selection, text: str | None, last: LastAutomatic | None
) -> tuple[AheadPost, ...]:
    """Those of the draft, refreshed; without a draft, those that the rules choose."""
    if text is None:
        return tuple(AheadPost(post.id, post.title) for post in selection.posts)
    automatic = automatic_for(site, one.digest, selection)
    draft = refresh(text, automatic, last=last, issue_id=one.issue, digest=one.digest, due_at=one.due_at)
    return tuple(AheadPost(post.id, post.title) for post in built_posts(draft.issue, selection.may_stay))


def _why_skipped(site: Site, one: Upcoming, selection: Selection, posts: tuple[AheadPost, ...]) -> str:
    """As `build` decides it."""
    at_least = site.digest(one.digest).min_posts
    if not posts:
        return "empty: there is no post for it"
    if selection.too_few and len(posts) < at_least:
        return f"skipped: {len(posts)} of at least {at_least} posts (min_posts), they wait for the next issue"
    return ""


def _after(
    before: Foreseen, one: Upcoming, selection: Selection, posts: tuple[AheadPost, ...], *, is_skipped: bool
) -> Foreseen:
    used = {} if is_skipped else {post.id: one.issue for post in posts}
    left_over = {post_id for post_id in selection.left_over if post_id not in used}
    return Foreseen({**before.used, **used}, before.left_over | left_over, (*before.due_ats, one.due_at))


def _as_it_is(site: Site, one: Upcoming) -> Ahead:
    folder = site.issue_folder(one.issue)
    if one.state is IssueState.CANCELLED or not archive.is_frozen(folder):
        return _seen(one, (), f"{one.state}")
    manifest = archive.read_manifest(folder)
    return _seen(one, tuple(AheadPost(post.id, post.title) for post in manifest.posts), "")


def _seen(one: Upcoming, posts: tuple[AheadPost, ...], note: str) -> Ahead:
    return Ahead(one.digest, one.due_at, one.issue, one.state, posts, note)
