"""The fake provider misbehaves exactly as it is told, and its ledger is the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from newsletter.errors import BadInput
from newsletter.providers import open_provider
from newsletter.providers.base import Answer, Letter, Outcome
from newsletter.providers.fake import Fake
from newsletter.providers.misbehaviour import Fault
from tests.conformance.stand import ISSUE, an_email, compose, settings_for

LETTERS = [Letter(f"d.{number}", "a@example.net", (b"x",)) for number in range(1000)]


def fake(folder: Path, misbehave: str = "") -> Fake:
    provider = open_provider(settings_for(folder, name="fake", misbehave=misbehave))
    assert isinstance(provider, Fake)
    return provider


def outcomes(answers: Sequence[Answer]) -> list[Outcome]:
    return [answer.outcome for answer in answers]


def test_it_accepts_everything_and_shows_what_it_took(tmp_path: Path) -> None:
    provider = fake(tmp_path)

    answers = provider.send(LETTERS[:3], issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED] * 3
    assert provider.taken == LETTERS[:3]


@pytest.mark.parametrize(
    ("misbehave", "hint"),
    [
        ("refused=0.1", "did you mean 'refuse'"),
        ("wibble", "there are"),
        ("refuse", "neither a chance"),
        ("refuse=2", "neither a chance"),
        ("busy=@0", "neither a chance"),
        ("delay=5", "5ms"),
        ("seed=x", "whole number"),
        ("lookup=maybe", "lagging"),
        ("body=xml", "mime, json"),
    ],
)
def test_a_word_it_does_not_know_is_an_error_with_a_hint(misbehave: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"provider\.misbehave") as raised:
        fake(tmp_path, misbehave)

    assert hint in str(raised.value)


@pytest.mark.parametrize(
    ("misbehave", "outcome", "is_taken"),
    [
        ("refuse=@2", Outcome.REFUSED, False),
        ("busy=@2", Outcome.BUSY, False),
        ("denied=@2", Outcome.DENIED, False),
        ("unsure-sent=@2", Outcome.UNSURE, True),
        ("unsure-unsent=@2", Outcome.UNSURE, False),
    ],
)
def test_a_fault_befalls_the_letter_that_is_named(
    misbehave: str, outcome: Outcome, is_taken: bool, tmp_path: Path
) -> None:
    provider = fake(tmp_path, misbehave)

    answers = [answer for letter in LETTERS[:3] for answer in provider.send([letter], issue=ISSUE)]

    assert outcomes(answers) == [Outcome.ACCEPTED, outcome, Outcome.ACCEPTED]
    assert (provider.taken_ids()["d.1"] == 1) is is_taken


def test_a_fault_may_last(tmp_path: Path) -> None:
    provider = fake(tmp_path, "denied=@3+")

    answers = provider.send(LETTERS[:5], issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED] * 2 + [Outcome.DENIED] * 3


def test_a_fault_may_befall_a_whole_call(tmp_path: Path) -> None:
    provider = fake(tmp_path, "call-unsure-sent=@2, retry-after=2s")

    first, second = provider.send(LETTERS[:3], issue=ISSUE), provider.send(LETTERS[3:6], issue=ISSUE)

    assert outcomes(first) == [Outcome.ACCEPTED] * 3
    assert outcomes(second) == [Outcome.UNSURE] * 3
    assert len(provider.taken) == 6


def test_busy_tells_how_long_to_wait(tmp_path: Path) -> None:
    answers = fake(tmp_path, "busy=@1, retry-after=1500ms").send(LETTERS[:1], issue=ISSUE)

    assert answers[0].retry_after_s == 1.5


def test_chances_come_out_the_same_for_the_same_seed(tmp_path: Path) -> None:
    spec = "refuse=0.1, busy=0.2, unsure-sent=0.1"

    runs = [outcomes(fake(tmp_path, f"{spec}, seed={seed}").send(LETTERS, issue=ISSUE)) for seed in (7, 7, 8)]

    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {Outcome.ACCEPTED, Outcome.REFUSED, Outcome.BUSY, Outcome.UNSURE}


def test_the_ledger_has_a_line_for_every_letter_taken_by_any_process(tmp_path: Path) -> None:
    one, other = fake(tmp_path, "ledger=yes, refuse=@1"), fake(tmp_path, "ledger=yes, unsure-sent=@1")

    one.send(LETTERS[:3], issue=ISSUE)
    other.send(LETTERS[1:2], issue=ISSUE)

    assert (tmp_path / "data/fake-ledger.txt").read_text() == "d.1\nd.2\nd.1\n"
    assert other.taken_ids()["d.1"] == 2


def test_the_ledger_may_be_another_file(tmp_path: Path) -> None:
    fake(tmp_path, "ledger=truth/taken.txt").send(LETTERS[:1], issue=ISSUE)

    assert (tmp_path / "truth/taken.txt").read_text() == "d.0\n"


def test_a_certain_look_up_knows_the_letters_of_an_earlier_process(tmp_path: Path) -> None:
    fake(tmp_path, "ledger=yes").send(LETTERS[:1], issue=ISSUE)

    found = fake(tmp_path, "ledger=yes, lookup=yes").look_up(["d.0", "d.1"], issue=ISSUE)

    assert [answer.outcome for answer in found.values()] == [Outcome.ACCEPTED, Outcome.BUSY]


def test_a_lagging_look_up_shows_a_letter_only_when_asked_again(tmp_path: Path) -> None:
    provider = fake(tmp_path, "lookup=lagging")
    provider.send(LETTERS[:1], issue=ISSUE)

    first, second = (provider.look_up(["d.0", "d.1"], issue=ISSUE) for _ in range(2))

    assert first == {}
    assert list(second) == ["d.0"]


def test_without_a_look_up_nothing_is_known(tmp_path: Path) -> None:
    provider = fake(tmp_path)
    provider.send(LETTERS[:1], issue=ISSUE)

    assert provider.look_up(["d.0"], issue=ISSUE) == {}
    assert not provider.abilities.can_look_up


def test_a_script_gives_letter_after_letter_its_fate() -> None:
    provider = Fake(script=[None, Fault.REFUSE, Fault.UNSURE_SENT])

    answers = provider.send(LETTERS[:4], issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED, Outcome.REFUSED, Outcome.UNSURE, Outcome.ACCEPTED]
    assert [letter.delivery_id for letter in provider.taken] == ["d.0", "d.2", "d.3"]


def test_it_takes_json_when_told_to(tmp_path: Path) -> None:
    provider = fake(tmp_path, "body=json")

    letters = compose(provider, an_email(subject="A {{subject}}"), ["a@example.net"])

    assert b'"subject":"A {{subject}}"' in b"".join(letters[0].parts)
