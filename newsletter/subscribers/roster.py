"""Who gets mail: add, show, list, unsubscribe, erase. (Many at once: `imports.py`.)"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, NoReturn

from newsletter.errors import NotFound, NotPossible
from newsletter.models import Subscriber, SubscriberState
from newsletter.store.subscribers import RosterTransaction, SubscriberRow, SubscribersStore
from newsletter.subscribers.addresses import Address, masked, normalise, one_line
from newsletter.subscribers.entries import GONE, Entry, Verdict, checked_digests, checked_name, decide, values_in
from newsletter.subscribers.keys import Blinding
from newsletter.subscribers.links import Leaving, digest_of

_WHY_GONE = {
    SubscriberState.UNSUBSCRIBED: "has unsubscribed",
    SubscriberState.BOUNCED: "cannot be reached, mail to it came back",
    SubscriberState.COMPLAINED: "has reported a mail as unwanted",
}
_ONLY_THEY = "leave it so: nobody but the person can take that back"


class Added(NamedTuple):
    subscriber: Subscriber
    verdict: Verdict


class Roster:
    def __init__(self, store: SubscribersStore, *, keys: Sequence[bytes], digests: Sequence[str]) -> None:
        """`keys`: of the site (see `keys.py`); `digests`: the names of all that the settings have now."""
        self.store = store
        self.blinding = Blinding(keys)
        self.digests = tuple(digests)

    def add(
        self,
        address: str,
        *,
        name: str = "",
        digests: Sequence[str] = (),
        topics: Sequence[str] = (),
        consent: str = "",
        now: datetime,
    ) -> Added:
        """Make an active subscriber, or add to what is known of one. No digests named: a newcomer gets all.

        Raises `NotPossible` for anybody who left, bounced, complained or was erased.
        """
        entry = Entry(
            normalise(address),
            name=checked_name(name),
            digests=checked_digests(digests, self.digests),
            topics=tuple(dict.fromkeys(value for topic in topics for value in values_in(topic))),
            consent=one_line(consent),
        )
        with self.store.changing() as roster:
            return self._add(roster, entry, now)

    def _add(self, roster: RosterTransaction, entry: Entry, now: datetime) -> Added:
        key = entry.address.email_key
        known = roster.find([key]).get(key)
        is_erased = bool(roster.suppressed(self.blinding.hashes(key)))
        decision = decide(entry, known, is_erased=is_erased, all_digests=self.digests, now=now)
        if decision.verdict is Verdict.SUPPRESSED:
            _refuse(entry.address, known)
        if known is not None:
            _refuse_left_digests(entry, known)
        if decision.row is not None:
            roster.save([decision.row])
        row = decision.row or known
        assert row is not None
        return Added(row.subscriber, decision.verdict)

    def show(self, who: str) -> Subscriber:
        """The subscriber with this address or id. Raises `NotFound`."""
        return self._find(who).subscriber

    def list(self, *, state: SubscriberState | None = None, digest: str | None = None) -> Iterator[Subscriber]:
        """By address, streamed: a list of millions fits into memory."""
        for row in self.store.list(state=state, digest=digest):
            yield row.subscriber

    def unsubscribe(self, who: str, digest: str | None = None, *, now: datetime) -> Subscriber:
        """Out of one digest, or of all; effective at once, again is no error. Raises `NotFound`."""
        row = self._find(who)
        if digest is not None and digest not in {*self.digests, *row.digests, *row.left_digests}:
            raise NotFound(
                f"there is no digest {digest!r}", fix=f"name one of: {', '.join(row.digests or self.digests)}"
            )
        with self.store.changing() as roster:
            roster.leave(row.id, digest, now=now)
            left = roster.get(row.id)
        return (left or row).subscriber

    def leave(self, leaving: Leaving, *, everything: bool = False, now: datetime) -> Subscriber | None:
        """Take somebody at his word who opened the link in a mail; None for one of whom nothing is known any more.

        He leaves the digest whose mail it was, or everything.
        """
        digest = None if everything else digest_of(leaving.issue_id)
        with self.store.changing() as roster:
            roster.leave(leaving.subscriber_id, digest, now=now)
            left = roster.get(leaving.subscriber_id)
        return left.subscriber if left else None

    def erase(self, who: str, *, now: datetime) -> bool:
        """Delete the person; what stays is a hash that keeps the address from being mailed ever again.

        False when the address was erased before. Receipts of what was sent stay too: they hold no address. Raises
        `NotFound` for an address that was never known.
        """
        if "@" in who and self._is_erased(normalise(who)):
            return False
        row = self._find(who)
        with self.store.changing() as roster:
            roster.erase(row.id, self.blinding.hashes(row.email_key)[0], now=now)
        return True

    def known(self, who: str) -> Subscriber | None:
        """The subscriber with this address or id; None for one of whom nothing is known."""
        address = normalise(who) if "@" in who else None
        found = self.store.find(address.email_key) if address else self.store.get(who.strip())
        return found.subscriber if found else None

    def _find(self, who: str) -> SubscriberRow:
        address = normalise(who) if "@" in who else None
        found = self.store.find(address.email_key) if address else self.store.get(who.strip())
        if found is None:
            shown = masked(address.email) if address else repr(one_line(who)[:40])
            if address and self._is_erased(address):
                raise NotFound(f"{shown} was erased: nothing is known any more, but not to mail that address")
            raise NotFound(f"there is no subscriber {shown}", fix="`newsletter subscribers list` shows all there are")
        return found

    def _is_erased(self, address: Address) -> bool:
        return self.store.is_suppressed(self.blinding.hashes(address.email_key))


def _refuse(address: Address, known: SubscriberRow | None) -> NoReturn:
    why = _WHY_GONE[known.state] if known is not None and known.state in GONE else "was erased and must not be mailed"
    raise NotPossible(f"{masked(address.email)} cannot be added: this address {why}", fix=_ONLY_THEY)


def _refuse_left_digests(entry: Entry, known: SubscriberRow) -> None:
    left = sorted(set(entry.digests) & set(known.left_digests))
    if left:
        raise NotPossible(f"{masked(entry.address.email)} has left {', '.join(left)}", fix=_ONLY_THEY)
