"""One call of the provider, and all that can be done at once about its doubts: its key, then the look-up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from newsletter.delivery.answers import fitting, is_unsure, unsure_ones
from newsletter.delivery.desk import Desk
from newsletter.delivery.keys import fingerprint, is_valid, key_of
from newsletter.models import Reader
from newsletter.providers.base import Answer, Letter, Outcome
from newsletter.store.batches import Claim

REPEATS_AFTER_S = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""A call without an answer is repeated under its key after each of these."""
SAMPLE = Reader("sample", "sample@example.org", "A. Sample", {})


class Call(NamedTuple):
    """A call whose attempt is durable."""

    claim: Claim
    readers: Sequence[Reader]
    letters: Sequence[Letter]
    attempted_at: datetime
    key: str
    """Empty where the provider has no keys."""

    @property
    def size_bytes(self) -> int:
        """Of the letters; what the provider's API puts around them is not known here."""
        return sum(len(part) for letter in self.letters for part in letter.parts)


def made_of(desk: Desk, readers: Sequence[Reader], attempted_at: datetime) -> str:
    """The fingerprint of the call that would be made for these readers."""
    return fingerprint(desk.compose_at(attempted_at)([SAMPLE])[0], readers, account=desk.account)


def composed(desk: Desk, claim: Claim, readers: Sequence[Reader], attempted_at: datetime) -> Call:
    """As many letters as fit into one call, at least one."""
    letters = desk.compose_at(attempted_at)(readers)
    key = key_of(claim, made_of(desk, readers, attempted_at)) if desk.has_keys else ""
    return Call(claim, readers, letters[: fitting(letters, desk.form.batch_bytes)], attempted_at, key)


def answers_to(desk: Desk, call: Call, *, wait: Callable[[float], bool]) -> list[Answer]:
    """One answer a letter. Where it is unsure the call is repeated under its key, then looked up.

    `wait` returns False when the run ends.
    """
    answers = _handed_over(desk, call)
    if call.key and unsure_ones(call.readers, answers):
        answers = _repeated(desk, call, answers, REPEATS_AFTER_S, wait)
    return _looked_up(desk, call, answers)


def replayed(desk: Desk, call: Call, *, unanswered: Answer) -> list[Answer]:
    """The same for a call that an owner who is dead now had begun: nothing is known of it, so it begins in doubt."""

    def wait(seconds: float) -> bool:
        desk.wait(seconds)
        return not desk.stop()

    answers = _repeated(desk, call, [unanswered] * len(call.letters), (0.0, *REPEATS_AFTER_S), wait)
    return _looked_up(desk, call, answers)


def _handed_over(desk: Desk, call: Call) -> list[Answer]:
    answers = desk.provider.send(call.letters, issue=desk.issue_id, key=call.key)
    if len(answers) != len(call.letters):
        reason = f"{desk.provider.name} gave {len(answers)} answers for {len(call.letters)} letters"
        return [Answer(Outcome.UNSURE, reason=reason)] * len(call.letters)
    return answers


def _repeated(
    desk: Desk, call: Call, first: list[Answer], waits_s: Sequence[float], wait: Callable[[float], bool]
) -> list[Answer]:
    answers = first
    for seconds in waits_s:
        if not unsure_ones(call.readers, answers) or not wait(seconds) or not _may_repeat(desk, call):
            break
        answers = without_doubt(answers, _handed_over(desk, call))
    return answers


def _may_repeat(desk: Desk, call: Call) -> bool:
    """The key is still valid, and nobody has paused the issue or left it since."""
    key_valid_s = desk.provider.abilities.key_valid_s
    if not is_valid(call.attempted_at, now=desk.now(), key_valid_s=key_valid_s):
        return False
    return desk.batches.take_up(call.claim, owner=desk.owner, digest=desk.digest) == list(call.readers)


def without_doubt(answers: Sequence[Answer], repeated: Sequence[Answer]) -> list[Answer]:
    """The first answers, with those that were unsure replaced by what the repeated call made certain.

    That a repeated call was not taken (busy, denied) says nothing about the first; that a letter in it is bad does: a
    provider looks at the key first.
    """
    pairs = zip(answers, repeated, strict=True)
    return [new if is_unsure(old) and _is_certain(new) else old for old, new in pairs]


def _is_certain(repeated: Answer) -> bool:
    return repeated.outcome in (Outcome.ACCEPTED, Outcome.REFUSED) or repeated.in_halves


def _looked_up(desk: Desk, call: Call, answers: list[Answer]) -> list[Answer]:
    ids = unsure_ones(call.readers, answers)
    if not ids:
        return answers
    found = desk.look_up(desk.name, ids)
    pairs = zip(call.readers, answers, strict=False)  # what did not fit has no answer
    return [found.get(reader.subscriber_id, answer) if is_unsure(answer) else answer for reader, answer in pairs]
