"""What is known of an issue, gathered for an editor's eyes: each post that it has, and each that is left out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from newsletter.errors import NewsletterError
from newsletter.issues import archive
from newsletter.issues.file import LastAutomatic, excluded_ids, parse
from newsletter.issues.select import Selection, is_bygone
from newsletter.models import Collected, Entry, Issue, IssueState, Manifest, Post, PostContent, Section
from newsletter.pipeline.build import content_of
from newsletter.pipeline.eligible import last_automatic, selection_for
from newsletter.pipeline.site import Site
from newsletter.store.issues import IssueRow

NEW = "came since the draft was made"


class SheetPost(NamedTuple):
    id: str
    title: str
    """As the issue shows it."""
    own_title: str
    summary: str | None
    """The editor's, for this issue only."""
    own_summary: str
    published_at: datetime | None
    path: str | None
    """Within the posts folder; None where there is no such post any more."""
    image: str | None
    problem: str | None
    """Why it cannot go out with the issue; None as a rule."""

    @property
    def is_overridden(self) -> bool:
        return self.title != self.own_title or self.summary is not None


class SheetSection(NamedTuple):
    title: str | None
    posts: tuple[SheetPost, ...]


class LeftOutPost(NamedTuple):
    id: str
    title: str
    reason: str
    published_at: datetime | None
    path: str | None
    is_excluded: bool
    """By the editor, who can take it back in."""
    is_bygone: bool
    """It had its time before this issue, as most posts of an old site."""
    may_take_in: bool


class Sheet(NamedTuple):
    """An issue's `issue.md`, and what is known of its posts."""

    issue: Issue
    version: str
    """SHA-256 of the file's bytes; of the manifest's where there is no file."""
    text: str
    state: IssueState
    why_fixed: str | None
    """Why it cannot be changed; None: it is a draft."""
    is_subject_automatic: bool
    is_preheader_automatic: bool
    sections: tuple[SheetSection, ...]
    """As they stand in the file, also those without posts; without the posts that are excluded."""
    left_out: tuple[LeftOutPost, ...]


def version_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def selected(site: Site, row: IssueRow, text: str, collected: Collected) -> Selection:
    exclude = excluded_ids(text, issue_id=row.id, last=last_automatic(row))
    return selection_for(site, collected, row.digest, issue=row.id, due_at=due_at_of(site, row), exclude=exclude)


def due_at_of(site: Site, row: IssueRow) -> datetime:
    return row.due_at.astimezone(site.settings.site.zone)


def why_fixed(row: IssueRow) -> str | None:
    return None if row.state is IssueState.DRAFT else f"{row.id} is {row.state}: only a draft can be changed"


def sheet_of(site: Site, row: IssueRow, text: str, collected: Collected) -> Sheet:
    issue = parse(text, issue_id=row.id, digest=row.digest, due_at=due_at_of(site, row))
    last = last_automatic(row) or LastAutomatic()
    if row.digest in site.settings.digests:
        shown = _Shown(site, collected, selected(site, row, text, collected))
        left_out = tuple(shown.left_out(issue))
    else:
        shown, left_out = _Shown(site, collected, None), ()
    return Sheet(
        issue=issue,
        version=version_of(text),
        text=text,
        state=row.state,
        why_fixed=why_fixed(row),
        is_subject_automatic=issue.subject in ("", last.subject),
        is_preheader_automatic=issue.preheader in ("", last.preheader),
        sections=tuple(SheetSection(one.title, tuple(map(shown.post, one.entries))) for one in issue.sections),
        left_out=left_out,
    )


def approved_sheet(site: Site, row: IssueRow, collected: Collected) -> Sheet:
    """From the manifest, where `issue.md` is gone or broken since."""
    manifest = archive.read_manifest(site.issue_folder(row.id))
    issue, shown = _issue_of(manifest, due_at_of(site, row)), _Shown(site, collected, None)
    return Sheet(
        issue=issue,
        version=archive.manifest_sha256(site.issue_folder(row.id)),
        text="",
        state=row.state,
        why_fixed=why_fixed(row),
        is_subject_automatic=False,
        is_preheader_automatic=False,
        sections=(SheetSection(None, tuple(map(shown.post, issue.entries))),),
        left_out=(),
    )


def _issue_of(manifest: Manifest, due_at: datetime) -> Issue:
    entries = tuple(Entry(post_id=post.id, title=post.title) for post in manifest.posts)
    return Issue(
        id=manifest.issue,
        digest=manifest.digest,
        due_at=due_at,
        subject=manifest.subject,
        preheader=manifest.preheader,
        sections=(Section(entries=entries),),
    )


class _Shown:
    """Posts as a sheet shows them. Without a selection (an approved issue) nothing is wrong with them any more."""

    def __init__(self, site: Site, collected: Collected, selection: Selection | None) -> None:
        self._site, self._selection = site, selection
        may_stay = selection.may_stay if selection else {}
        self._posts = {post.id: post for post in collected.posts} | dict(may_stay)
        self._reasons = {one.id: one.reason for one in reversed(selection.left_out)} if selection else {}

    def post(self, entry: Entry) -> SheetPost:
        post = self._posts.get(entry.post_id)
        content = self._content(post)
        own_title = post.title if post else entry.post_id
        return SheetPost(
            id=entry.post_id,
            title=entry.title or own_title,
            own_title=own_title,
            summary=entry.summary,
            own_summary=content.summary_text if content else "",
            published_at=post.published_at if post else None,
            path=post.path if post else None,
            image=content.image_url if content else None,
            problem=self._problem(entry.post_id),
        )

    def left_out(self, issue: Issue) -> Iterator[LeftOutPost]:
        """What came since the draft was made; what the rules or the editor left out, newest first; then what is
        excluded and no post any more."""
        assert self._selection is not None
        told = set(issue.post_ids)
        for post in self._selection.posts:
            if post.id not in told:
                told.add(post.id)
                yield self._left_out(post.id, NEW, issue, is_past=False)
        for one in self._selection.left_out:
            if one.id not in told:
                told.add(one.id)
                yield self._left_out(one.id, one.reason, issue, is_past=is_bygone(one))
        for post_id in dict.fromkeys(issue.exclude):
            if post_id not in told:
                yield self._left_out(post_id, "excluded, and there is no such post", issue, is_past=True)

    def _left_out(self, post_id: str, reason: str, issue: Issue, *, is_past: bool) -> LeftOutPost:
        post, may_stay = self._posts.get(post_id), self._selection.may_stay if self._selection else {}
        return LeftOutPost(
            id=post_id,
            title=post.title if post else post_id,
            reason=reason,
            published_at=post.published_at if post else None,
            path=post.path if post else None,
            is_excluded=post_id in issue.exclude or reason == "excluded by the editor",
            is_bygone=is_past,
            may_take_in=post_id in may_stay,
        )

    def _problem(self, post_id: str) -> str | None:
        if self._selection is None or post_id in self._selection.may_stay:
            return None
        return self._reasons.get(post_id, "there is no such post")

    def _content(self, post: Post | None) -> PostContent | None:
        try:
            return content_of(self._site, post) if post else None
        except NewsletterError:
            return None
