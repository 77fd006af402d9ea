"""How a batch becomes calls: all in one, halved until a bad letter stands alone, or one call a letter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from newsletter.providers.base import Answer, Letter, Outcome

MAX_BAD_ONES = 5
"""So many letters are singled out of a refused call, one after the other; where more are bad and none between them is
taken, it is not the recipients."""

MAX_ONE_BY_ONE = 16
"""The most letters of one `send` where each is a call: so many are in doubt after a crash."""

GOES_ON = frozenset({Outcome.ACCEPTED, Outcome.REFUSED})


def listed(letters: Sequence[Letter], *, before: bytes = b"[", after: bytes = b"]") -> list[Sequence[bytes]]:
    """A request body in chunks: the letters' JSON objects with commas between, inside `before` and `after`."""
    opening = [before, *[b","] * (len(letters) - 1)]
    return [*((mark, *letter.parts) for mark, letter in zip(opening, letters, strict=True)), (after,)]


def left_open(message: Mapping[str, Any], name: str) -> bytes:
    """A JSON object up to the opening of its last field, a list named `name`: what `listed` begins with."""
    written = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    return written[:-1] + b',"%s":[' % name.encode()


def single_out(letters: Sequence[Letter], call: Callable[[Sequence[Letter]], list[Answer] | Answer]) -> list[Answer]:
    """Answers of a provider that refuses a whole call for one bad letter: halved until that letter stands alone.

    `call` gives an answer a letter, or one for the whole call; REFUSED there means that nothing of the call was taken
    because of some letter in it, so halving repeats nothing. Any other answer for a whole call ends it.
    """
    answers: list[Answer] = []
    waiting = [list(letters)] if letters else []
    bad_ones = 0
    while waiting:
        lot = waiting.pop()
        verdict = call(lot)
        if isinstance(verdict, list):
            answers += verdict
            if any(answer.outcome is Outcome.ACCEPTED for answer in verdict):
                bad_ones = 0
        elif verdict.outcome is not Outcome.REFUSED:
            return answers + [verdict] * len(lot) + for_rest(verdict, sum(map(len, waiting)))
        elif len(lot) > 1 and bad_ones < MAX_BAD_ONES:
            half = len(lot) // 2
            waiting += [lot[half:], lot[:half]]
        else:
            bad_ones += 1
            answers += _for_all(verdict, len(lot))
    return answers


def left_to_halve(letters: Sequence[Letter], call: Callable[[Sequence[Letter]], list[Answer] | Answer]) -> list[Answer]:
    """Answers of such a provider to a call with a key, which may be repeated.

    It is halved by the run, where each half is a call of its own that is durable as begun before it is made. Halved
    here, the whole would come first again when the call is repeated; a provider that thinks better of it by then would
    take it, and with it those whose half it has taken already.
    """
    verdict = call(letters)
    if isinstance(verdict, list):
        return verdict
    if verdict.outcome is Outcome.REFUSED and len(letters) > 1:
        verdict = Answer(Outcome.BUSY, reason=verdict.reason, pause_s=verdict.pause_s, in_halves=True)
    return [verdict] * len(letters)


def one_by_one(letters: Sequence[Letter], call: Callable[[Letter], Answer]) -> list[Answer]:
    """Answers of a provider that is called for each letter; the first that is neither taken nor refused ends it."""
    return in_turn([[letter] for letter in letters], lambda lot: [call(lot[0])])


def in_turn(lots: Iterable[Sequence[Letter]], call: Callable[[Sequence[Letter]], list[Answer]]) -> list[Answer]:
    """Answers of several calls, one after the other; one that does not end well is the last."""
    answers: list[Answer] = []
    waiting = list(lots)
    for number, lot in enumerate(waiting, start=1):
        answers += call(lot)
        if answers[-1].outcome not in GOES_ON:
            return answers + for_rest(answers[-1], sum(map(len, waiting[number:])))
    return answers


def apart(letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    """The letters in order, in stretches that hold no address twice: some providers take each only once a call."""
    first, seen = 0, set[str]()
    for number, letter in enumerate(letters):
        address = letter.email.lower()
        if address in seen:
            yield letters[first:number]
            first, seen = number, set()
        seen.add(address)
    if letters:
        yield letters[first:]


def for_rest(answer: Answer, count: int) -> list[Answer]:
    """For the letters that were not tried because of `answer`: in doubt they are not."""
    if answer.outcome not in (Outcome.BUSY, Outcome.DENIED):
        answer = Answer(Outcome.BUSY, reason=f"not tried, after: {answer.reason}", pause_s=answer.pause_s)
    return [answer] * count


def _for_all(answer: Answer, count: int) -> list[Answer]:
    """A call refused letter by letter is the fault of none of them."""
    if answer.outcome is Outcome.REFUSED and count > 1:
        answer = Answer(Outcome.DENIED, reason=f"one letter after the other was refused: {answer.reason}")
    return [answer] * count
