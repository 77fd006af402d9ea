"""How a batch becomes calls."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.providers.base import Answer, Letter, Outcome
from newsletter.providers.lots import apart, in_turn, one_by_one

ACCEPTED, REFUSED, BUSY, DENIED, UNSURE = (Answer(outcome) for outcome in Outcome)


def letters(*addresses: str) -> list[Letter]:
    return [Letter(f"d.{number}", address, ()) for number, address in enumerate(addresses)]


def stretches(*addresses: str) -> list[list[str]]:
    return [[letter.email for letter in lot] for lot in apart(letters(*addresses))]


def test_a_stretch_ends_before_an_address_that_it_holds() -> None:
    assert stretches("a@x", "b@x", "A@x", "b@x", "b@x") == [["a@x", "b@x"], ["A@x", "b@x"], ["b@x"]]
    assert stretches("a@x", "b@x") == [["a@x", "b@x"]]
    assert stretches() == []


def test_calls_go_on_after_a_refusal_and_end_with_anything_worse() -> None:
    given = {"d.0": ACCEPTED, "d.1": REFUSED, "d.2": DENIED, "d.3": ACCEPTED}
    called: list[str] = []

    def call(letter: Letter) -> Answer:
        called.append(letter.delivery_id)
        return given[letter.delivery_id]

    answers = one_by_one(letters("a@x", "b@x", "c@x", "d@x"), call)

    assert called == ["d.0", "d.1", "d.2"]
    assert answers == [ACCEPTED, REFUSED, DENIED, DENIED]


def test_what_follows_a_call_in_doubt_was_not_tried_and_is_not_in_doubt() -> None:
    lots: list[Sequence[Letter]] = [letters("a@x", "b@x"), letters("c@x", "d@x", "e@x")]

    answers = in_turn(lots, lambda lot: [UNSURE] * len(lot))

    assert [answer.outcome for answer in answers] == [Outcome.UNSURE] * 2 + [Outcome.BUSY] * 3
