"""`newsletter send` killed at random moments, many times in a row, against a server that misbehaves.

The server is a process of its own and keeps the truth: who was accepted, one line each. Nobody may stand there twice,
nobody may be missing in the end, and everyone in doubt is named.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter import clock
from tests.conformance.api_stand import ApiStand
from tests.conformance.stands import STANDS
from tests.faults import IS_LONG
from tests.sites import ISSUE, SiteFolder, site

__all__ = ["site"]

READERS, KILLS, SEED = (5000, 50, 20231116) if IS_LONG else (1000, 20, 20231116)
BY_NAME = {str(stand.settings["name"]): stand.settings for stand in STANDS if issubclass(stand, ApiStand)}
PROVIDERS = sorted(BY_NAME) if IS_LONG else ["postmark"]
BATCH_SIZES = {"brevo": 250, "resend": 100}
"""Of those that allow few calls, which are obeyed here too; all others get ten letters a call."""
OF_THE_SLOWEST = {"mailersend": (300, 20)}
"""Readers and kills where ten calls a minute are allowed: after each kill it begins with one letter, so the rest would
take hours."""
FAULTS = "error-after=0.02,cut-before=0.02,cut-after=0.02,busy=0.03,html-after=0.01,short=0.02,refuse=0.01"
SEARCH_IS_OFF = ",search-off=1"
"""Not for Brevo, whose log answers a repeated key: without it each doubt is waited over for two minutes."""
AN_HOUR_S = 3600
"""A provider that allows ten calls a minute takes some time after fifty kills."""


class Server:
    def __init__(self, folder: Path, provider: str) -> None:
        self.provider = provider
        self.ledger = folder / "ledger.txt"
        faults = FAULTS if provider == "brevo" else FAULTS + SEARCH_IS_OFF
        command = ["--port", "0", "--ledger", str(self.ledger), "--faults", faults, "--seed", str(SEED)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.loopback", provider, *command],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        found = re.search(r"\d+", self.process.stdout.readline())
        assert found
        self.url = f"http://127.0.0.1:{found[0]}"

    def accepted(self) -> Counter[str]:
        lines = self.ledger.read_text("utf-8").splitlines() if self.ledger.exists() else []
        return Counter(line.partition("\t")[0] for line in lines)


@pytest.fixture(params=PROVIDERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A misbehaving stand-in for a provider, in a process that outlives every kill."""
    started = Server(tmp_path, request.param)
    yield started
    started.process.kill()
    started.process.wait()


def test_nobody_twice_and_nobody_lost_and_all_unsure_named(site: SiteFolder, server: Server) -> None:
    site.post("a")
    readers, kills = OF_THE_SLOWEST.get(server.provider, (READERS, KILLS))
    site.readers(readers)
    issue = site.approved()
    chosen = BY_NAME[server.provider] | {"base_url": server.url, "rate_per_s": 150}
    chosen["batch_size"] = BATCH_SIZES.get(server.provider, 10)
    site.environ |= {f"NEWSLETTER_PROVIDER__{name.upper()}": str(value) for name, value in chosen.items()}
    chance = random.Random(SEED)
    in_mid_send = sum(_kill_at_a_random_moment(site, server, chance, readers) for _ in range(kills))

    site.environ.pop("NEWSLETTER_PROVIDER__RATE_PER_S")
    site.now = "2023-11-16T12:00:00+00:00"
    for _ in range(30):
        _end_normally(site)
        counts = site.facts("status", issue)
        if not counts["pending"]:
            break

    accepted, unsure = server.accepted(), counts["unsure"]
    named = site.facts("deliveries", issue, "--state", "unsure")
    sent = {one["email"] for one in site.facts("deliveries", issue, "--state", "sent")}
    assert in_mid_send >= kills // 2
    assert max(accepted.values()) == 1
    assert counts["state"] == "sent"
    assert counts["recipients"] == readers == counts["sent"] + counts["refused"] + unsure
    assert len(named) == unsure
    assert all(one["reason"] for one in named)
    assert len(sent) == counts["sent"] <= accepted.total() <= counts["sent"] + unsure


def _kill_at_a_random_moment(site: SiteFolder, server: Server, chance: random.Random, readers: int) -> bool:
    """Whether the kill fell after the first mail of this run and before the last."""
    before = server.accepted().total()
    process = site.start("send", ISSUE, NEWSLETTER_NOW="")
    is_early = chance.random() < 0.2  # while it starts, plans, or recovers what the last kill left
    while not is_early and process.poll() is None and server.accepted().total() == before:
        clock.sleep(0.01)
    clock.sleep(chance.random() * (0.7 if is_early else 0.15))
    process.kill()
    process.communicate()
    return before < server.accepted().total() < readers


def _end_normally(site: SiteFolder) -> None:
    process = site.start("send", ISSUE, NEWSLETTER_NOW="")
    process.communicate(timeout=AN_HOUR_S)
    assert process.returncode in (0, 3)
