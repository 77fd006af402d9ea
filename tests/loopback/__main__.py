"""A stand-in for a provider as a process of its own, with misdeeds drawn by chance.

It appends each message that it takes to a ledger, as a line of delivery id, tab and address, before it answers; it
prints its port, then serves until it is killed::

    python -m tests.loopback postmark --port 0 --ledger FILE --faults "cut-after=0.05,busy=0.1,refuse=0.01" --seed 7

A fault is a name of `Misdeed` with its chance for a call; or `refuse`, the chance for a message to meet a recipient
that the provider will not take; or `search-off`, the chance for a question about sent mail to fail.
"""

from __future__ import annotations

import argparse
import random
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.loopback.api import Api, ApiServer, Misdeed


def chances(faults: str) -> dict[str, float]:
    """`cut-after=0.05,refuse=0.01` read; raises ValueError for a word it does not know."""
    known = {*Misdeed, "refuse", "search-off"}
    found: dict[str, float] = {}
    for word in filter(None, faults.split(",")):
        name, _, chance = word.strip().partition("=")
        if name not in known:
            raise ValueError(f"{name!r} is none of {', '.join(sorted(known))}")
        found[name] = float(chance)
    return found


def misbehave_by_chance(server: ApiServer[Any], faults: str, *, seed: int) -> None:
    found, dice = chances(faults), random.Random(seed)
    of_calls = [(misdeed, found[misdeed]) for misdeed in Misdeed if misdeed in found]
    server.draw = lambda: next((misdeed for misdeed, chance in of_calls if dice.random() < chance), None)
    server.api.chance_of_refusal = lambda: dice.random() < found.get("refuse", 0)
    server.search_is_off = lambda: dice.random() < found.get("search-off", 0)


def api_named(name: str) -> Api:
    """The `Api` of `tests/loopback/<name>.py`."""
    module = import_module(f"tests.loopback.{name}")
    (found,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Api) and value.__module__ == module.__name__
    )
    made: Api = found()
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description="a stand-in for a provider on 127.0.0.1")
    parser.add_argument("provider")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path)
    parser.add_argument("--faults", default="")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    with ApiServer(api_named(wanted.provider), port=wanted.port, ledger=wanted.ledger) as server:
        misbehave_by_chance(server, wanted.faults, seed=wanted.seed)
        print(server.port, flush=True)  # noqa: T201 - whoever started it waits for this line
        threading.Event().wait()


if __name__ == "__main__":
    main()
