"""What lies beside the database about a sending: which database began it, how many calls it made, how it ended.

`receipt.json` and the journal make a lost, restored or copied database known, so that it does not send again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from newsletter.delivery import journal
from newsletter.delivery.journal import Journal
from newsletter.errors import NotPossible
from newsletter.issues import archive
from newsletter.issues.durable import told_when_impossible
from newsletter.models import Counts, Receipt
from newsletter.pipeline.site import Site
from newsletter.store.issues import IssueRow


def why_foreign(site: Site, issue: str) -> str | None:
    """Why this database may not send an issue: a lost, restored or copied one does not know what was sent already."""
    # The files first: the database commits before either is written, so a row read after them is never behind them
    # while another process sends.
    receipt = archive.read_receipt(site.issue_folder(issue))
    with _journal_told(issue):
        attempts = journal_of(site, issue).read()
    row = site.issue_row(issue)
    if receipt is None:
        return None
    if receipt.instance != site.store.instance:
        return f"the sending of {issue} was begun by another database than {site.settings.database.url}"
    # One that was taken up from its manifest has no provider: this database has forgotten that it began it.
    forgot_beginning = row.began_at is None or row.provider is None
    forgot_end = receipt.ended_at is not None and row.ended_at is None
    if forgot_beginning or forgot_end or attempts > row.attempts:
        return f"more of {issue} was sent than this database knows of: it is an older copy"
    return None


def refuse_other_database(site: Site, issue: str) -> None:
    problem = why_foreign(site, issue)
    if problem:
        raise NotPossible(
            f"{problem}; nothing was sent now",
            fix=f"put back the database that began it. If it is lost for good, decide: `newsletter resolve {issue} "
            f"--as sent` closes the issue, `--as unsent` lets this database send to everyone it holds for unmailed",
        )


def open_receipt(site: Site, row: IssueRow, provider: str, calls: Journal, *, now: datetime) -> None:
    """After the plan and before the first call: killed between any two of them nothing is lost or repeated."""
    folder = site.issue_folder(row.id)
    if archive.read_receipt(folder) is None:
        with _journal_told(row.id):
            calls.set(row.attempts)
        receipt = Receipt(issue=row.id, instance=site.store.instance, provider=provider, began_at=now)
        archive.write_receipt(folder, receipt)


def close_receipt(site: Site, row: IssueRow, counts: Counts) -> None:
    """Tell how the sending ended, in a receipt that this database opened and that is still open."""
    receipt = archive.read_receipt(site.issue_folder(row.id))
    if receipt is not None and receipt.ended_at is None and receipt.instance == site.store.instance:
        rewrite_receipt(site, row.id, {"ended_at": row.ended_at, "counts": counts.model_dump()})


def rewrite_receipt(site: Site, issue: str, changes: dict[str, Any]) -> None:
    folder = site.issue_folder(issue)
    receipt = archive.read_receipt(folder)
    if receipt is not None:
        archive.write_receipt(folder, receipt.model_copy(update=changes))


def journal_of(site: Site, issue: str) -> Journal:
    return Journal(site.issue_folder(issue) / journal.FILE)


def noting(issue: str, calls: Journal) -> Callable[[int], None]:
    """Notes the number of calls, or says plainly why that cannot be."""

    def note(attempts: int) -> None:
        with _journal_told(issue):
            calls.note(attempts)

    return note


def stand_for(site: Site, row: IssueRow, *, ended_at: datetime | None) -> None:
    """From now on this database counts as the one that began the sending.

    The journal comes last: killed before it, the database is still refused, and the decision can be made again.
    """
    counts = site.store.deliveries.counts(row.id)
    how_it_ended = {"counts": counts.model_dump()} if ended_at and counts.recipients else {}
    rewrite_receipt(site, row.id, {"instance": site.store.instance, "ended_at": ended_at, **how_it_ended})
    calls = journal_of(site, row.id)
    try:
        with _journal_told(row.id):
            calls.set(row.attempts)
    finally:
        calls.close()


@contextmanager
def _journal_told(issue: str) -> Iterator[None]:
    with told_when_impossible(f"issues/{issue}/{journal.FILE} could not be used"):
        yield
