"""An issue rendered and frozen: from here on exactly these bytes are sent."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from newsletter.emails.budget import Fit
from newsletter.emails.checks.problem import Problem
from newsletter.emails.images import PictureProblem
from newsletter.emails.render import render_fitting
from newsletter.errors import NotPossible
from newsletter.fetch import Fetcher
from newsletter.issues import archive
from newsletter.issues.file import excluded_ids, parse
from newsletter.issues.naming import on_of
from newsletter.issues.select import Selection
from newsletter.models import Collected, Email, Issue, IssueState, ManifestPost, Post
from newsletter.pipeline.build import content_of
from newsletter.pipeline.checking import checked_of, problems_of
from newsletter.pipeline.collect import collect
from newsletter.pipeline.eligible import last_automatic, selection_for
from newsletter.pipeline.pictures import prepare
from newsletter.pipeline.site import Site
from newsletter.settings_values import ImagesMode
from newsletter.store.issues import IssueRow

NONCE_BYTES = 12


class Approved(NamedTuple):
    state: IssueState
    recipients: int
    """The forecast: who would get it now."""
    due_at: datetime
    sha256: str | None
    """Of `manifest.json`, which holds the SHA-256 of everything else; None for a draft."""
    warnings: tuple[str, ...] = ()
    """What the checks warn of, and what the rendering had to leave out or make smaller."""


class Drafted(NamedTuple):
    """A draft as approval would freeze it."""

    email: Email
    pictures: tuple[PictureProblem, ...]
    """What is wrong with pictures; the email is whole without them."""
    fit: Fit


def approve(site: Site, issue: str, *, now: datetime) -> Approved:
    """Draft → approved: the email frozen, its posts used up. Approving again what is approved changes nothing."""
    warnings: tuple[str, ...] = ()
    with site.store.owners.one_at_a_time(issue):
        row = site.issue_row(issue)
        if row.state is IssueState.APPROVED:
            archive.read_frozen(site.issue_folder(issue))
        elif row.state is IssueState.DRAFT:
            warnings = _freeze(site, row, now)
        else:
            raise NotPossible(f"{issue} is {row.state}: only a draft can be approved", fix=_fix_for(row))
    return _approved(site, issue)._replace(warnings=warnings)


def approve_if_automatic(site: Site, issue: str, *, now: datetime) -> Approved | None:
    """Freeze a draft whose digest says `approval = "automatic"`; None: it stays as it is."""
    row = site.issue_row(issue)
    is_automatic = row.state is IssueState.DRAFT and site.digest(row.digest).approval == "automatic"
    return approve(site, issue, now=now) if is_automatic else None


def withdraw(site: Site, issue: str, *, now: datetime) -> Approved:
    """Approved → draft, as long as sending has not begun; its posts are free again."""
    with site.store.owners.one_at_a_time(issue):
        row = site.issue_row(issue)
        if row.state is not IssueState.DRAFT and not site.store.issues.withdraw(issue, now=now):
            raise NotPossible(f"the approval of {issue} cannot be withdrawn: it is {row.state}", fix=_fix_for(row))
        archive.thaw(site.issue_folder(issue))
    return _approved(site, issue)


def render_draft(
    site: Site,
    issue: Issue,
    posts: dict[str, Post],
    *,
    nonce: str,
    now: datetime,
    fetcher: Fetcher | None = None,
    images: ImagesMode | None = None,
) -> Drafted:
    """The issue as an email, merge fields open, its pictures read and made; `images` in place of the digest's way."""
    contents = {post_id: (posts[post_id], content_of(site, posts[post_id])) for post_id in issue.post_ids}
    pictures = prepare(site, issue, contents, now=now, fetcher=fetcher, mode=images)
    rendered = render_fitting(
        issue, contents, settings=site.settings, nonce=nonce, number=_number(site, issue), pictures=pictures
    )
    return Drafted(rendered.email, pictures.problems, rendered.fit)


def _number(site: Site, issue: Issue) -> int:
    """Which of its digest's issues it is: those that were approved before it, and are not cancelled, count."""
    return 1 + site.store.issues.count_approved(issue.digest, but=issue.id)


