"""Writes the roster as a table that a spreadsheet shows as it is, and that an import reads back."""

from __future__ import annotations

import csv
from typing import TextIO

from newsletter.models import SubscriberState
from newsletter.store.subscribers import SubscriberRow
from newsletter.subscribers.roster import Roster
from newsletter.subscribers.table import ATTRIBUTE_PREFIX, OWN_COLUMNS, guarded


def export_subscribers(
    roster: Roster, file: TextIO, *, state: SubscriberState | None = None, digest: str | None = None
) -> int:
    """Write one line a subscriber, by address, attributes in columns of their own; returns how many lines.

    The roster is read twice, for the names of the attributes first, so that it need not fit into memory. Open `file`
    with `newline=""`, for spreadsheets in the encoding `utf-8-sig`.
    """
    names = sorted({name for found in roster.store.list(state=state, digest=digest) for name in found.attributes})
    writer = csv.writer(file, lineterminator="\n")
    headings = (f"{ATTRIBUTE_PREFIX}{name}" if name in OWN_COLUMNS else name for name in names)
    writer.writerow(map(guarded, (*OWN_COLUMNS, *headings)))
    count = 0
    for subscriber in roster.store.list(state=state, digest=digest):
        writer.writerow(map(guarded, _cells(subscriber, names)))
        count += 1
    return count


def _cells(subscriber: SubscriberRow, names: list[str]) -> list[str]:
    # Several values are joined by |, the one separator of cells that is never one of columns.
    return [
        subscriber.email,
        subscriber.name,
        subscriber.state.value,
        "|".join(subscriber.digests),
        "|".join(subscriber.topics),
        subscriber.consent,
        *(subscriber.attributes.get(name, "") for name in names),
    ]
