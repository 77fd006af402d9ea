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
    return Standing(row.id, row.state, row.due_at, counts_of(site, row), row.note)
