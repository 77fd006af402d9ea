"""The draft of an issue: the chosen posts into `issue.md`, an editor's work kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from newsletter.errors import UsageError
from newsletter.issues import archive
from newsletter.issues.file import Automatic, Refreshed, refresh, write_new
from newsletter.issues.naming import BY_HAND
from newsletter.issues.select import Selection
from newsletter.models import Collected, Issue, IssueState, LeftOut, Post, PostContent
from newsletter.pipeline.collect import collect
from newsletter.pipeline.eligible import excluded, last_automatic, next_wall, selection_for
from newsletter.pipeline.site import Site
from newsletter.posts.content import render_content
from newsletter.schedules import Schedule, wall_time
from newsletter.store.issues import IssueRow

FREE_STATES = frozenset({IssueState.DRAFT, IssueState.SKIPPED})
"""An issue in another state is left as it is by `build`."""


class BuiltPost(NamedTuple):
    id: str
    title: str
    published_at: datetime
    section: str | None


class Built(NamedTuple):
    issue: str
    state: IssueState
    posts: tuple[BuiltPost, ...]
    left_out: tuple[LeftOut, ...]
    warnings: tuple[str, ...]
    changes: tuple[str, ...] = ()
    """What a refresh did, in words; none for a new draft."""
    path: str | None = None
    """The file to edit; None where there is no draft."""


def build(site: Site, digest: str | None, *, on: str | None, strict: bool = False, now: datetime) -> Built:
    """Make or refresh the draft of a date (default: the next occurrence)."""
    name = _digest_named(site, digest)
    wall = wall_on(site, name, on) if on else _next(site, name, now)
    return build_at(site, name, wall, strict=strict, now=now)


def build_at(site: Site, digest: str, wall: datetime, *, strict: bool = False, now: datetime) -> Built:
    """Make or refresh the draft of the occurrence at `wall`, or say that it is skipped or no draft any more."""
    issue, due_at = site.issue_at(digest, wall)
    collected = collect(site, strict=strict)
    with site.store.owners.one_at_a_time(issue):
        row = site.store.issues.get(issue)
        if row is not None and row.state not in FREE_STATES:
            return _left_as_it_is(site, row, collected)
        return _refresh(site, collected, digest=digest, issue=issue, due_at=due_at, row=row, now=now)


# --- which issue ----------------------------------------------------------------------------------------------


def _digest_named(site: Site, digest: str | None) -> str:
    if digest is None and len(site.settings.digests) == 1:
        return next(iter(site.settings.digests))
    if digest is None:
        names = ", ".join(sorted(site.settings.digests))
        raise UsageError("there are several digests", fix=f"name one of them: {names}")
    site.digest(digest)
    return digest


def _next(site: Site, digest: str, now: datetime) -> datetime:
    wall = next_wall(site, digest, now=now)
    if wall is None:
        today = wall_time(now, site.settings.site.zone).date()
        raise UsageError(f"{digest} has no schedule", fix=f"name a date: `newsletter build {digest} --on {today}`")
    return wall


def wall_on(site: Site, digest: str, on: str) -> datetime:
    """The occurrence that `on` (a date, or a date and time) names; raises `UsageError` naming the nearest ones."""
    moment = _parsed(on)
    schedule = site.schedule(digest)
    if schedule is None:
        return moment if "T" in on else datetime.combine(moment.date(), BY_HAND)
    due = [wall for wall in schedule.due_on(moment.date()) if "T" not in on or wall == moment]
    if len(due) == 1:
        return due[0]
    if due:
        times = ", ".join(f"{wall:%Y-%m-%dT%H:%M}" for wall in due)
        raise UsageError(f"{digest} is due several times on {on}", fix=f"name one of them: --on {times}")
    nearest = " and ".join(f"{wall:%Y-%m-%d}" for wall in _nearest(schedule, moment))
    raise UsageError(f"{digest} is not due on {on}", fix=f"the nearest dates on which it is due are {nearest}")


def _parsed(on: str) -> datetime:
    try:
        moment = datetime.fromisoformat(on)
    except ValueError as error:
        fix = "write it like 2026-11-19, or 2026-11-19T09:00"
        raise UsageError(f"{on!r} is no date", fix=fix) from error
    if moment.tzinfo is not None:
        raise UsageError(f"{on!r} has a time zone", fix="write the time that the clock shows in the site's time zone")
    return moment


def _nearest(schedule: Schedule, moment: datetime) -> list[datetime]:
    return [*islice(schedule.before(moment), 1), *islice(schedule.after(moment), 1)]


# --- the draft ------------------------------------------------------------------------------------------------


def _refresh(
    site: Site, collected: Collected, *, digest: str, issue: str, due_at: datetime, row: IssueRow | None, now: datetime
) -> Built:
    folder = site.issue_folder(issue)
    text = archive.read_issue_text(folder)
    last = last_automatic(row)
    selection = selection_for(site, collected, digest, issue=issue, due_at=due_at, exclude=excluded(site, issue))
    automatic = automatic_for(site, digest, selection)
    if text is None:
        refreshed = write_new(automatic, issue_id=issue, digest=digest, due_at=due_at)
    else:
        refreshed = refresh(text, automatic, last=last, issue_id=issue, digest=digest, due_at=due_at)
    warnings = (*_problems(site, collected), *selection.warnings)
    if selection.too_few and len(refreshed.issue.entries) < site.digest(digest).min_posts:
        return _skip(site, selection, digest=digest, issue=issue, due_at=due_at, warnings=warnings, now=now)
    archive.write_issue_text(folder, refreshed.text, was=text)
    site.store.issues.begin_draft(issue, digest=digest, due_at=due_at, now=now)
    site.store.issues.remember_automatic(issue, refreshed.last.model_dump())
    return _draft(issue, refreshed, selection, warnings, is_new=text is None)


def _skip(
    site: Site,
    selection: Selection,
    *,
    digest: str,
    issue: str,
    due_at: datetime,
    warnings: tuple[str, ...],
    now: datetime,
) -> Built:
    """Write no file; only an occurrence that has come is noted as skipped, so that its posts wait at any age."""
    note = f"min_posts is {site.digest(digest).min_posts}, and there are {len(selection.posts)}"
    if due_at <= now:
        site.store.issues.skip(issue, digest=digest, due_at=due_at, left_over=selection.left_over, note=note, now=now)
    return Built(issue, IssueState.SKIPPED, (), selection.left_out, (*warnings, f"{issue} is skipped: {note}"))


def _draft(issue: str, refreshed: Refreshed, selection: Selection, warnings: tuple[str, ...], *, is_new: bool) -> Built:
    posts = built_posts(refreshed.issue, selection.may_stay)
    in_issue = set(refreshed.issue.post_ids)
    left_out = tuple(one for one in selection.left_out if one.id not in in_issue)
    path = f"issues/{issue}/{archive.ISSUE_FILE}"
    changes = () if is_new else refreshed.changes
    return Built(issue, IssueState.DRAFT, posts, left_out, warnings, changes, path)


def built_posts(issue: Issue, by_id: Mapping[str, Post]) -> tuple[BuiltPost, ...]:
    """In the issue's order, with the titles that it will show."""
    return tuple(
        BuiltPost(entry.post_id, entry.title or post.title, post.published_at, section.title)
        for section in issue.sections
        for entry in section.entries
        if (post := by_id.get(entry.post_id))
    )


