"""What is particular to the outbox: files, and that they are the look-up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from newsletter.providers import open_provider
from newsletter.providers.base import Letter, Outcome, Provider
from tests.conformance.stand import ISSUE, settings_for


@pytest.fixture
def outbox(tmp_path: Path) -> Provider:
    """The outbox of an empty site."""
    return open_provider(settings_for(tmp_path))


def letter(number: int, content: bytes = b"To: a\r\n\r\nhello\r\n") -> Letter:
    return Letter(f"{ISSUE}.{number}", f"reader{number}@example.net", [content])


def test_each_letter_becomes_a_file_and_nothing_else_is_left(outbox: Provider, tmp_path: Path) -> None:
    answers = outbox.send([letter(1), letter(2)], issue=ISSUE)

    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert files == [f"outbox/{ISSUE}/{ISSUE}.1.eml", f"outbox/{ISSUE}/{ISSUE}.2.eml"]
    assert answers[0].provider_id == f"{ISSUE}/{ISSUE}.1.eml"


@pytest.mark.parametrize("issue", ["test", "system"])
def test_mail_outside_an_issue_has_a_folder_of_its_own(issue: str, outbox: Provider, tmp_path: Path) -> None:
    outbox.send([letter(1)], issue=issue)

    assert (tmp_path / "outbox" / issue / f"{ISSUE}.1.eml").is_file()


def test_a_letter_that_is_there_is_not_written_again(outbox: Provider, tmp_path: Path) -> None:
    outbox.send([letter(1, b"first")], issue=ISSUE)

    answers = outbox.send([letter(1, b"second")], issue=ISSUE)

    assert answers[0].outcome is Outcome.ACCEPTED
    assert (tmp_path / "outbox" / ISSUE / f"{ISSUE}.1.eml").read_bytes() == b"first"


def test_a_file_left_half_written_by_a_crash_does_not_count(outbox: Provider, tmp_path: Path) -> None:
    folder = tmp_path / "outbox" / ISSUE
    folder.mkdir(parents=True)
    (folder / f".{ISSUE}.1.eml.part").write_bytes(b"To: ")

    found = outbox.look_up([f"{ISSUE}.1"], issue=ISSUE)
    outbox.send([letter(1, b"whole")], issue=ISSUE)

    assert found[f"{ISSUE}.1"].outcome is Outcome.BUSY
    assert [path.read_bytes() for path in folder.iterdir()] == [b"whole"]


def test_the_file_is_the_look_up(outbox: Provider) -> None:
    outbox.send([letter(1)], issue=ISSUE)

    found = outbox.look_up([f"{ISSUE}.1", f"{ISSUE}.2"], issue=ISSUE)

    assert [answer.outcome for answer in found.values()] == [Outcome.ACCEPTED, Outcome.BUSY]


def test_a_folder_that_cannot_be_read_tells_nothing(outbox: Provider, tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")

    assert outbox.look_up([f"{ISSUE}.1"], issue=ISSUE) == {}


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files to play a full disk with")
def test_on_a_full_disk_what_fitted_is_delivered_and_the_rest_stops_the_run(outbox: Provider, tmp_path: Path) -> None:
    import resource

    letters = [letter(1), letter(2), letter(3, bytes(200_000)), letter(4)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        answers = outbox.send(letters, issue=ISSUE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert [answer.outcome for answer in answers] == [Outcome.ACCEPTED] * 2 + [Outcome.DENIED] * 2
    assert "cannot write" in str(answers[2].reason)
    assert len(list((tmp_path / "outbox" / ISSUE).iterdir())) == 2


@pytest.mark.parametrize("name", ["../escape", "a/b", "", ".hidden", "a\\b"])
def test_no_delivery_is_written_outside_its_folder(name: str, outbox: Provider, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name of a file"):
        outbox.send([Letter(name, "a@example.net", [b"x"])], issue=ISSUE)

    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
