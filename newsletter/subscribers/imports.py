"""Takes a table of subscribers into the roster. Again with the same table changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from newsletter.errors import BadInput
from newsletter.models import SubscriberState
from newsletter.store.subscribers import RosterTransaction, SubscriberRow
from newsletter.subscribers.addresses import normalise, one_line
from newsletter.subscribers.entries import Entry, Verdict, checked_digests, checked_name, decide, values_in
from newsletter.subscribers.roster import Roster
from newsletter.subscribers.table import ATTRIBUTE_PREFIX, OWN_COLUMNS, TableRow, read_table

__all__ = ["BadLine", "ImportReport", "import_subscribers", "read_table"]

_ROWS_AT_ONCE = 2000
"""In one transaction: short, because a reader who leaves waits for it; long enough that 100,000 take seconds."""


class BadLine(NamedTuple):
    line: int
    message: str


class ImportReport(NamedTuple):
    added: int
    updated: int
    unchanged: int
    suppressed: int
    bad: tuple[BadLine, ...]

    @property
    def taken(self) -> int:
        """Rows that could be used; none of them: the import failed."""
        return self.added + self.updated + self.unchanged + self.suppressed


def import_subscribers(
    rows: Iterable[TableRow],
    roster: Roster,
    *,
    consent: str = "",
    now: datetime,
    tell: Callable[[int], None] = lambda _: None,
) -> ImportReport:
    """Take in what can be used and report the rest by line. Stopped half-way, it is simply run again.

    Of several lines about one address the first counts; the others fill in what it leaves empty and add digests, so
    the order of the lines is the only thing that matters and a second run finds nothing to do. `consent` is noted
    where a line has none of its own. `tell` gets the number of rows done so far.
    """
    bad: list[BadLine] = []
    verdicts: Counter[Verdict] = Counter()
    seen: set[str] = set()
    remaining = _entries(rows, roster.digests, one_line(consent), bad)
    while part := list(islice(remaining, _ROWS_AT_ONCE)):
        with roster.store.changing() as transaction:
            verdicts.update(_take_in(part, roster, transaction, seen, now))
        tell(verdicts.total() + len(bad))
    return ImportReport(**{verdict.value: verdicts[verdict] for verdict in Verdict}, bad=tuple(sorted(bad)))


def _take_in(
    entries: Sequence[Entry], roster: Roster, transaction: RosterTransaction, seen: set[str], now: datetime
) -> list[Verdict]:
    """Decide on the entries in order, each knowing what became of those before, then write all that changed."""
    keys = {entry.address.email_key for entry in entries}
    hashes_by_key = {key: roster.blinding.hashes(key) for key in keys}
    erased = transaction.suppressed([found for hashes in hashes_by_key.values() for found in hashes])
    known = transaction.find(keys)
    changed: dict[str, SubscriberRow] = {}
    verdicts = []
    for entry in entries:
        key = entry.address.email_key
        verdict, row = decide(
            entry,
            known.get(key),
            is_erased=not erased.isdisjoint(hashes_by_key[key]),
            all_digests=roster.digests,
            fills_only=key in seen,
            now=now,
        )
        seen.add(key)
        if row is not None:
            known[key] = changed[key] = row
        verdicts.append(verdict)
    transaction.save(list(changed.values()))
    return verdicts


def _entries(rows: Iterable[TableRow], all_digests: Sequence[str], consent: str, bad: list[BadLine]) -> Iterator[Entry]:
    for row in rows:
        try:
            if row.problem:
                raise BadInput(row.problem)
            yield _entry(row, all_digests, consent)
        except BadInput as error:
            bad.append(BadLine(row.line, error.problem))


def _entry(row: TableRow, all_digests: Sequence[str], consent: str) -> Entry:
    cell = row.cells.get
    state = _state(cell("state", ""))
    return Entry(
        normalise(cell("email", "")),
        name=checked_name(cell("name", "")),
        state=state,
        digests=checked_digests(values_in(cell("digests", "")), all_digests),
        topics=values_in(cell("topics", "")),
        attributes=_attributes(row, is_state_ours=state is not None),
        consent=one_line(cell("consent", "")) or consent,
    )


def _attributes(row: TableRow, *, is_state_ours: bool) -> dict[str, str]:
    own = set(OWN_COLUMNS) if is_state_ours else set(OWN_COLUMNS) - {"state"}
    others = ((name.removeprefix(ATTRIBUTE_PREFIX), text) for name, text in row.cells.items() if name not in own)
    return {name: one_line(text) for name, text in others if text}


def _state(cell: str) -> SubscriberState | None:
    """A table that we exported says who has left; in others a `state` may be Ohio, an attribute like any other."""
    try:
        return SubscriberState(cell.lower())
    except ValueError:
        return None
