"""An approved issue to every subscriber of its digest, once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from newsletter import clock
from newsletter.delivery.journal import Journal
from newsletter.delivery.recover import look_up_doubts
from newsletter.delivery.send import Desk, Ended, Ending, Run
from newsletter.errors import NeedsPerson, NewsletterError, NotPossible, StoreUnusable
from newsletter.issues import archive
from newsletter.issues.archive import FrozenIssue
from newsletter.models import Counts, IssueState
from newsletter.pipeline.begun import (
    close_receipt,
    journal_of,
    noting,
    open_receipt,
    refuse_other_database,
    why_foreign,
)
from newsletter.pipeline.desks import Desks
from newsletter.pipeline.limits import closed_until
from newsletter.pipeline.site import Site
from newsletter.pipeline.status import counts_of
from newsletter.pipeline.watch import Watch
from newsletter.store.deliveries import sums_up
from newsletter.store.issues import BY_PERSON, BY_PRODUCT, IssueRow

__all__ = ["OPEN_STATES", "Sent", "Watch", "send"]

OPEN_STATES = frozenset({IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED})


@dataclass(frozen=True)
class Sent:
    """How a run ended, and how the issue stands then."""

    issue: str
    state: IssueState
    counts: Counts
    ended: Ended
    warning: str = ""


def send(site: Site, issue: str, *, now: datetime, watch: Watch | None = None) -> Sent:
    """Mail the approved issue to everyone who has not got it; killed at any point and run again, it goes on.

    Raises `NotPossible` where nothing may be sent: not approved, paused by a person, cancelled, altered since the
    approval, or begun by another database; `NeedsPerson` where the store gave out in the middle.
    """
    watch = watch or Watch()
    site, row = _as_set_now(site, watch), site.issue_row(issue)
    if row.state is IssueState.SENT:
        _ask_again(site, row, watch)
        return _sent_already(site, row)
    _refuse_unsendable(row)
    frozen = _as_approved(site, row)
    refuse_other_database(site, issue)
    if row.began_at is None and not site.store.deliveries.has_audience(row.digest):
        nobody = f"nobody is subscribed to {row.digest}: nothing was sent"
        return Sent(issue, row.state, Counts(), Ended(Ending.FINISHED), warning=nobody)
    if waits := _waits(site, row, now):
        return waits
    calls = journal_of(site, issue)
    owner = site.store.owners.appear()
    try:
        desks = Desks(site, row, frozen, watch, note_attempts=noting(issue, calls), owner=owner)
        with desks.closing():
            desk, fallback = desks.open()
            if not _begins(site, row, desk, calls, now):
                return _sent_already(site, site.issue_row(issue))
            with _said_how_far(issue):
                return _conclude(site, row, _run(desk, fallback))
    finally:
        calls.close()
        site.store.owners.vanish()


def _ask_again(site: Site, row: IssueRow, watch: Watch) -> None:
    """Of those in doubt the provider may know more than when the sending ended. Nobody is mailed by it: whom it knows
    for untaken stays in doubt, because nobody of a sent issue is pending."""
    if not site.store.deliveries.counts(row.id).unsure or why_foreign(site, row.id):
        return
    try:
        desks = Desks(site, row, _as_approved(site, row), watch, note_attempts=lambda _attempts: None, owner="")
        with desks.closing():
            desk, _ = desks.open()
            look_up_doubts(desk)
    except NewsletterError as error:
        watch.tell(f"the provider could not be asked about those in doubt: {error.problem}")


def _as_set_now(site: Site, watch: Watch) -> Site:
    """With the settings as their files are now: a scheduler has its site open for months."""
    try:
        return dataclasses.replace(site, settings=site.reread()) if site.reread else site
    except NewsletterError as error:
        watch.tell(f"the changed settings cannot be used, the sending goes on with the old ones: {error.problem}")
        return site


def _sent_already(site: Site, row: IssueRow) -> Sent:
    counts = counts_of(site, row)
    close_receipt(site, row, counts)
    return Sent(row.id, row.state, counts, Ended(Ending.FINISHED))


# --- may it be sent? ------------------------------------------------------------------------------------------


def _refuse_unsendable(row: IssueRow) -> None:
    if row.state is IssueState.PAUSED and row.paused_by == BY_PERSON:
        raise NotPossible(f"{row.id} was paused by a person", fix=f"run `newsletter resume {row.id}`")
    if row.state is IssueState.DRAFT:
        raise NotPossible(f"{row.id} is not approved", fix=f"run `newsletter approve {row.id}`")
    if row.state not in OPEN_STATES:
        raise NotPossible(f"{row.id} is {row.state}: it is not sent", fix=f"see `newsletter status {row.id}`")


def _as_approved(site: Site, row: IssueRow) -> FrozenIssue:
    frozen = archive.read_frozen(site.issue_folder(row.id))
    if archive.manifest_sha256(site.issue_folder(row.id)) != row.manifest_sha256:
        raise NotPossible(
            f"{row.id} is not as it was approved: {archive.MANIFEST_FILE} was altered",
            fix="put back what was approved (git, a backup)",
        )
    return frozen


def _waits(site: Site, row: IssueRow, now: datetime) -> Sent | None:
    """Of an issue that is on its way, and that the hour or the day's ceiling holds back; None: it may go on."""
    closed = closed_until(site, provider=site.settings.provider.name, now=now) if row.began_at else None
    if closed is None or row.state is not IssueState.SENDING:
        return None
    counts = site.store.deliveries.counts(row.id)
    ended = Ended(Ending.LATER, closed.reason, closed.moment)
    return Sent(row.id, row.state, counts, ended) if counts.pending else None


