"""Real processes with several connections each: killed, frozen, on a full disk, two at a time."""

from __future__ import annotations

import random
import resource
import signal
import subprocess
from collections import Counter
from collections.abc import Callable

import pytest

from newsletter import clock
from tests.faults import IS_LONG
from tests.sites import ISSUE, SETTINGS, SiteFolder, site

__all__ = ["site"]

READERS = 240
SEED = 20231116


@pytest.fixture
def ready(site: SiteFolder) -> SiteFolder:
    """A site with an approved issue for 240 readers, in batches of ten over four connections."""
    site.write("newsletter.toml", SETTINGS + '[provider]\nname = "fake"\nbatch_size = 10\nconnections = 4\n')
    site.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes, delay=40ms"
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


def test_with_keys_nobody_is_unsure_and_nobody_is_mailed_twice_however_often_it_is_killed(ready: SiteFolder) -> None:
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes, delay=40ms, keys=24h, call-unsure-sent=0.05"
    chance, in_mid_send = random.Random(SEED), 0
    for _ in range(50 if IS_LONG else 4):
        before = taken(ready).total()
        process = ready.start("send", ISSUE, NEWSLETTER_NOW="")
        when(lambda before=before: taken(ready).total() > before, process)  # type: ignore[misc]
        clock.sleep(chance.random() * 0.1)
        process.kill()
        process.communicate()
        in_mid_send += before < taken(ready).total() < READERS

    last = ready.start("send", ISSUE, "--json", NEWSLETTER_NOW="")
    out, err = last.communicate()

    counts = ready.facts("status", ISSUE)
    assert in_mid_send >= 1
    assert last.returncode == 0, out + err
    assert (counts["sent"], counts["unsure"], counts["pending"]) == (READERS, 0, 0)
    assert set(taken(ready).values()) == {1}
    assert taken(ready).total() == READERS


def test_without_keys_every_doubt_is_named_and_nobody_is_mailed_twice(ready: SiteFolder) -> None:
    chance = random.Random(SEED)
    for _ in range(50 if IS_LONG else 4):
        before = taken(ready).total()
        process = ready.start("send", ISSUE, NEWSLETTER_NOW="")
        when(lambda before=before: taken(ready).total() > before, process)  # type: ignore[misc]
        clock.sleep(chance.random() * 0.1)
        process.kill()
        process.communicate()
    ready.start("send", ISSUE, NEWSLETTER_NOW="").communicate()

    counts = ready.facts("status", ISSUE)
    sent = {one["email"] for one in ready.facts("deliveries", ISSUE, "--state", "sent")}
    assert (counts["pending"], counts["sent"] + counts["unsure"]) == (0, READERS)
    assert set(taken(ready).values()) == {1}
    assert len(sent) == counts["sent"] <= taken(ready).total() <= counts["sent"] + counts["unsure"]


def test_two_processes_with_four_connections_each_share_an_issue(ready: SiteFolder) -> None:
    both = [ready.start("send", ISSUE, NEWSLETTER_NOW="") for _ in range(2)]
    said = [process.communicate() for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert ready.facts("status", ISSUE)["sent"] == READERS
    assert set(taken(ready).values()) == {1}
    assert "locked" not in "".join(err for _, err in said)


def test_a_sender_frozen_with_a_batch_in_hand_sends_nothing_that_another_took_over(ready: SiteFolder) -> None:
    slow = {"RATE_PER_S": "0.2", "CONNECTIONS": "1"}
    ready.environ |= {f"NEWSLETTER_PROVIDER__{name}": value for name, value in slow.items()}
    frozen = ready.start("send", ISSUE, NEWSLETTER_NOW=ready.now)
    for name in slow:
        del ready.environ[f"NEWSLETTER_PROVIDER__{name}"]
    when(lambda: bool(ready.facts("status", ISSUE)["sent"]), frozen)  # it holds the next batch, and waits for its turn
    frozen.send_signal(signal.SIGSTOP)
    before = taken(ready).total()
    later = "2023-11-16T09:05:00+00:00"  # a claim lives for a minute
    other = ready.start("send", ISSUE, NEWSLETTER_NOW=later)
    out, err = other.communicate()
    frozen.send_signal(signal.SIGCONT)
    frozen.communicate()

    assert before < READERS
    assert other.returncode == 0, out + err
    assert frozen.returncode == 0
    assert ready.facts("status", ISSUE)["state"] == "sent"
    assert set(taken(ready).values()) == {1}
    assert taken(ready).total() == READERS


def test_a_disk_that_is_full_in_mid_send_stops_it_and_all_goes_on_when_there_is_room(ready: SiteFolder) -> None:
    database = ready.folder / "data" / "newsletter.db"
    room = database.stat().st_size + 60_000

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    process = ready.start("send", ISSUE, NEWSLETTER_NOW="", preexec=little_room)
    out, err = process.communicate()
    full = ready.facts("status", ISSUE)
    for _ in range(3):
        ready.start("send", ISSUE, NEWSLETTER_NOW="").communicate()

    counts = ready.facts("status", ISSUE)
    assert process.returncode in (1, 3), out + err
    assert "Traceback" not in err
    assert full["pending"] > 0
    assert (counts["pending"], counts["sent"] + counts["unsure"]) == (0, READERS)
    assert set(taken(ready).values()) == {1}
    assert counts["sent"] <= taken(ready).total() <= counts["sent"] + counts["unsure"]


def test_a_pause_from_another_process_holds_all_connections(ready: SiteFolder) -> None:
    process = ready.start("send", ISSUE, NEWSLETTER_NOW="")
    when(lambda: taken(ready).total() > 0, process)
    ready.facts("pause", ISSUE)
    process.communicate()
    paused = ready.facts("status", ISSUE)

    resumed = ready.facts("resume", ISSUE)

    assert process.returncode == 3
    assert paused["state"] == "paused"
    assert paused["unsure"] == 0
    assert resumed["sent"] == READERS
    assert set(taken(ready).values()) == {1}
