"""A disk that is full or locked in the middle: nothing is sent that cannot be noted, and all goes on later."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from newsletter.delivery.journal import Journal
from newsletter.delivery.pace import OPENING
from newsletter.delivery.send import Ending, Run
from newsletter.issues import archive, durable
from newsletter.models import Counts
from newsletter.providers.fake import Fake
from newsletter.providers.misbehaviour import Misbehaviour
from newsletter.providers.outbox import Outbox
from newsletter.store import engine
from newsletter.store.store import Store
from tests.desks import a_desk, an_approved_issue
from tests.factories import utc
from tests.sites import SiteFolder, site

__all__ = ["site"]

NOW = utc(2023, 11, 16, 9)
FULL = OSError(errno.ENOSPC, "No space left on device")


def a_failing(step: Any, *, at: int) -> Any:
    """The step, but the `at`-th call of it finds the disk full."""
    calls = iter(range(1, 1_000_000))

    def failing(*args: Any, **values: Any) -> Any:
        if next(calls) == at:
            raise FULL
        return step(*args, **values)

    return failing


def a_ready_site(site: SiteFolder) -> str:
    site.environ |= {"NEWSLETTER_PROVIDER__NAME": "fake", "NEWSLETTER_PROVIDER__BATCH_SIZE": "10"}
    site.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes"
    site.post("a")
    site.readers(30)
    return site.approved()


def test_without_room_for_the_receipt_nothing_is_sent(site: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    issue = a_ready_site(site)
    with monkeypatch.context() as patched:
        patched.setattr(archive, "write", a_failing(durable.write, at=1))

        said = site.run("send", issue)

    assert said.exit_code == 1
    assert "receipt.json could not be written: No space left" in said.err
    assert not (site.folder / "data" / "fake-ledger.txt").exists()
    assert site.facts("send", issue)["sent"] == 30


def test_without_room_for_the_last_receipt_all_is_sent_and_the_next_send_closes_it(
    site: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = a_ready_site(site)
    with monkeypatch.context() as patched:
        patched.setattr(archive, "write", a_failing(durable.write, at=2))

        said = site.run("send", issue)

    again = site.facts("send", issue)
    assert said.exit_code == 3
    assert (again["state"], again["sent"]) == ("sent", 30)
    assert '"ended_at": "2023' in site.read(f"issues/{issue}/receipt.json")
    assert len(site.read("data/fake-ledger.txt").split()) == 30


def test_a_call_that_cannot_be_counted_is_not_made(site: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    issue = a_ready_site(site)
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "note", a_failing(Journal.note, at=2))

        said = site.run("send", issue)

    counts = site.facts("status", issue)
    assert said.exit_code == 3
    assert f"newsletter send {issue}" in said.err
    assert (counts["sent"], counts["pending"], counts["unsure"]) == (10, 20, 0)
    assert site.facts("send", issue)["sent"] == 30


def test_a_full_outbox_stops_the_sending_and_goes_on_when_there_is_room(
    site: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = a_ready_site(site)
    site.environ |= {"NEWSLETTER_PROVIDER__NAME": "outbox", "NEWSLETTER_PROVIDER__MISBEHAVE": ""}
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", a_failing(Path.replace, at=19))  # the receipt is the first

        said = site.run("send", issue, "--json")

    assert (said.exit_code, said.json["state"], said.json["unsure"]) == (3, "paused", 0)
    assert said.json["sent"] + said.json["pending"] == 30
    assert "No space left" in said.err
    assert site.facts("send", issue)["sent"] == 30
    assert len(list((site.folder / "outbox" / issue).iterdir())) == 30


@pytest.mark.parametrize("look_up", ["yes", "no"])
def test_a_database_that_another_process_locks_gets_the_answer_when_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look_up: str
) -> None:
    monkeypatch.setattr(engine, "_PRAGMAS", ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=20"))
    store = Store("sqlite:///data/newsletter.db", folder=tmp_path)
    issue = an_approved_issue(store, readers=30)
    store.deliveries.begin(issue, digest="weekly", provider="fake", batch_size=10, manifest_sha256="0" * 64, now=NOW)
    other = sqlite3.connect(tmp_path / "data" / "newsletter.db", isolation_level=None)

    class Locking(Fake):
        def send(self, letters: Any, *, issue: str, key: str = "") -> Any:
            other.execute("begin exclusive")
            return super().send(letters, issue=issue, key=key)

    provider = Locking(Misbehaviour.parse(f"lookup={look_up}"), batch_size=10)
    ended = Run(a_desk(store, provider, issue, wait=lambda _seconds: other.rollback())).go()

    assert ended.ending is Ending.FINISHED
    assert provider.taken_ids().total() == 30
    assert store.deliveries.counts(issue) == Counts(recipients=30, sent=30)
    other.close()
    store.close()


def test_an_outbox_whose_folder_is_not_confirmed_by_the_disk_leaves_no_doubt_and_no_double(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store("sqlite:///data/newsletter.db", folder=tmp_path)
    issue = an_approved_issue(store, readers=30)
    store.deliveries.begin(issue, digest="weekly", provider="outbox", batch_size=10, manifest_sha256="0" * 64, now=NOW)
    from newsletter.providers import outbox

    monkeypatch.setattr(outbox, "_sync", a_failing(outbox._sync, at=4))

    Run(a_desk(store, Outbox(tmp_path / "outbox", batch_size=10), issue)).go()

    assert store.deliveries.counts(issue) == Counts(recipients=30, sent=30)
    assert len(list((tmp_path / "outbox" / issue).iterdir())) == 30
    store.close()


def test_tens_of_thousands_in_doubt_can_be_resolved_at_once(tmp_path: Path) -> None:
    store = Store("sqlite:///data/newsletter.db", folder=tmp_path)
    issue = an_approved_issue(store, readers=33_000)
    begun = {"digest": "weekly", "provider": "fake", "manifest_sha256": "0" * 64, "now": NOW}
    store.deliveries.begin(issue, batch_size=33_000, **begun)  # type: ignore[arg-type]
    Run(a_desk(store, Fake(Misbehaviour.parse("call-unsure-unsent=@2"), batch_size=33_000), issue)).go()

    decided = store.deliveries.resolve(issue, as_sent=False, reason="a person decided: unsent", now=NOW)

    assert decided == 33_000 - OPENING
    assert store.deliveries.counts(issue) == Counts(recipients=33_000, sent=OPENING, pending=decided)
    store.close()
