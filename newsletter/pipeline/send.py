"""An approved issue to every subscriber of its digest, once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from newsletter import clock
from newsletter.delivery.journal import Journal
from newsletter.delivery.send import Desk, Ended, Ending, Run
from newsletter.errors import NeedsPerson, NotPossible, StoreUnusable
from newsletter.issues import archive
from newsletter.issues.archive import FrozenIssue
from newsletter.models import Counts, IssueState
from newsletter.pipeline.begun import close_receipt, journal_of, noting, open_receipt, refuse_other_database
from newsletter.pipeline.compose import composer, delivery_id, form_of
from newsletter.pipeline.site import Site
from newsletter.pipeline.status import counts_of
from newsletter.providers import open_provider
from newsletter.providers.base import Form, Provider
from newsletter.store.deliveries import sums_up
from newsletter.store.issues import BY_PERSON, BY_PRODUCT, IssueRow

OPEN_STATES = frozenset({IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED})


@dataclass(frozen=True)
class Watch:
    """How a run of sending can be told to stop, and tells how far it is."""

    stop: threading.Event = field(default_factory=threading.Event)
    report: Callable[[Counts], None] = lambda _counts: None
    tell: Callable[[str], None] = lambda _words: None


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
    row = site.issue_row(issue)
    if row.state is IssueState.SENT:
        close_receipt(site, row)
        return Sent(issue, row.state, counts_of(site, row), Ended(Ending.FINISHED))
    _refuse_unsendable(row)
    frozen = _as_approved(site, row)
    refuse_other_database(site, issue)
    if row.began_at is None and not site.store.deliveries.forecast(row.digest):
        nobody = f"nobody is subscribed to {row.digest}: nothing was sent"
        return Sent(issue, row.state, Counts(), Ended(Ending.FINISHED), warning=nobody)
    provider, calls = open_provider(site.settings), journal_of(site, issue)
    try:
        owner = site.store.owners.appear()
        form = form_of(site, frozen, provider)
        _begin(site, row, provider, calls, form.batch_size, now)
        with _said_how_far(issue):
            ended = Run(_desk(site, row, frozen, provider, form, owner, calls, watch or Watch())).go()
            return _conclude(site, row, ended)
    finally:
        provider.close()
        calls.close()
        site.store.owners.vanish()


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


# --- one run --------------------------------------------------------------------------------------------------


def _begin(site: Site, row: IssueRow, provider: Provider, calls: Journal, batch_size: int, now: datetime) -> None:
    begun = site.store.deliveries.begin(
        row.id,
        digest=row.digest,
        provider=provider.name,
        batch_size=batch_size,
        manifest_sha256=row.manifest_sha256,
        now=now,
    )
    if not begun:
        raise NotPossible(f"{row.id} was changed by another process meanwhile", fix=f"see `newsletter status {row.id}`")
    open_receipt(site, row, provider.name, calls, now=now)


@contextmanager
def _said_how_far(issue: str) -> Iterator[None]:
    try:
        yield
    except (NotPossible, StoreUnusable) as error:
        raise NeedsPerson(
            f"the sending of {issue} stopped: {error.problem}",
            fix=f"{error.fix}; `newsletter send {issue}` goes on, and those already mailed are not mailed again",
        ) from error


def _desk(
    site: Site,
    row: IssueRow,
    frozen: FrozenIssue,
    provider: Provider,
    form: Form,
    owner: str,
    calls: Journal,
    watch: Watch,
) -> Desk:
    return Desk(
        issue_id=row.id,
        digest=row.digest,
        owner=owner,
        deliveries=site.store.deliveries,
        batches=site.store.batches,
        is_alive=site.store.owners.is_alive,
        provider=provider,
        form=form,
        compose=composer(site, frozen, form, now=clock.now()),
        delivery_id=lambda subscriber_id: delivery_id(row.id, subscriber_id),
        note_attempts=noting(row.id, calls),
        now=clock.now,
        monotonic_s=clock.monotonic_s,
        wait=lambda seconds: _wait(watch.stop, seconds),
        stop=watch.stop.is_set,
        report=watch.report,
        tell=watch.tell,
        patience_s=site.settings.provider.patience.total_seconds(),
        rate_per_s=site.settings.provider.rate_per_s,
    )


def _wait(stop: threading.Event, seconds: float) -> None:
    if seconds > 0:
        stop.wait(seconds)


def _conclude(site: Site, row: IssueRow, ended: Ended) -> Sent:
    """With nobody pending it is sent, however the run ended: a stop in the last batch, a doubt about the last mails."""
    now, counts = clock.now(), site.store.deliveries.counts(row.id)
    if not sums_up(counts) or counts.pending < 0:
        raise NeedsPerson(f"the deliveries of {row.id} do not add up: {counts}", fix="report this with the database")
    if not counts.pending and site.store.deliveries.end(row.id, now=now):
        ended = Ended(Ending.FINISHED)
    elif ended.ending in _WHY:
        note = f"{_WHY[ended.ending]}: {ended.reason}" if ended.reason else _WHY[ended.ending]
        site.store.issues.move(
            row.id, {IssueState.SENDING}, IssueState.PAUSED, now=now, paused_by=BY_PRODUCT, note=note
        )
    after = site.issue_row(row.id)
    if after.state is IssueState.SENT:
        close_receipt(site, after)
    return Sent(row.id, after.state, counts, ended)


_WHY = {
    Ending.DENIED: "the provider refuses to send at all",
    Ending.DOUBTFUL: "the provider gave no clear answer three times in a row",
}
