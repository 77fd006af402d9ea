"""The stand-in for Postmark as a process of its own, as the tests that kill the sender use it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from newsletter.providers import open_provider
from newsletter.providers.base import Outcome
from tests.conformance.stand import ISSUE, addresses, an_email, compose, settings_for
from tests.loopback.__main__ import chances
from tests.loopback.postmark import TOKEN

ROOT = Path(__file__).parents[2]


@contextmanager
def process(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.loopback", "postmark", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.kill()


def test_its_ledger_agrees_with_every_answer_that_can_be_trusted(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.txt"
    faults = "error-before=0.1,error-after=0.1,cut-before=0.1,cut-after=0.1,busy=0.1,html-after=0.1,refuse=0.1"

    with process("--ledger", str(ledger), "--faults", faults, "--seed", "3") as url:
        provider = open_provider(settings_for(tmp_path, name="postmark", base_url=url, api_key=TOKEN))
        letters = compose(provider, an_email(), addresses(300))
        answers = [
            answer for start in range(0, 300, 5) for answer in provider.send(letters[start : start + 5], issue=ISSUE)
        ]

    taken = dict(line.split("\t") for line in ledger.read_text().splitlines())
    by_outcome = {
        outcome: {
            letter.delivery_id for letter, answer in zip(letters, answers, strict=True) if answer.outcome is outcome
        }
        for outcome in Outcome
    }
    assert by_outcome[Outcome.ACCEPTED] <= taken.keys()
    assert not (by_outcome[Outcome.BUSY] | by_outcome[Outcome.REFUSED]) & taken.keys()
    assert by_outcome[Outcome.UNSURE] & taken.keys()
    assert by_outcome[Outcome.UNSURE] - taken.keys()
    assert by_outcome[Outcome.BUSY]
    assert by_outcome[Outcome.REFUSED]
    assert all(address == f"reader{name.removeprefix('d.')}@example.net" for name, address in taken.items())


def test_a_fault_that_it_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="cut-after"):
        chances("cut=0.1")