def _freeze(site: Site, row: IssueRow, now: datetime) -> tuple[str, ...]:
    """What the editor should be told."""
    folder = site.issue_folder(row.id)
    # An approval that was killed half-way left files that nobody approved in the store.
    archive.thaw(folder)
    issue, selection = read_draft(site, row)
    posts = dict(selection.may_stay)
    drafted = render_draft(site, issue, posts, nonce=secrets.token_hex(NONCE_BYTES), now=now)
    checked = checked_of(site, issue, drafted.email, posts, pictures=drafted.pictures, fit=drafted.fit)
    problems = problems_of(site, checked)
    _refuse_errors(row.id, problems)
    archive.freeze(
        folder,
        drafted.email,
        issue=issue,
        title=site.settings.digest_title(row.digest),
        approved_at=now,
        posts=[_manifest_post(posts[entry.post_id], entry.title) for entry in issue.entries],
        left_over=selection.over_max,
    )
    sha256 = archive.manifest_sha256(folder)
    left_over = [post_id for post_id in selection.over_max if post_id not in issue.post_ids]
    if not site.store.issues.approve(
        row.id, manifest_sha256=sha256, post_ids=issue.post_ids, left_over=left_over, now=now
    ):
        raise NotPossible(f"{row.id} was changed by another process meanwhile", fix=f"see `newsletter status {row.id}`")
    return tuple(f"{one.where}: {one.message}; {one.fix}" for one in problems)


def _refuse_errors(issue: str, problems: Sequence[Problem]) -> None:
    errors = [
        f"  {one.where}: {one.message} [{one.check}]\n    fix: {one.fix}" for one in problems if one.level == "error"
    ]
    if errors:
        raise NotPossible(
            "\n".join([f"{issue} has what nobody should be mailed:", *errors]),
            fix=f"mend it, and see `newsletter check {issue}`; docs/checking.md tells how to change a check's level",
        )


def read_draft(site: Site, row: IssueRow) -> tuple[Issue, Selection]:
    """The draft as the editor left it; `NotPossible` where it cannot go out as it is."""
    issue, selection = draft_of(site, row, collect(site))
    for problem, fix in hindrances_of(issue, selection):
        raise NotPossible(problem, fix=fix)
    return issue, selection


def draft_of(site: Site, row: IssueRow, collected: Collected) -> tuple[Issue, Selection]:
    """The draft as the editor left it, and what the rules say of its posts."""
    text = archive.read_issue_text(site.issue_folder(row.id))
    if text is None:
        raise NotPossible(
            f"issues/{row.id}/{archive.ISSUE_FILE} is missing",
            fix=f"run `newsletter build {row.digest} --on {on_of(row.id)}`",
        )
    due_at = row.due_at.astimezone(site.settings.site.zone)
    issue = parse(text, issue_id=row.id, digest=row.digest, due_at=due_at)
    exclude = excluded_ids(text, issue_id=row.id, last=last_automatic(row))
    return issue, selection_for(site, collected, row.digest, issue=row.id, due_at=due_at, exclude=exclude)


def hindrances_of(issue: Issue, selection: Selection) -> Iterator[tuple[str, str]]:
    """Why the draft cannot go out as it is, each with what to do."""
    refresh = f"run `newsletter build {issue.digest} --on {on_of(issue.id)}` to refresh the draft"
    if not issue.entries:
        yield f"{issue.id} has no posts", refresh
    reasons = {one.id: one.reason for one in selection.left_out}
    missing = [post_id for post_id in issue.post_ids if post_id not in selection.may_stay]
    if missing:
        lines = [f"  {post_id}: {reasons.get(post_id, 'there is no such post')}" for post_id in missing]
        yield "\n".join([f"{issue.id} holds posts that cannot go out with it:", *lines]), refresh
    if not issue.subject.strip():
        yield f"{issue.id} has no subject", f"write one into issues/{issue.id}/{archive.ISSUE_FILE}"


def _manifest_post(post: Post, title: str | None) -> ManifestPost:
    return ManifestPost(id=post.id, title=title or post.title, path=post.path, text_sha256=post.text_sha256)


def _approved(site: Site, issue: str) -> Approved:
    row = site.issue_row(issue)
    sha256 = row.manifest_sha256 if row.state is not IssueState.DRAFT else None
    return Approved(row.state, site.store.deliveries.forecast(row.digest), row.due_at, sha256)


def _fix_for(row: IssueRow) -> str:
    if row.state is IssueState.SKIPPED:
        return f"run `newsletter build {row.digest} --on {on_of(row.id)}` when there are more posts"
    return f"see `newsletter status {row.id}`"
