"""`newsletter preview` as a command: it says where it is, stops when told, and is used in the right way."""

from __future__ import annotations

import re
import signal

import requests

from newsletter.web.preview.guard import Admission
from tests.served import served
from tests.sites import ISSUE, SiteFolder, site

__all__ = ["site"]


def test_the_desk_says_its_address_and_stops_when_told_though_a_page_listens(site: SiteFolder) -> None:
    desk = site.start("preview", "--port", "0")
    assert desk.stderr is not None
    (url,) = re.findall(r"http://127\.0\.0\.1:\d+/", desk.stderr.readline())
    with requests.get(f"{url}events", stream=True, timeout=30) as listening:
        assert next(listening.iter_lines()) == b"retry: 1000"

        desk.send_signal(signal.SIGINT)

        assert desk.wait(30) == 0


def test_the_address_for_a_network_holds_a_key_that_is_drawn_anew() -> None:
    here, network, again = Admission.at("localhost"), Admission.at("0.0.0.0"), Admission.at("0.0.0.0")

    assert here.key is None
    assert network.key
    assert again.key not in (None, network.key)
    assert len({here.token, network.token, again.token}) == 3


def test_beyond_loopback_this_machine_is_known_by_any_address_and_by_no_foreign_name() -> None:
    network = Admission.at("192.0.2.10")

    assert network.is_ours("192.0.2.10")
    assert network.is_ours("2001:db8::1")
    assert not network.is_ours("evil.example")
    assert not Admission.at("127.0.0.1").is_ours("192.0.2.10")


def test_an_issue_is_named_for_a_proof_only(site: SiteFolder) -> None:
    said = site.run("preview", ISSUE)

    assert said.exit_code == 2
    assert "--export" in said.err


def test_a_skipped_issue_has_a_page_that_says_why(site: SiteFolder) -> None:
    site.run("build", "weekly", "--on", "2023-11-09")
    with served(site) as desk:
        page = requests.get(f"{desk.url}/issues/weekly-2023-11-09", timeout=30)

    assert page.status_code == 200
    assert "min_posts is 1, and there are 0" in page.text
    assert "There is no mail to show" in page.text
