"""What earlier runs left: claims of dead owners, calls without an answer, doubts. Looked up, never repeated."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.delivery.answers import is_unsure, not_mailed, results_of
from newsletter.delivery.desk import Desk
from newsletter.models import DeliveryState, Reader
from newsletter.providers.base import Answer, Outcome
from newsletter.store.batches import Attempted
from newsletter.store.receipts import Result


def recover(desk: Desk) -> bool:
    """Take back what dead owners held, settle what they had begun; says whether a doubt is left."""
    for claim in desk.batches.claimed(desk.issue_id):
        if _is_dead(desk, claim.owner):
            desk.batches.give_back(claim, now=desk.now())
    begun = desk.batches.attempting(desk.issue_id)
    doubts = [_settle(desk, one) for one in begun if _is_dead(desk, one.claim.owner)]
    return any(doubts)


def look_up_doubts(desk: Desk) -> bool:
    """Ask again about those that an earlier run left in doubt; what is not found stays so. Is any doubt left?"""
    name = desk.provider.name
    ids = desk.deliveries.unsure(desk.issue_id, provider=name)
    found = _find(desk, ids) if ids else {}
    taken = {key: answer for key, answer in found.items() if answer.outcome is Outcome.ACCEPTED}
    results = [Result(key, DeliveryState.SENT, answer.provider_id) for key, answer in taken.items()]
    if results:
        desk.deliveries.settle(desk.issue_id, provider=name, results=results, now=desk.now())
    return len(taken) < len(ids)


def _is_dead(desk: Desk, owner: str) -> bool:
    return owner != desk.owner and not desk.is_alive(owner)


def _settle(desk: Desk, one: Attempted) -> bool:
    found = _find(desk, one.subscriber_ids) if one.provider == desk.provider.name else {}
    doubt = Answer(Outcome.UNSURE, reason="the sending process ended during the call")
    answers = [found.get(subscriber_id, doubt) for subscriber_id in one.subscriber_ids]
    readers = [Reader(subscriber_id, "", "", {}) for subscriber_id in one.subscriber_ids]
    desk.batches.finish(
        one.claim,
        provider=one.provider,
        results=results_of(readers, answers),
        again=not_mailed(readers, answers),
        now=desk.now(),
    )
    return any(map(is_unsure, answers))


def _find(desk: Desk, subscriber_ids: Sequence[str]) -> dict[str, Answer]:
    """What the provider's look-up knows, by subscriber."""
    by_delivery = {desk.delivery_id(subscriber_id): subscriber_id for subscriber_id in subscriber_ids}
    found = desk.provider.look_up(list(by_delivery), issue=desk.issue_id)
    return {by_delivery[delivery_id]: answer for delivery_id, answer in found.items()}
