"""What the page of one issue shows: what it is made of, the mail as it is looked at, and what can be done."""

from __future__ import annotations

from typing import Any

from newsletter.errors import BadInput, NewsletterError, TemplateBroken
from newsletter.models import Counts, IssueState
from newsletter.pipeline.status import counts_of
from newsletter.store.issues import IssueRow
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.listing import digest_title
from newsletter.web.preview.looks import Look
from newsletter.web.preview.mail_page import look_values, mail_values
from newsletter.web.preview.pages import STATE_WORDS, counted, said_distance, said_time
from newsletter.web.preview.questions import questions
from newsletter.web.preview.seen import Seen
from newsletter.web.preview.sending_page import sending_values
from newsletter.web.preview.sheet_page import Problems, sheet_values

EXCERPT_MARK = ">"


def values(desk: Desk, issue: str, look: Look) -> dict[str, Any]:
    row = desk.site.issue_row(issue)
    seen = desk.seen(row)
    is_draft = row.state is IssueState.DRAFT
    counts = counts_of(desk.site, row)
    problems = Problems(seen.problems, seen.sheet, desk.site.settings)
    return {
        "issue": facts(desk, row),
        "version": seen.sheet.version if seen.sheet else "",
        "is_checked": seen.is_checked,
        "look": look_values(desk, look),
        "mail": mail_values(desk, row, seen, look),
        "trouble": _trouble(seen.trouble, row) if seen.trouble else None,
        "is_last_good": seen.is_last_good,
        "sheet": sheet_values(seen.sheet, problems) if is_draft and seen.sheet else None,
        "approved": None if is_draft else _approved(desk, row, seen),
        "sending": sending_values(desk, row),
        "other_problems": problems.rest(),
        "actions": questions(desk, row, seen, counts),
    }


def facts(desk: Desk, row: IssueRow) -> dict[str, Any]:
    zone = desk.site.settings.site.zone
    counts = counts_of(desk.site, row)
    return {
        "id": row.id,
        "title": digest_title(desk.site, row.digest),
        "state": row.state.value,
        "state_words": STATE_WORDS[row.state],
        "due": said_time(row.due_at, zone),
        "due_iso": row.due_at.isoformat(),
        "distance": said_distance(row.due_at, desk.now()),
        "audience": _audience(row, counts),
    }


def _audience(row: IssueRow, counts: Counts) -> str:
    if row.state in (IssueState.SKIPPED, IssueState.CANCELLED) and not counts.recipients:
        return "for nobody"
    return f"for {counted(counts.recipients, 'reader')}"


def _approved(desk: Desk, row: IssueRow, seen: Seen) -> dict[str, Any]:
    zone = desk.site.settings.site.zone
    says = f"Approved {said_time(row.approved_at, zone)}." if row.approved_at else row.note
    if row.state is IssueState.APPROVED:
        says += " It goes out as it is, and nothing that changes in the posts or the theme changes it."
    return {
        "heading": "What was approved" if row.approved_at else STATE_WORDS[row.state],
        "says": says,
        "posts": [post.title for section in seen.sheet.sections for post in section.posts] if seen.sheet else [],
        "sha256": row.manifest_sha256 if seen.mail and seen.mail.is_frozen else None,
    }


def _trouble(error: NewsletterError, row: IssueRow) -> dict[str, Any]:
    """An error as the page shows it: what, where, the lines around it, what to do."""
    problem, _, rest = error.problem.partition("\n")
    lines = [line for line in rest.split("\n") if line.strip()]
    title = f"{row.id} cannot be shown as it is now"
    if isinstance(error, TemplateBroken):
        title = "A template is broken"
    elif isinstance(error, BadInput):
        title = f"issues/{row.id}/issue.md cannot be read"
    shown = [{"text": line, "is_it": line.startswith(EXCERPT_MARK)} for line in lines]
    return {"title": title, "problem": problem, "lines": shown, "fix": error.fix}
