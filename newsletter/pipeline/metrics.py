"""What a monitoring system wants to know, in the OpenMetrics text format, read from the store at each question.

Nothing is counted in memory: a restart loses no number, and several processes tell the same. Written by hand, because
a client library keeps counters of its own, of which there are none here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from newsletter.models import IssueState
from newsletter.pipeline.limits import rules_of
from newsletter.pipeline.site import Site
from newsletter.pipeline.status import counts_of
from newsletter.store.issues import IssueRow

NEWEST = 20
"""So many issues, beside those that are being sent: every one is a time series for ever."""
STATES = ("pending", "sent", "refused", "unsure", "skipped")


class Sample(NamedTuple):
    labels: Mapping[str, str]
    value: float


class Family(NamedTuple):
    """One metric: a gauge, because what is read from the store may also fall."""

    name: str
    help: str
    samples: tuple[Sample, ...]


def metrics(site: Site, *, now: datetime) -> str:
    rows = site.store.issues.list()
    told = [row for number, row in enumerate(rows) if number < NEWEST or row.state is IssueState.SENDING]
    families = (
        Family("newsletter_issues", "Issues by state.", tuple(_issues(rows))),
        Family("newsletter_deliveries", "Deliveries of the newest issues by state.", tuple(_deliveries(site, told))),
        Family("newsletter_handed_over", "Answers of the providers for them.", tuple(_handed_over(site, told))),
        Family("newsletter_calls", "Calls of a provider that were begun for them.", tuple(_calls(told))),
        Family("newsletter_began_timestamp_seconds", "When their sending began.", tuple(_moments(told, "began_at"))),
        Family("newsletter_ended_timestamp_seconds", "When it ended.", tuple(_moments(told, "ended_at"))),
        Family("newsletter_mailed_today", "Mails of this day by provider.", tuple(_today(site, now))),
        Family("newsletter_subscribers", "Subscribers by state.", tuple(_subscribers(site))),
    )
    return "".join(line for family in families for line in _lines(family)) + "# EOF\n"


def _issues(rows: Iterable[IssueRow]) -> Iterator[Sample]:
    counts = dict.fromkeys(IssueState, 0)
    for row in rows:
        counts[row.state] += 1
    return (Sample({"state": state.value}, count) for state, count in counts.items())


def _deliveries(site: Site, rows: Iterable[IssueRow]) -> Iterator[Sample]:
    for row in rows:
        counts = counts_of(site, row)
        for state in STATES:
            yield Sample({**_of(row), "state": state}, getattr(counts, state))


def _handed_over(site: Site, rows: Iterable[IssueRow]) -> Iterator[Sample]:
    for row in rows:
        for provider, counts in site.store.deliveries.by_provider(row.id).items():
            for state, count in sorted(counts.items()):
                yield Sample({**_of(row), "provider": provider, "state": state}, count)


def _calls(rows: Iterable[IssueRow]) -> Iterator[Sample]:
    return (Sample(_of(row), row.attempts) for row in rows)


def _moments(rows: Iterable[IssueRow], name: str) -> Iterator[Sample]:
    return (Sample(_of(row), moment.timestamp()) for row in rows if (moment := getattr(row, name)))


def _today(site: Site, now: datetime) -> Iterator[Sample]:
    mails = site.store.days.of(rules_of(site.settings).day(now))
    return (Sample({"provider": provider}, count) for provider, count in sorted(mails.items()))


def _subscribers(site: Site) -> Iterator[Sample]:
    return (Sample({"state": state}, count) for state, count in sorted(site.store.subscribers.count_by_state().items()))


def _of(row: IssueRow) -> dict[str, str]:
    return {"issue": row.id, "digest": row.digest}


def _lines(family: Family) -> Iterator[str]:
    yield f"# TYPE {family.name} gauge\n# HELP {family.name} {family.help}\n"
    for sample in family.samples:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
        yield f"{family.name}{{{labels}}} {sample.value:.15g}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