# --- one run --------------------------------------------------------------------------------------------------


def _begins(site: Site, row: IssueRow, desk: Desk, calls: Journal, now: datetime) -> bool:
    """False: another process has just sent the last of it."""
    begun = site.store.deliveries.begin(
        row.id,
        digest=row.digest,
        provider=desk.name,
        batch_size=desk.form.batch_size,
        manifest_sha256=row.manifest_sha256,
        now=now,
    )
    if begun:
        open_receipt(site, row, desk.name, calls, now=now)
    elif site.issue_row(row.id).state is not IssueState.SENT:
        raise NotPossible(f"{row.id} was changed by another process meanwhile", fix=f"see `newsletter status {row.id}`")
    return begun


def _run(desk: Desk, fallback: Desk | None) -> Ended:
    """What the first provider certainly did not take, the second one sends; what is unsure stays with the first."""
    ended = Run(desk).go()
    if fallback is None or ended.ending not in (Ending.DENIED, Ending.BUSY):
        return ended
    if not desk.batches.is_sending(desk.issue_id):
        return ended
    desk.tell(f"{desk.name}: {ended.reason or ended.ending.value}; the rest goes through {fallback.name}")
    desk.batches.cut_anew(desk.issue_id, size=fallback.form.batch_size, now=desk.now())
    return Run(fallback).go()


@contextmanager
def _said_how_far(issue: str) -> Iterator[None]:
    try:
        yield
    except (NotPossible, StoreUnusable) as error:
        raise NeedsPerson(
            f"the sending of {issue} stopped: {error.problem}",
            fix=f"{error.fix}; `newsletter send {issue}` goes on, and those already mailed are not mailed again",
        ) from error


def _conclude(site: Site, row: IssueRow, ended: Ended) -> Sent:
    """With nobody pending it is sent, however the run ended: a stop in the last batch, a doubt about the last mails."""
    now, counts = clock.now(), site.store.deliveries.counts(row.id)
    if not sums_up(counts) or counts.pending < 0:
        raise NeedsPerson(f"the deliveries of {row.id} do not add up: {counts}", fix="report this with the database")
    if not counts.pending and site.store.deliveries.end(row.id, now=now):
        ended = Ended(Ending.FINISHED)
    elif note := _note(ended, site.settings.site.zone):
        pauses = ended.ending in PAUSING
        to, paused_by = (IssueState.PAUSED, BY_PRODUCT) if pauses else (IssueState.SENDING, None)
        site.store.issues.move(row.id, {IssueState.SENDING}, to, now=now, paused_by=paused_by, note=note)
    after = site.issue_row(row.id)
    if after.state is IssueState.SENT:
        close_receipt(site, after, counts)
    return Sent(row.id, after.state, counts, ended)


def _note(ended: Ended, zone: ZoneInfo) -> str:
    """Why an issue is not sent to all, for `status`; empty where it was asked to stop."""
    if ended.ending is Ending.LATER and ended.until:
        return f"goes on {ended.until.astimezone(zone):%a %d %b %H:%M}: {ended.reason}"
    why = _WHY.get(ended.ending, "")
    return f"{why}: {ended.reason}" if why and ended.reason else why


PAUSING = frozenset({Ending.DENIED, Ending.DOUBTFUL, Ending.TRIPPED})
"""A person must look before it goes on."""
_WHY = {
    Ending.BUSY: "stopped, the provider stayed busy or could not be reached",
    Ending.DENIED: "the provider refuses to send at all",
    Ending.DOUBTFUL: "the provider gave no clear answer three times in a row",
    Ending.TRIPPED: "too many recipients were refused",
}
