"""The first page: the issues that are coming, whether built or not, and those that went out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from newsletter.errors import NewsletterError
from newsletter.issues import archive
from newsletter.issues.file import parse
from newsletter.models import IssueState
from newsletter.pipeline.ahead import Ahead, ahead
from newsletter.pipeline.site import Site
from newsletter.pipeline.status import counts_of
from newsletter.schedules import wall_time
from newsletter.store.issues import IssueRow
from newsletter.web.preview.pages import STATE_WORDS, counted, said_distance, said_time

OVER = frozenset({IssueState.SENT, IssueState.SKIPPED, IssueState.CANCELLED})
NEXT_OF_EACH = 2
"""Occurrences of each digest that are shown although nobody has built them."""
PAGE = 20


class Coming(NamedTuple):
    id: str
    digest: str
    due_at: datetime
    row: IssueRow | None


def coming(site: Site, rows: list[IssueRow], now: datetime) -> list[Coming]:
    """What is not over yet and the next occurrences of each digest, soonest first."""
    found = {row.id: Coming(row.id, row.digest, row.due_at, row) for row in rows if row.state not in OVER}
    known = {row.id for row in rows}
    for one in _occurrences(site, now):
        if one.id not in known:
            found[one.id] = one
    return sorted(found.values(), key=lambda one: (one.due_at, one.id))


def _occurrences(site: Site, now: datetime) -> Iterator[Coming]:
    for digest in site.settings.digests:
        if schedule := site.schedule(digest):
            for wall in islice(schedule.after(wall_time(now, site.settings.site.zone)), NEXT_OF_EACH):
                issue, due_at = site.issue_at(digest, wall)
                yield Coming(issue, digest, due_at, None)


def front(site: Site, *, page: int, now: datetime) -> dict[str, Any]:
    """What the first page shows; `page` of the past issues, from 0."""
    rows = site.store.issues.list()
    foreseen = {one.issue: one for one in ahead(site, now=now, count=NEXT_OF_EACH)}
    past = [row for row in rows if row.state in OVER]
    here = past[page * PAGE : (page + 1) * PAGE]
    last = page * PAGE + len(here)
    return {
        "coming": [_card(site, one, foreseen, now) for one in coming(site, rows, now)],
        "past": [_line(site, row) for row in here],
        "newer_page": page - 1 if page else None,
        "older_page": page + 1 if last < len(past) else None,
        "page_says": f"{page * PAGE + 1:,} to {last:,} of {len(past):,}",
    }


def digest_title(site: Site, digest: str) -> str:
    return site.settings.digest_title(digest) if digest in site.settings.digests else digest


def _card(site: Site, one: Coming, foreseen: dict[str, Ahead], now: datetime) -> dict[str, Any]:
    state = one.row.state if one.row else None
    says, verb = _WORDS.get(state, _WORDS[None])
    expected = foreseen.get(one.id)
    return {
        "id": one.id,
        "title": digest_title(site, one.digest),
        "due": said_time(one.due_at, site.settings.site.zone),
        "due_iso": one.due_at.isoformat(),
        "distance": said_distance(one.due_at, now),
        "is_built": one.row is not None,
        "state": state.value if state else "none",
        "state_words": STATE_WORDS[state] if state else "Not opened yet",
        "says": (one.row.note if one.row else "") or says,
        "subject": _subject(site, one.row) if one.row else "",
        "posts": counted(len(expected.posts), "post") if expected else "",
        "is_empty": state is None and expected is not None and not expected.posts,
        "verb": verb,
        "needs_you": state in (IssueState.DRAFT, IssueState.PAUSED),
        "audience": _audience(site, one),
    }


_WORDS: dict[IssueState | None, tuple[str, str]] = {
    None: ("Open it, and the posts that are there are laid out for you.", "Open it"),
    IssueState.DRAFT: ("Look through it, shape it, and approve it.", "Shape it"),
    IssueState.APPROVED: ("Goes out at its time, as it was approved.", "Look at it"),
    IssueState.SENDING: ("Is on its way to its readers.", "Watch it"),
    IssueState.PAUSED: ("Stands still.", "Look into it"),
}


def _audience(site: Site, one: Coming) -> str:
    if one.row is not None:
        counts = counts_of(site, one.row)
        if one.row.began_at is not None:
            return f"{counts.recipients - counts.pending:,} of {counted(counts.recipients, 'reader')}"
        return f"for {counted(counts.recipients, 'reader')}"
    return f"for {counted(site.store.deliveries.forecast(one.digest), 'reader')}"


def _line(site: Site, row: IssueRow) -> dict[str, Any]:
    counts = counts_of(site, row)
    return {
        "id": row.id,
        "subject": _subject(site, row),
        "state": row.state.value,
        "state_words": STATE_WORDS[row.state],
        "note": row.note,
        "due": said_time(row.due_at, site.settings.site.zone),
        "audience": f"{counts.sent:,}" if row.state is IssueState.SENT else "–",
    }


def _subject(site: Site, row: IssueRow) -> str:
    folder = site.issue_folder(row.id)
    try:
        if archive.is_frozen(folder):
            return archive.read_manifest(folder).subject
        text = archive.read_issue_text(folder)
        return parse(text, issue_id=row.id, digest=row.digest, due_at=row.due_at).subject if text else ""
    except NewsletterError:
        return ""