def _left_as_it_is(site: Site, row: IssueRow, collected: Collected) -> Built:
    by_id = {post.id: post for post in collected.posts}
    folder = site.issue_folder(row.id)
    manifest = archive.read_manifest(folder) if archive.is_frozen(folder) else None
    posts = tuple(
        BuiltPost(one.id, one.title, by_id[one.id].published_at if one.id in by_id else row.due_at, None)
        for one in (manifest.posts if manifest else ())
    )
    hint = f"; `newsletter approve {row.id} --withdraw` first" if row.state is IssueState.APPROVED else ""
    warnings = (*_problems(site, collected), f"{row.id} is {row.state}, so nothing was changed{hint}")
    return Built(row.id, row.state, posts, (), warnings)


def _problems(site: Site, collected: Collected) -> list[str]:
    folder = site.settings.posts.folder
    return [f"{folder}/{problem.where} is left out: {problem.reason}" for problem in collected.problems]


# --- content --------------------------------------------------------------------------------------------------


def content_of(site: Site, post: Post) -> PostContent:
    """The rendered text of one post."""
    return site.memory.content(
        post,
        folder=site.settings.posts_folder,
        render=lambda: render_content(
            post,
            folder=site.settings.posts_folder,
            site_url=_own_site(site),
            url_pattern=site.settings.posts.url,
        ),
    )


def _own_site(site: Site) -> str:
    """What relative links of posts are relative to, where the site says no address of its own for posts."""
    return "" if site.settings.posts.url else site.settings.site.url


def automatic_for(site: Site, digest: str, selection: Selection) -> Automatic:
    """What the issue of a selection would be without an editor."""
    summaries = {post.id: content_of(site, post).summary_text for post in selection.posts}
    return Automatic(selection, site.settings.digest_title(digest), summaries)
