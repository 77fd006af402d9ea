"""What earlier runs left: claims of dead owners, calls without an answer, doubts.

A call without an answer is repeated under its key where the provider has keys, else looked up; it is never repeated
without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from newsletter.delivery.answers import not_mailed, results_of, unsure_ones
from newsletter.delivery.call import composed, made_of, replayed
from newsletter.delivery.desk import Desk
from newsletter.delivery.keys import is_valid
from newsletter.models import DeliveryState, Reader
from newsletter.providers.base import Answer, Outcome
from newsletter.store.batches import Attempted, Claim
from newsletter.store.receipts import Result

UNANSWERED = Answer(Outcome.UNSURE, reason="the sending process ended during the call")


class Doubt(NamedTuple):
    """Deliveries that stay unsure for now."""

    provider: str
    subscriber_ids: tuple[str, ...]
    again_in_s: float
    """When a look-up is worth while again; 0: not in this run."""


def recover(desk: Desk) -> list[Doubt]:
    """Take back what dead owners held, settle what they had begun; what is in doubt all the same."""
    for claim in desk.batches.claimed(desk.issue_id):
        if _is_dead(desk, claim.owner):
            desk.batches.give_back(claim, now=desk.now())
    begun = [one for one in desk.batches.attempting(desk.issue_id) if _is_dead(desk, one.claim.owner)]
    return [doubt for one in begun if (doubt := _settle(desk, one))]


def look_up_doubts(desk: Desk) -> list[Doubt]:
    """Ask again about those whom an earlier run left in doubt."""
    doubts = []
    for name in (desk.name, *desk.others):
        in_doubt = desk.deliveries.unsure(desk.issue_id, provider=name)
        if left := look_again(desk, name, list(in_doubt)):
            newest = max(in_doubt[subscriber_id] for subscriber_id in left)
            doubts.append(Doubt(name, tuple(left), _lag_left_s(desk, name, newest)))
    return doubts


def look_again(desk: Desk, name: str, subscriber_ids: Sequence[str]) -> list[str]:
    """Look these doubts up; certain ones are recorded, or pending again. Returns those that stay unsure."""
    found = desk.look_up(name, subscriber_ids)
    taken = {key: answer for key, answer in found.items() if answer.outcome is Outcome.ACCEPTED}
    untaken = [key for key, answer in found.items() if answer.outcome is Outcome.BUSY]
    results = [Result(key, DeliveryState.SENT, answer.provider_id) for key, answer in taken.items()]
    if results or untaken:
        desk.deliveries.settle(desk.issue_id, provider=name, results=results, again=untaken, now=desk.now())
    return [one for one in subscriber_ids if one not in taken and one not in untaken]


def lag_s(desk: Desk, name: str) -> float:
    """So long after a call a look-up may not show it yet; 0: there is no look-up, or none that lags."""
    provider = desk.provider_called(name)
    return provider.abilities.look_up_lag_s if provider and provider.abilities.can_look_up else 0.0


def _lag_left_s(desk: Desk, name: str, since: datetime | None) -> float:
    lag = lag_s(desk, name)
    passed_s = (desk.now() - since).total_seconds() if since else lag
    return lag - passed_s if 0 <= passed_s < lag else 0.0


def _is_dead(desk: Desk, owner: str) -> bool:
    return owner != desk.owner and not desk.is_alive(owner)


def _settle(desk: Desk, one: Attempted) -> Doubt | None:
    claim, answers = _replayed(desk, one) or (one.claim, _looked_up(desk, one))
    readers = [Reader(subscriber_id, "", "", {}) for subscriber_id in one.subscriber_ids]
    again, denied = not_mailed(readers, answers)
    desk.batches.finish(
        claim,
        provider=one.provider,
        results=results_of(readers, answers),
        again=again,
        last=denied,
        now=desk.now(),
        day=desk.rules.day(one.attempted_at) if one.attempted_at else None,
    )
    ids = unsure_ones(readers, answers)
    return Doubt(one.provider, tuple(ids), _lag_left_s(desk, one.provider, one.attempted_at)) if ids else None


def _looked_up(desk: Desk, one: Attempted) -> list[Answer]:
    found = desk.look_up(one.provider, one.subscriber_ids)
    return [found.get(subscriber_id, UNANSWERED) for subscriber_id in one.subscriber_ids]


def _replayed(desk: Desk, one: Attempted) -> tuple[Claim, list[Answer]] | None:
    """The call once more under its key, if it can be made again byte for byte; None: it cannot."""
    key_valid_s = desk.provider.abilities.key_valid_s
    is_ours = one.provider == desk.name and one.attempted_at is not None and one.fingerprint is not None
    if not is_ours or not is_valid(one.attempted_at, now=desk.now(), key_valid_s=key_valid_s):
        return None
    assert one.attempted_at is not None
    readers = desk.batches.take_up(one.claim, owner=desk.owner, digest=desk.digest)
    if readers is None:
        return None
    claim = one.claim._replace(owner=desk.owner)
    if made_of(desk, readers, one.attempted_at) != one.fingerprint:
        return claim, _looked_up(desk, one)
    return claim, replayed(desk, composed(desk, claim, readers, one.attempted_at), unanswered=UNANSWERED)
