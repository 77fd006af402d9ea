"""What can be done with an issue in its state, and what is asked before it is done."""

from __future__ import annotations

from typing import Any

from newsletter.models import Counts, IssueState
from newsletter.store.issues import IssueRow
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.pages import counted, said_distance, said_time
from newsletter.web.preview.seen import Seen, fingerprint


def questions(desk: Desk, row: IssueRow, seen: Seen, counts: Counts) -> dict[str, Any]:
    zone = desk.site.settings.site.zone
    readers, due = counted(counts.recipients, "reader"), said_time(row.due_at, zone)
    is_whole = seen.mail is not None and seen.trouble is None
    errors = sum(one.level == "error" for one in seen.problems)
    return {
        "test": is_whole and row.state in (IssueState.DRAFT, IssueState.APPROVED),
        "test_to": desk.site.settings.sender.reply_to or desk.site.settings.sender.email,
        "test_says": _where_tests_go(desk),
        "approve": row.state is IssueState.DRAFT and is_whole,
        "seen": fingerprint(desk.site, seen.mail) if seen.mail else "",
        "readers": readers,
        "when": _when(desk, row, due),
        "problems": seen.problems,
        "problems_says": _problems_say(errors, len(seen.problems) - errors),
        "warnings": _warnings(desk, counts),
        "withdraw": row.state is IssueState.APPROVED,
        "send": row.state is IssueState.APPROVED,
        "send_says": f"It goes to {readers} at once; it is due {due}.",
    }


def _where_tests_go(desk: Desk) -> str:
    if desk.site.settings.provider.name == "outbox":
        return "The provider is the outbox: the mail becomes a file in outbox/test/."
    return f"It goes out through {desk.site.settings.provider.name}, marked as a test; its links change nothing."


def _when(desk: Desk, row: IssueRow, due: str) -> str:
    if row.due_at <= desk.now():
        return f"Was due {due}: send it here when it is approved"
    return f"Goes out {due}, {said_distance(row.due_at, desk.now())}, where `newsletter run` is at work"


def _problems_say(errors: int, warnings: int) -> str:
    if errors:
        return f"{counted(errors, 'error')} must be mended first" + (
            f", and there {'is' if warnings == 1 else 'are'} {counted(warnings, 'warning')}" if warnings else ""
        )
    return f"{counted(warnings, 'warning')} {'remains' if warnings == 1 else 'remain'}"


def _warnings(desk: Desk, counts: Counts) -> list[str]:
    found = []
    if not counts.recipients:
        found.append("Nobody is subscribed to it yet.")
    if problem := desk.site.why_unsendable():
        found.append(f"It cannot be sent as the settings are now: {problem}")
    return found
