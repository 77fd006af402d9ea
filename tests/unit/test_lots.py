"""How a batch becomes calls."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.providers.base import Answer, Letter, Outcome
from newsletter.providers.lots import MAX_BAD_ONES, apart, in_turn, one_by_one, single_out

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


def refusing(bad: set[str], lot: Sequence[Letter]) -> list[Answer] | Answer:
    return REFUSED if bad & {letter.delivery_id for letter in lot} else [ACCEPTED] * len(lot)


def test_everybody_else_is_mailed_however_many_bad_addresses_are_among_them() -> None:
    readers = letters(*[f"reader{number}@x" for number in range(1000)])
    bad = {letter.delivery_id for letter in readers[::20]}

    answers = single_out(readers, lambda lot: refusing(bad, lot))

    assert [answer is REFUSED for answer in answers] == [letter.delivery_id in bad for letter in readers]
    assert len(bad) > MAX_BAD_ONES


def test_where_nobody_is_taken_hardly_anybody_is_marked_as_refused() -> None:
    readers = letters(*[f"reader{number}@x" for number in range(1000)])

    outcomes = [answer.outcome for answer in single_out(readers, lambda _: REFUSED)]

    assert outcomes[: MAX_BAD_ONES + 1] == [Outcome.REFUSED] * MAX_BAD_ONES + [Outcome.DENIED]
    assert outcomes.count(Outcome.REFUSED) <= MAX_BAD_ONES + 1
