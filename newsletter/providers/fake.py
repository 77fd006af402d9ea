"""A provider for trying things out: accepts everything, sends nothing, misbehaves on request.

With `[provider] name = "fake"` every letter is accepted and kept in memory. `provider.misbehave` is a list of words,
separated by commas, that says otherwise::

    misbehave = "refuse=0.01, busy=0.02, call-unsure-sent=0.01, denied=@700+, delay=5ms, seed=7, ledger=yes"

What may happen to a letter, each with `=` and when:

=================  ===================================================================
``refuse``         this recipient is refused for good
``busy``           not taken, may be tried again
``denied``         not taken, the run has to stop
``unsure-sent``    taken, but the answer is UNSURE
``unsure-unsent``  not taken, and the answer is UNSURE too
=================  ===================================================================

When: a chance such as ``0.01``; ``@700`` for the 700th letter of this process, ``@700+`` for it and all that follow.
With ``call-`` before it (``call-busy=@3``) the fault befalls whole calls, and calls are counted.

Settings, each at most once:

=================  ===================================================================
``seed=7``         the chances come out the same in every run (default 0)
``delay=5ms``      each call takes so long, half of it before the letters are taken
``retry-after=2s`` what BUSY answers tell the caller (default: nothing)
``ledger=yes``     appends the delivery id of each letter taken, one a line, to
                   ``data/fake-ledger.txt`` before it answers, for a check from outside;
                   another path within the site may stand instead of ``yes``
``lookup=yes``     ``look_up`` is certain, from the ledger or from memory; ``lagging``: it
                   shows a letter only when asked a second time; ``no`` (default)
``lookup-lag=30s`` so long a look-up may not show a letter yet (it shows it all the same)
``keys=24h``       a call repeated with its key so long is taken once; with another body it is
                   denied. Remembered beside the ledger, or in memory
``mails-per-s=50`` what it says it allows; also ``calls-per-s``
``body=json``      the letters are JSON objects; ``mime`` (default)
=================  ===================================================================

From Python, `Fake(script=[Fault.REFUSE, None, ...])` gives letter after letter its fate; `taken` is what was accepted.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock

from newsletter import clock
from newsletter.errors import BadInput, Place
from newsletter.models import Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.misbehaviour import Fault, Misbehaviour
from newsletter.settings import Settings

BATCH_SIZE = 100
LEDGER = "data/fake-ledger.txt"


class Fake(Provider):
    name = "fake"

    def __init__(
        self,
        misbehaviour: Misbehaviour | None = None,
        *,
        script: Iterable[Fault | None] = (),
        ledger: Path | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self._misbehaviour = misbehaviour or Misbehaviour()
        self._script = iter(script)
        self._ledger = ledger
        self._asked: set[str] = set()
        self._lock = Lock()
        self.taken: list[Letter] = []
        """Every letter taken, in order; empty where there is a ledger, which holds any number of them."""
        self.calls = 0
        wants = self._misbehaviour
        self._bodies: dict[str, str] = {}
        self.abilities = Abilities(
            batch_size,
            can_look_up=wants.look_up != "no",
            look_up_lag_s=wants.look_up_lag_s,
            key_valid_s=wants.key_valid_s,
            mails_per_s=wants.mails_per_s,
            calls_per_s=wants.calls_per_s,
            connections=1,
        )

    @classmethod
    def open(cls, settings: Settings) -> Fake:
        try:
            misbehaviour = Misbehaviour.parse(settings.provider.misbehave)
        except ValueError as error:
            raise BadInput(
                "the fake provider cannot misbehave like that:",
                places=[Place("provider.misbehave", str(error))],
                fix="the words are explained by `python -m pydoc newsletter.providers.fake`",
            ) from error
        named = {"": None, "no": None, "yes": LEDGER}.get(misbehaviour.ledger, misbehaviour.ledger)
        ledger = settings.folder / named if named else None
        return cls(misbehaviour, ledger=ledger, batch_size=settings.provider.batch_size or BATCH_SIZE)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        if self._misbehaviour.body_format == "mime":
            return super().form(email, markers)
        headers = [{"name": name, "value": value} for name, value in email.headers]
        body = {"subject": email.subject, "html": email.html, "text": email.text, "headers": headers}
        letter = {"delivery_id": markers("delivery_id"), "to": markers("to"), **body}
        return Form(letter, self.abilities.batch_size)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        with self._lock:
            self.calls += 1
            fates = [fault or next(self._script, None) for fault in self._misbehaviour.fates(len(letters))]
        clock.sleep(self._misbehaviour.delay_s / 2)
        known = self._known_as(key, letters) if key and self.abilities.key_valid_s else None
        if known is False:
            return [Answer(Outcome.DENIED, reason="the key was used with another body")] * len(letters)
        if known:  # the first answer stands: what was taken is not refused when it comes again
            fates = [None if fault is Fault.REFUSE else fault for fault in fates]
        else:
            self._take([letter for letter, fault in zip(letters, fates, strict=True) if _is_taken(fault)], key, letters)
        clock.sleep(self._misbehaviour.delay_s / 2)
        return [self._answer(letter, fault) for letter, fault in zip(letters, fates, strict=True)]

    def _take(self, letters: Sequence[Letter], key: str, call: Sequence[Letter]) -> None:
        """Whole calls only are remembered by their key: of one that was taken in part the rest may come again."""
        body = _sha256(call) if self.abilities.key_valid_s and key and len(letters) == len(call) else ""
        if body:
            self._bodies[key] = body
        if self._ledger is None:
            with self._lock:
                self.taken += letters
            return
        self._ledger.parent.mkdir(parents=True, exist_ok=True)
        if body:
            _append(self._keys_file(), f"{key} {body}\n")
        _append(self._ledger, "".join(f"{letter.delivery_id}\n" for letter in letters))

    def _known_as(self, key: str, letters: Sequence[Letter]) -> bool | None:
        """Whether a call with this key was taken before, with the same body; None: there was none."""
        if self._ledger is not None and self._keys_file().exists():
            lines = self._keys_file().read_text("ascii").splitlines()
            self._bodies.update({line.split()[0]: line.split()[1] for line in lines})
        return self._bodies[key] == _sha256(letters) if key in self._bodies else None

    def _keys_file(self) -> Path:
        assert self._ledger is not None
        return self._ledger.with_suffix(".keys")

    def _answer(self, letter: Letter, fault: Fault | None) -> Answer:
        if fault is None:
            return Answer(Outcome.ACCEPTED, provider_id=f"fake-{letter.delivery_id}")
        retry_after_s = self._misbehaviour.retry_after_s if fault is Fault.BUSY else None
        outcome = Outcome.UNSURE if fault in (Fault.UNSURE_SENT, Fault.UNSURE_UNSENT) else _OUTCOMES[fault]
        return Answer(outcome, reason="the fake provider was asked to", retry_after_s=retry_after_s)

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        if self._misbehaviour.look_up == "no":
            return {}
        taken = self.taken_ids()
        shown = delivery_ids
        if self._misbehaviour.look_up == "lagging":
            shown = [delivery_id for delivery_id in delivery_ids if delivery_id in self._asked and taken[delivery_id]]
            self._asked.update(delivery_ids)
        return {
            delivery_id: Answer(Outcome.ACCEPTED, provider_id=f"fake-{delivery_id}")
            if taken[delivery_id]
            else Answer(Outcome.BUSY, reason="never taken")
            for delivery_id in shown
        }

    def taken_ids(self) -> Counter[str]:
        """How often each delivery was taken; more than once is what must never happen."""
        if self._ledger is None:
            return Counter(letter.delivery_id for letter in self.taken)
        return Counter(self._ledger.read_text("ascii").split()) if self._ledger.exists() else Counter()


_OUTCOMES = {Fault.REFUSE: Outcome.REFUSED, Fault.BUSY: Outcome.BUSY, Fault.DENIED: Outcome.DENIED}


def _sha256(letters: Sequence[Letter]) -> str:
    return hashlib.sha256(b"\n".join(part for letter in letters for part in letter.parts)).hexdigest()


def _append(path: Path, lines: str) -> None:
    """In one write, so that lines of several processes never mix."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, lines.encode())
    finally:
        os.close(handle)


def _is_taken(fault: Fault | None) -> bool:
    return fault is None or fault is Fault.UNSURE_SENT
