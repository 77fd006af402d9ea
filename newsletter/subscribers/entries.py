"""What becomes of the roster when somebody is added or stands in an imported table. Decides only."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from newsletter.errors import BadInput
from newsletter.models import SubscriberState
from newsletter.store.subscribers import SubscriberRow, new_id
from newsletter.subscribers.addresses import Address, one_line

GONE = frozenset({SubscriberState.UNSUBSCRIBED, SubscriberState.BOUNCED, SubscriberState.COMPLAINED})
MAX_NAME_CHARS = 200
_NOTHING: Mapping[str, str] = MappingProxyType({})


class Entry(NamedTuple):
    """What a person or a line of a table says about one subscriber; what is empty says nothing."""

    address: Address
    name: str = ""
    state: SubscriberState | None = None
    digests: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    attributes: Mapping[str, str] = _NOTHING
    consent: str = ""


class Verdict(StrEnum):
    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SUPPRESSED = "suppressed"
    """Unsubscribed, bounced, complained or erased: stays so, and is not mailed."""


class Decision(NamedTuple):
    verdict: Verdict
    row: SubscriberRow | None = None
    """What is to be written; None: nothing."""


def decide(
    entry: Entry,
    known: SubscriberRow | None,
    *,
    is_erased: bool,
    all_digests: Sequence[str],
    fills_only: bool = False,
    now: datetime,
) -> Decision:
    """What becomes of this entry, `known` being the subscriber as he is now.

    `all_digests` are for a newcomer whose entry names none. `fills_only`: what is known already stays, as for the
    second line of a table about one address. Digests are added and never taken away: leaving is said in other ways.
    """
    if is_erased or (known is not None and known.state in GONE):
        return Decision(Verdict.SUPPRESSED)
    if known is None:
        row = _newcomer(entry, all_digests, now)
        return Decision(Verdict.SUPPRESSED if row.state in GONE else Verdict.ADDED, row)
    if entry.state in GONE:
        return Decision(Verdict.SUPPRESSED, known._replace(state=entry.state, changed_at=now))
    changed = _filled(known, entry) if fills_only else _updated(known, entry)
    if changed == known:
        return Decision(Verdict.UNCHANGED)
    return Decision(Verdict.UPDATED, changed._replace(changed_at=now))


def _newcomer(entry: Entry, all_digests: Sequence[str], now: datetime) -> SubscriberRow:
    state = entry.state or SubscriberState.ACTIVE
    return SubscriberRow(
        id=new_id(),
        email=entry.address.email,
        email_key=entry.address.email_key,
        name=entry.name,
        state=state,
        topics=entry.topics,
        attributes=dict(entry.attributes),
        consent=entry.consent,
        created_at=now,
        changed_at=now,
        digests=() if state in GONE else _sorted(entry.digests or all_digests),
    )


def _updated(known: SubscriberRow, entry: Entry) -> SubscriberRow:
    return known._replace(
        name=entry.name or known.name,
        state=known.state if entry.state is SubscriberState.PENDING else SubscriberState.ACTIVE,
        topics=entry.topics or known.topics,
        attributes={**known.attributes, **entry.attributes},
        consent=known.consent or entry.consent,
        digests=_joined(known, entry),
    )


def _filled(known: SubscriberRow, entry: Entry) -> SubscriberRow:
    return known._replace(
        name=known.name or entry.name,
        topics=known.topics or entry.topics,
        attributes={**entry.attributes, **known.attributes},
        consent=known.consent or entry.consent,
        digests=_joined(known, entry),
    )


def _joined(known: SubscriberRow, entry: Entry) -> tuple[str, ...]:
    return _sorted({*known.digests, *entry.digests} - set(known.left_digests))


def _sorted(names: Collection[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


# --- what people write ----------------------------------------------------------------------------------------


def values_in(cell: str) -> tuple[str, ...]:
    """Several values in one cell, separated by `,` `;` or `|`; each once, in order."""
    return tuple(dict.fromkeys(value for part in re.split(r"[,;|]", cell) if (value := one_line(part))))


def checked_name(text: str) -> str:
    """A name on one line: a line break in it is a space, so that it cannot add a header to a mail."""
    name = one_line(text)
    if len(name) > MAX_NAME_CHARS:
        raise BadInput(f"a name of {len(name)} characters is too long; {MAX_NAME_CHARS} are allowed")
    return name


def checked_digests(names: Collection[str], all_digests: Collection[str]) -> tuple[str, ...]:
    """The digests of these names, upper or lower case. Raises `BadInput` naming those that the site does not have."""
    wanted = [name.lower() for name in names]
    unknown = [name for name in wanted if name not in all_digests]
    if unknown:
        raise BadInput(
            f"there is no digest {', '.join(map(repr, unknown))}; there are: {', '.join(sorted(all_digests))}",
            fix="correct the name, or add the digest to newsletter.toml",
        )
    return _sorted(wanted)
