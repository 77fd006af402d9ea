"""The words of `provider.misbehave`, read; the fake provider explains them."""

from __future__ import annotations

import difflib
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple, Self, get_args

BodyForm = Literal["mime", "json"]
LookUp = Literal["no", "yes", "lagging"]


class Fault(StrEnum):
    REFUSE = "refuse"
    BUSY = "busy"
    DENIED = "denied"
    UNSURE_SENT = "unsure-sent"
    UNSURE_UNSENT = "unsure-unsent"


class When(NamedTuple):
    """How often, or at which letter or call, a fault shows."""

    chance: float = 0.0
    number: int = 0
    and_after: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        if found := re.fullmatch(r"@([1-9]\d*)(\+?)", text):
            return cls(number=int(found[1]), and_after=bool(found[2]))
        try:
            chance = float(text)
        except ValueError:
            chance = -1.0
        if not 0 <= chance <= 1:
            raise ValueError(f"{text!r} is neither a chance from 0 to 1 nor a number such as @700 or @700+")
        return cls(chance=chance)

    def applies(self, number: int, draw: float) -> bool:
        if self.number:
            return number == self.number or (self.and_after and number > self.number)
        return draw < self.chance


@dataclass
class Misbehaviour:
    """Draws the fate of each letter; counts the letters and calls of this process."""

    of_letters: dict[Fault, When] = field(default_factory=dict)
    of_calls: dict[Fault, When] = field(default_factory=dict)
    seed: int = 0
    delay_s: float = 0.0
    retry_after_s: float | None = None
    ledger: str = ""
    look_up: LookUp = "no"
    look_up_lag_s: float = 0.0
    key_valid_s: float = 0.0
    mails_per_s: float | None = None
    calls_per_s: float | None = None
    body_format: BodyForm = "mime"

    def __post_init__(self) -> None:
        # Chances of a test, not of cryptography.
        self._random = random.Random(self.seed)  # noqa: S311
        self._letters = 0
        self._calls = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError naming the word that is not understood."""
        made: dict[str, object] = {}
        of_letters: dict[Fault, When] = {}
        of_calls: dict[Fault, When] = {}
        for word in filter(None, (word.strip() for word in text.split(","))):
            name, _, value = (part.strip() for part in word.partition("="))
            faults = of_calls if name.startswith("call-") else of_letters
            if name.removeprefix("call-") in FAULTS:
                faults[Fault(name.removeprefix("call-"))] = When.parse(value)
            elif name in SETTINGS:
                made[SETTINGS[name]] = _setting(name, value)
            else:
                raise ValueError(_unknown(name))
        return cls(of_letters, of_calls, **made)  # type: ignore[arg-type]  # each value was read by its own reader

    def fates(self, count: int) -> list[Fault | None]:
        """What befalls each of the next `count` letters, which make one call; None: nothing."""
        self._calls += 1
        befalls_call = self._draw(self.of_calls, self._calls)
        fates: list[Fault | None] = []
        for _ in range(count):
            self._letters += 1
            fates.append(self._draw(self.of_letters, self._letters))
        return [befalls_call] * count if befalls_call else fates

    def _draw(self, faults: dict[Fault, When], number: int) -> Fault | None:
        """The first fault that applies; each draws its own number, so that one does not shift the luck of another."""
        drawn = {fault: when.applies(number, self._random.random()) for fault, when in faults.items()}
        return next((fault for fault, applies in drawn.items() if applies), None)


FAULTS = frozenset(fault.value for fault in Fault)
SETTINGS = {
    "seed": "seed",
    "delay": "delay_s",
    "retry-after": "retry_after_s",
    "ledger": "ledger",
    "lookup": "look_up",
    "lookup-lag": "look_up_lag_s",
    "keys": "key_valid_s",
    "mails-per-s": "mails_per_s",
    "calls-per-s": "calls_per_s",
    "body": "body_format",
}


def _setting(name: str, value: str) -> object:
    if name == "seed":
        if not value.isdecimal():
            raise ValueError(f"seed: {value!r} is no whole number")
        return int(value)
    if name in ("delay", "retry-after", "lookup-lag", "keys"):
        return _seconds(name, value)
    if name in ("mails-per-s", "calls-per-s"):
        return _number(name, value)
    if name == "ledger":
        return value or "yes"
    return _one_of(name, value, get_args(LookUp) if name == "lookup" else get_args(BodyForm))


def _seconds(name: str, value: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", value)
    if not found:
        raise ValueError(f'{name}: {value!r} is no time; write for example "5ms" or "2s"')
    return float(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}[found[2]]


def _number(name: str, value: str) -> float:
    if not re.fullmatch(r"\d*\.?\d+", value) or not float(value):
        raise ValueError(f"{name}: {value!r} is no number above 0")
    return float(value)


def _one_of(name: str, value: str, wanted: Iterable[str]) -> str:
    if value not in (wanted := tuple(wanted)):
        raise ValueError(f"{name}: {value!r} is none of {', '.join(wanted)}")
    return value


def _unknown(name: str) -> str:
    known = sorted([*FAULTS, *(f"call-{fault}" for fault in FAULTS), *SETTINGS])
    near = difflib.get_close_matches(name, known, n=1)
    return f"{name!r} is not known" + (f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}")
