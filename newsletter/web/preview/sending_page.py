"""How far the sending of an issue is, and what a person can do about it."""

from __future__ import annotations

from typing import Any

from newsletter.models import Counts, IssueState
from newsletter.pipeline.watching import Progress, troubles
from newsletter.store.issues import IssueRow
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.pages import counted, said_time

_SHOWN = frozenset({IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED, IssueState.SENT})
_OPEN = _SHOWN - {IssueState.SENT}
_HEADINGS = {
    IssueState.APPROVED: "Waits for its time",
    IssueState.SENDING: "Being sent",
    IssueState.PAUSED: "Paused",
    IssueState.SENT: "Sent",
    IssueState.CANCELLED: "Cancelled in the middle",
}
_COUNTS = (
    ("sent", "Sent"),
    ("pending", "Waiting"),
    ("refused", "Refused"),
    ("unsure", "Unsure"),
    ("skipped", "Skipped"),
)
_SOON_S = 90


def sending_values(desk: Desk, row: IssueRow) -> dict[str, Any] | None:
    """None for an issue of which nothing was sent and nothing will be."""
    if row.state not in _SHOWN and row.began_at is None:
        return None
    now = desk.sendings.progress(row.id)
    done = now.counts.recipients - now.counts.pending
    return {
        "heading": _HEADINGS.get(row.state, "Sending"),
        "notes": [*filter(None, [row.note]), *_said(now)],
        "total": max(now.counts.recipients, 1),
        "done": done,
        "done_says": f"{done:,} of {counted(now.counts.recipients, 'reader')}",
        # Told aloud at every tenth, not at every mail.
        "spoken": f"{_HEADINGS.get(row.state, 'Sending')}: {10 * (10 * done // max(now.counts.recipients, 1))} percent",
        "pace": _pace(now) if row.state is IssueState.SENDING else _when(desk, row),
        "counts": _counts(now.counts),
        "may_pause": row.state in (IssueState.APPROVED, IssueState.SENDING),
        "may_resume": row.state is IssueState.PAUSED or (row.state is IssueState.SENDING and not now.is_running),
        "resume_words": "Resume" if row.state is IssueState.PAUSED else "Go on from here",
        "may_cancel": row.state in _OPEN,
        "cancel_says": _cancel_says(now.counts, done),
        "may_resolve": now.counts.unsure > 0 and row.state is not IssueState.CANCELLED,
        "resolve_says": f"Of {counted(now.counts.unsure, 'mail')} nobody knows whether the provider took them.",
        "troubles": _troubles(desk, row, now.counts),
    }


def _said(now: Progress) -> list[str]:
    error = [f"{now.error.problem} {now.error.fix or ''}".strip()] if now.error else []
    return [*now.messages[-3:], *error]


def _counts(counts: Counts) -> list[dict[str, Any]]:
    facts = counts.model_dump()
    told = [(name, said) for name, said in _COUNTS if facts[name] or name in ("sent", "pending")]
    return [{"name": name, "words": said, "number": f"{facts[name]:,}"} for name, said in told]


def _pace(now: Progress) -> str:
    if now.rate_per_s is None or now.left_s is None:
        return "nothing moves just now" if now.counts.pending else ""
    left = f"{now.left_s:.0f} s" if now.left_s < _SOON_S else f"{now.left_s / 60:.0f} min"
    return f"{now.rate_per_s:,.0f} a second, about {left} left"


def _when(desk: Desk, row: IssueRow) -> str:
    zone = desk.site.settings.site.zone
    if row.state is IssueState.APPROVED:
        return f"due {said_time(row.due_at, zone)}"
    return f"ended {said_time(row.ended_at, zone)}" if row.ended_at else ""


def _troubles(desk: Desk, row: IssueRow, counts: Counts) -> list[dict[str, str]]:
    if not counts.unsure + counts.refused:
        return []
    return [
        {
            "state": one.state.value.capitalize(),
            "count": f"{one.deliveries:,}",
            "reason": one.reason,
            "examples": ", ".join(one.examples) + (", …" if one.deliveries > len(one.examples) else ""),
        }
        for one in troubles(desk.site, row.id)
    ]


def _cancel_says(counts: Counts, done: int) -> str:
    if not done:
        return "It is never sent, and its posts are free for another issue."
    waiting = counted(counts.pending, "reader")
    return f"{done:,} have it already; {waiting} will not get it. Its posts are free for another issue."
