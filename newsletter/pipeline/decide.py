"""What a person decides while an issue is on its way: pause, resume, cancel, and what to do about doubts."""

from __future__ import annotations

from datetime import datetime

from newsletter.errors import NotPossible
from newsletter.issues import archive
from newsletter.models import IssueState
from newsletter.pipeline.send import OPEN_STATES, journal_of, why_foreign
from newsletter.pipeline.site import Site
from newsletter.store.issues import BY_PERSON, IssueRow


def pause(site: Site, issue: str, *, now: datetime) -> IssueState:
    """Stop the sending after the batch in hand, in whatever process it runs."""
    row = site.issue_row(issue)
    come_from = {IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED}
    note = "paused by a person"
    if not site.store.issues.move(issue, come_from, IssueState.PAUSED, now=now, paused_by=BY_PERSON, note=note):
        raise NotPossible(
            f"{issue} is {row.state} and cannot be paused", fix="only an approved or sending issue can be"
        )
    return IssueState.PAUSED


def release(site: Site, issue: str, *, now: datetime) -> IssueState:
    """Take a pause back: approved again when nothing was sent yet, else ready to be sent further."""
    row = site.issue_row(issue)
    if row.state is IssueState.PAUSED:
        to = IssueState.APPROVED if row.began_at is None else IssueState.SENDING
        site.store.issues.move(issue, {IssueState.PAUSED}, to, now=now, note="")
        return to
    if row.state in OPEN_STATES:
        return row.state
    raise NotPossible(f"{issue} is {row.state}: there is nothing to resume", fix=f"see `newsletter status {issue}`")


def cancel(site: Site, issue: str, *, now: datetime) -> IssueState:
    """Never send it, or send it no further; its posts are free for another issue."""
    row = site.issue_row(issue)
    if row.state is not IssueState.CANCELLED and not site.store.issues.cancel(
        issue, now=now, note="cancelled by a person"
    ):
        raise NotPossible(f"{issue} is {row.state}: there is nothing left to cancel")
    if row.began_at is None and archive.is_frozen(site.issue_folder(issue)):
        archive.thaw(site.issue_folder(issue))
    return IssueState.CANCELLED


def resolve(site: Site, issue: str, *, as_sent: bool, now: datetime) -> int:
    """A person's word on the deliveries in doubt; unsent ones are sent by the next `send`. Returns how many."""
    row = site.issue_row(issue)
    reason = f"a person decided: {'sent' if as_sent else 'unsent'}"
    count = site.store.deliveries.resolve(issue, as_sent=as_sent, reason=reason, now=now)
    if why_foreign(site, issue):
        _take_over(site, row, as_sent=as_sent, now=now)
    elif count and not as_sent and row.state is IssueState.SENT:
        _open_again(site, row, count, now)
    return count


def _open_again(site: Site, row: IssueRow, count: int, now: datetime) -> None:
    # The receipt first: one that says "ended" beside a database that says "sending" would mean an older copy.
    _rewrite_receipt(site, row.id, {"ended_at": None})
    note = f"{count} were resolved as unsent"
    site.store.issues.move(row.id, {IssueState.SENT}, IssueState.SENDING, now=now, note=note, ended_at=None)


def _take_over(site: Site, row: IssueRow, *, as_sent: bool, now: datetime) -> None:
    """After a person's decision this database stands for the sending, whichever began it."""
    journal = journal_of(site, row.id)
    journal.write(row.attempts)
    journal.close()
    states = {IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED, IssueState.SENT}
    ended_at: datetime | None
    if as_sent:
        note, to, ended_at = "resolved as sent by a person", IssueState.SENT, now
    else:
        note, to, ended_at = "resolved as unsent by a person", IssueState.SENDING, None
    site.store.issues.move(row.id, states, to, now=now, note=note, began_at=now, ended_at=ended_at)
    _rewrite_receipt(site, row.id, {"instance": site.store.instance, "ended_at": ended_at})


def _rewrite_receipt(site: Site, issue: str, changes: dict[str, object]) -> None:
    folder = site.issue_folder(issue)
    receipt = archive.read_receipt(folder)
    if receipt is not None:
        archive.write_receipt(folder, receipt.model_copy(update=changes))
