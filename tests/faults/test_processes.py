"""Real processes: signals, a frozen sender, two at once, nobody who reads the output."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from newsletter import clock
from newsletter.cli import output
from newsletter.delivery.pace import OPENING
from newsletter.stopping import stopping
from tests.sites import ISSUE, SiteFolder, site

__all__ = ["site"]

READERS = 60


@pytest.fixture
def ready(site: SiteFolder) -> SiteFolder:
    """A site with an approved issue, and a provider that takes a fifth of a second for ten mails."""
    site.environ |= {
        "NEWSLETTER_PROVIDER__NAME": "fake",
        "NEWSLETTER_PROVIDER__BATCH_SIZE": "10",
        "NEWSLETTER_PROVIDER__MISBEHAVE": "ledger=yes, delay=200ms",
    }
    site.post("a")
    site.readers(READERS)
    site.approved()
    return site


def taken(site: SiteFolder) -> Counter[str]:
    file = site.folder / "data" / "fake-ledger.txt"
    return Counter(file.read_text("ascii").split()) if file.exists() else Counter()


def when(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Returns as soon as it is so, or the process has ended."""
    while process.poll() is None and not is_so():
        clock.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_in_mid_batch_lets_it_be_finished_and_recorded(ready: SiteFolder, number: signal.Signals) -> None:
    process = ready.start("send", ISSUE, "--json")
    when(lambda: bool(taken(ready)), process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)

    counts = ready.facts("status", ISSUE)

    assert process.returncode == 3
    assert "Traceback" not in err
    assert "stopping: calls under way are waited for, up to 60 seconds each" in err
    assert f"newsletter send {ISSUE}" in err
    assert 0 < counts["sent"] == taken(ready).total() < READERS
    assert (counts["unsure"], counts["sent"] + counts["pending"]) == (0, READERS)


def test_status_tells_of_a_killed_call_until_the_next_run_has_found_out(ready: SiteFolder) -> None:
    process = ready.start("send", ISSUE)
    when(lambda: bool(taken(ready)), process)
    while_at_work = ready.facts("status", ISSUE)["note"]
    process.kill()
    process.communicate(timeout=60)

    killed = ready.facts("status", ISSUE)["note"]
    ready.run("send", ISSUE)

    assert while_at_work == ""
    assert killed.startswith("10 of those pending were in a call whose process ended; `newsletter send")
    assert ready.facts("status", ISSUE)["note"] == ""


def test_who_was_in_a_killed_call_is_named_also_where_the_issue_is_cancelled_then(ready: SiteFolder) -> None:
    process = ready.start("send", ISSUE)
    when(lambda: bool(taken(ready)), process)
    process.kill()
    process.communicate(timeout=60)

    ready.facts("cancel", ISSUE, "--yes")

    known = [one for one in ready.facts("deliveries", ISSUE) if one["state"] in ("sent", "unsure")]
    assert len(known) >= taken(ready).total() > 0


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with stopping() as stop:
        os.kill(os.getpid(), signal.SIGHUP)

    signal.signal(signal.SIGHUP, before)
    assert not stop.is_set()


def test_a_frozen_sender_is_neither_repeated_nor_left_behind(ready: SiteFolder) -> None:
    frozen = ready.start("send", ISSUE)
    when(lambda: bool(taken(ready)), frozen)
    frozen.send_signal(signal.SIGSTOP)
    other = ready.start("send", ISSUE, "--json", NEWSLETTER_PROVIDER__PATIENCE="1s")
    out, err = other.communicate(timeout=60)

    frozen.send_signal(signal.SIGCONT)
    frozen.communicate(timeout=60)

    assert other.returncode == 3, err
    assert f'"pending": {10}' in out
    assert frozen.returncode == 0
    assert ready.facts("status", ISSUE)["state"] == "sent"
    assert set(taken(ready).values()) == {1}
    assert taken(ready).total() == READERS


def test_two_senders_at_one_moment_share_the_issue(ready: SiteFolder) -> None:
    both = [ready.start("send", ISSUE), ready.start("send", ISSUE)]
    for process in both:
        process.communicate(timeout=30)

    assert [process.returncode for process in both] == [0, 0]
    assert ready.facts("status", ISSUE)["sent"] == READERS
    assert set(taken(ready).values()) == {1}
    assert taken(ready).total() == READERS


def test_two_approvals_at_one_moment_freeze_one_email(ready: SiteFolder) -> None:
    ready.facts("approve", ISSUE, "--withdraw")
    both = [ready.start("approve", ISSUE, "--yes", "--json") for _ in range(2)]
    said = [process.communicate(timeout=30)[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1]
    assert ready.facts("send", ISSUE)["sent"] == READERS


def test_a_stop_during_the_last_batch_leaves_a_sent_issue(ready: SiteFolder) -> None:
    process = ready.start("send", ISSUE, "--json", NEWSLETTER_PROVIDER__BATCH_SIZE="100")
    when(lambda: taken(ready).total() > OPENING, process)
    process.terminate()
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert ready.facts("status", ISSUE)["state"] == "sent"


def test_the_exit_status_survives_a_reader_who_has_gone(ready: SiteFolder) -> None:
    process = ready.start("send", ISSUE, NEWSLETTER_PROVIDER__MISBEHAVE="ledger=yes, call-denied=@3+")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()

    process.wait(timeout=20)

    assert process.returncode == 3
    assert ready.facts("status", ISSUE)["sent"] == 20


def test_a_progress_bar_that_cannot_be_shown_does_not_end_the_sending(
    ready: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def broken(_title: str, _total: int) -> Iterator[Any]:
        def bar(_done: int, _note: str) -> None:
            raise BrokenPipeError

        yield bar
        raise BrokenPipeError

    monkeypatch.setattr(output, "progress", broken)
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes"

    assert ready.facts("send", ISSUE)["sent"] == READERS


def test_a_pause_in_the_last_batch_ends_as_sent_and_locks_nobody_out(ready: SiteFolder) -> None:
    process = ready.start("send", ISSUE, NEWSLETTER_PROVIDER__BATCH_SIZE="100")
    when(lambda: taken(ready).total() > OPENING, process)
    process.send_signal(signal.SIGSTOP)  # in the midst of its call, however long the pause takes on a busy machine
    ready.facts("pause", ISSUE)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert ready.facts("status", ISSUE)["state"] == "sent"
    assert ready.facts("send", ISSUE)["sent"] == READERS
