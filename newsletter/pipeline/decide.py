"""What a person decides while an issue is on its way: pause, resume, cancel, and what to do about doubts."""

from __future__ import annotations

from datetime import datetime

from newsletter.delivery.recover import UNANSWERED
from newsletter.errors import NotPossible
from newsletter.issues import archive
from newsletter.models import DeliveryState, IssueState
from newsletter.pipeline.begun import rewrite_receipt, stand_for, why_foreign
from newsletter.pipeline.send import OPEN_STATES
from newsletter.pipeline.site import Site
from newsletter.store.issues import BY_PERSON, IssueRow
from newsletter.store.receipts import Result

BEGUN_STATES = OPEN_STATES | {IssueState.SENT}


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
        raise NotPossible(
            f"{issue} is {row.state}: there is nothing left to cancel", fix="mails that went out cannot be called back"
        )
    _name_doubts(site, issue, now=now)
    # Looked at again: its sending may have begun in another process just before it was cancelled.
    if site.issue_row(issue).began_at is None and archive.is_frozen(site.issue_folder(issue)):
        archive.thaw(site.issue_folder(issue))
    return IssueState.CANCELLED


def _name_doubts(site: Site, issue: str, *, now: datetime) -> None:
    """Who was in a call whose process has ended is in doubt: no run will come any more that finds it out."""
    for one in site.store.batches.attempting(issue):
        if not site.store.owners.is_alive(one.claim.owner):
            unsure = [Result(each, DeliveryState.UNSURE, reason=UNANSWERED.reason) for each in one.subscriber_ids]
            site.store.batches.finish(one.claim, provider=one.provider, results=unsure, now=now)


def resolve(site: Site, issue: str, *, as_sent: bool, now: datetime) -> int:
    """A person's word on the deliveries in doubt; unsent ones are sent by the next `send`. Returns how many.

    Where another database, or a newer copy of this one, began the sending, all that this one holds for pending is in
    doubt: it stands for the sending after that.
    """
    row = site.issue_row(issue)
    reason = f"a person decided: {'sent' if as_sent else 'unsent'}"
    foreign = why_foreign(site, issue)
    if foreign:
        _refuse_take_over(site, row, foreign, as_sent=as_sent)
    if row.state is IssueState.SENT and not as_sent and site.store.deliveries.counts(issue).unsure:
        # Before the database: a receipt that says "ended" beside a database that says "sending" means an older copy.
        rewrite_receipt(site, issue, {"ended_at": None})
    count = site.store.deliveries.resolve(issue, as_sent=as_sent, reason=reason, now=now)
    if foreign:
        _take_over(site, row, as_sent=as_sent, now=now)
    return count


def _refuse_take_over(site: Site, row: IssueRow, foreign: str, *, as_sent: bool) -> None:
    issue, receipt = row.id, archive.read_receipt(site.issue_folder(row.id))
    if row.state not in BEGUN_STATES:
        raise NotPossible(f"{foreign}; here it is {row.state}, and nothing of it can be resolved")
    if not as_sent and receipt is not None and receipt.ended_at is not None:
        raise NotPossible(
            f"{foreign}; that sending ended {receipt.ended_at:%Y-%m-%d %H:%M} UTC, so to send to those whom this "
            f"database holds for unmailed would mail them twice",
            fix=f"`newsletter resolve {issue} --as sent` closes the issue",
        )


def _take_over(site: Site, row: IssueRow, *, as_sent: bool, now: datetime) -> None:
    """After a person's decision this database stands for the sending, whichever began it."""
    receipt = archive.read_receipt(site.issue_folder(row.id))
    known = {"began_at": row.began_at or now, "provider": row.provider or (receipt.provider if receipt else None)}
    if as_sent:
        site.store.deliveries.count_pending_as_sent(row.id, reason="a person decided: sent", now=now)
        note, to, ended_at = "resolved as sent by a person", IssueState.SENT, now
    else:
        note, to, ended_at = "resolved as unsent by a person", IssueState.SENDING, None
    site.store.issues.move(row.id, BEGUN_STATES, to, now=now, note=note, ended_at=ended_at, **known)
    stand_for(site, row, ended_at=ended_at)
