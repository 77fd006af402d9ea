"""How each issue stands."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from newsletter.issues import archive
from newsletter.models import Counts, IssueState
from newsletter.pipeline.site import Site
from newsletter.store.issues import IssueRow


class Standing(NamedTuple):
    issue: str
    state: IssueState
    due_at: datetime
    counts: Counts
    """Before sending begins: the forecast of whom it would go to."""
    note: str
    """Why it is in this state, where that needs words."""


def standing(site: Site, issue: str) -> Standing:
    return _standing(site, site.issue_row(issue))


def standings(site: Site) -> list[Standing]:
    """All issues, newest first."""
    return [_standing(site, row) for row in site.store.issues.list()]


def counts_of(site: Site, row: IssueRow) -> Counts:
    """Of those planned; before there is a plan, everyone who would get it now is pending."""
    if row.began_at is not None:
        counts = site.store.deliveries.counts(row.id)
        return counts if counts.recipients else _told_by_receipt(site, row)
    if row.state in (IssueState.SKIPPED, IssueState.CANCELLED):
        return Counts()
    forecast = site.store.deliveries.forecast(row.digest)
    return Counts(recipients=forecast, pending=forecast)


def _told_by_receipt(site: Site, row: IssueRow) -> Counts:
    """What another database, now lost, wrote down when it had sent the issue."""
    receipt = archive.read_receipt(site.issue_folder(row.id))
    return Counts.model_validate(receipt.counts) if receipt else Counts()


def _standing(site: Site, row: IssueRow) -> Standing:
    note = "; ".join(filter(None, [row.note, _left_in_calls(site, row)]))
    return Standing(row.id, row.state, row.due_at, counts_of(site, row), note)


def _left_in_calls(site: Site, row: IssueRow) -> str:
    """Who was in a call when its process was killed counts as pending until the next run has found out about him."""
    if row.state not in (IssueState.SENDING, IssueState.PAUSED):
        return ""
    begun = [one for one in site.store.batches.attempting(row.id) if not site.store.owners.is_alive(one.claim.owner)]
    count = sum(len(one.subscriber_ids) for one in begun)
    fix = f"`newsletter send {row.id}` finds out about them"
    return f"{count:,} of those pending were in a call whose process ended; {fix}" if count else ""
