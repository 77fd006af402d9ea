"""Sending as an operator sees it: rehearsed, held back, taken over, changed in the middle, watched."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from newsletter.app import open_site
from newsletter.cli.serve import public_app
from newsletter.errors import Unsupported
from newsletter.issues import archive
from newsletter.pipeline.compose import composer_at
from newsletter.providers.base import Form
from newsletter.providers.fake import Fake
from newsletter.store.deliveries import DeliveriesStore
from newsletter.web.public.server import Server
from tests.factories import a_reader, utc
from tests.sites import ISSUE, SETTINGS, SiteFolder, site

__all__ = ["site"]

READERS = 60
FAKE = """
[provider]
name = "fake"
batch_size = 10
"""


@pytest.fixture
def ready(site: SiteFolder) -> SiteFolder:
    """A site with 60 readers and an approved issue, which goes to the fake provider in batches of ten."""
    site.environ |= {"NEWSLETTER_PROVIDER__MISBEHAVE": "ledger=yes"}
    site.write("newsletter.toml", SETTINGS + FAKE)
    site.post("a")
    site.readers(READERS)
    site.approved()
    return site


def taken(site: SiteFolder, name: str = "fake-ledger.txt") -> Counter[str]:
    file = site.folder / "data" / name
    return Counter(file.read_text("ascii").split()) if file.exists() else Counter()


def files(folder: Path) -> dict[str, bytes]:
    found = (
        path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".lock", ".db-shm", ".db-wal")
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


# --- rehearsal ---


def test_a_rehearsal_counts_calls_and_bytes_and_leaves_no_trace(ready: SiteFolder) -> None:
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes, calls-per-s=2"
    ready.facts("status", ISSUE)  # the write-ahead log is in the database now
    before = files(ready.folder)

    told = ready.facts("rehearse", ISSUE, "--latency", "0.1")

    assert (told["recipients"], told["calls"], told["letters_per_call"]) == (READERS, 6, 10)
    assert told["seconds"] == pytest.approx(2.6)
    assert told["bytes"] > READERS * 5000
    assert files(ready.folder) == before
    assert ready.facts("status", ISSUE)["state"] == "approved"
    assert ready.facts("send", ISSUE)["sent"] == READERS


def test_a_rehearsal_counts_a_call_for_each_letter_where_a_provider_is_called_so(ready: SiteFolder) -> None:
    ready.environ = {"NEWSLETTER_PROVIDER__NAME": "smtp2go", "NEWSLETTER_PROVIDER__API_KEY": "k"}

    told = ready.facts("rehearse", ISSUE, "--latency", "0.5")

    assert (told["calls"], told["letters_per_call"], told["connections"]) == (READERS, 1, 4)
    assert told["seconds"] == 10.0
    assert told["largest_call_bytes"] < 2 * told["bytes"] / READERS


def test_a_rehearsal_tells_on_which_days_mail_would_leave(ready: SiteFolder) -> None:
    ready.write("newsletter.toml", SETTINGS + FAKE + '[sending]\nwarm_up = [5, 15, 30]\nnot_before = "08:00"\n')

    told = ready.facts("rehearse", ISSUE)

    assert list(told["by_day"].values()) == [5, 15, 30, 10]
    assert told["ends_at"].startswith("2023-11-19T08:00:0")
    assert ready.facts("rehearse", ISSUE) == told


def test_a_draft_can_be_rehearsed_before_it_is_approved(ready: SiteFolder) -> None:
    ready.facts("approve", ISSUE, "--withdraw")

    assert ready.facts("rehearse", ISSUE)["recipients"] == READERS


def test_what_the_provider_cannot_do_is_said_before_the_night_of_sending(
    ready: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def form(*_args: Any, **_values: Any) -> Any:
        raise Unsupported("it takes no pictures", fix="set images to hosted")

    ready.facts("approve", ISSUE, "--withdraw")
    monkeypatch.setattr(Fake, "form", form)

    approved = ready.run("approve", ISSUE, "--yes")
    checked = ready.run("check", ISSUE, "--json")
    rehearsed = ready.run("rehearse", ISSUE, "--json")

    assert approved.exit_code == checked.exit_code == rehearsed.exit_code == 1
    assert "fake cannot send this: it takes no pictures" in approved.err
    assert checked.json["problems"][0]["check"] == "provider"
    assert rehearsed.json["refused"] == [{"reason": "it takes no pictures", "letters": READERS}]


def test_redirected_mail_goes_to_one_address_and_says_for_whom_it_was(ready: SiteFolder) -> None:
    ready.environ |= {"NEWSLETTER_PROVIDER__NAME": "outbox", "NEWSLETTER_PROVIDER__REDIRECT_TO": "me@example.com"}
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = ""

    ready.facts("send", ISSUE)

    mails = [path.read_text("ascii") for path in (ready.folder / "outbox" / ISSUE).iterdir()]
    assert len(mails) == READERS
    assert all(re.search(r"^To: .*<me@example.com>\r?$", mail, re.M) for mail in mails)
    assert all("[redirected]" in mail for mail in mails)


# --- held back ---


def test_at_the_ceiling_send_says_when_it_goes_on_and_the_scheduler_does(ready: SiteFolder) -> None:
    ready.write("newsletter.toml", SETTINGS + FAKE + "per_day = 25\n")
    ready.now = "2023-11-16T08:59:00+00:00"
    ready.facts("tick")
    ready.now = "2023-11-16T09:01:00+00:00"
    first = ready.run("tick")
    by_hand = ready.run("send", ISSUE)
    noted = ready.facts("status", ISSUE)["note"]
    ready.now = "2023-11-17T00:01:00+00:00"
    ready.facts("tick")
    ready.now = "2023-11-18T00:01:00+00:00"
    last = ready.facts("tick")

    assert first.exit_code == 0
    assert "goes on Fri 17 Nov 00:00" in first.out
    assert (by_hand.exit_code, "Fri 17 Nov 2023 00:00" in by_hand.err) == (3, True)
    assert "25 mails a day" in noted
    assert "sent: 60 of 60" in last[0]["words"]
    assert set(taken(ready).values()) == {1}


def test_an_issue_that_is_due_at_night_begins_when_the_window_opens(ready: SiteFolder) -> None:
    ready.write("newsletter.toml", SETTINGS + FAKE + '[sending]\nnot_before = "10:00"\nnot_after = "20:00"\n')
    ready.now = "2023-11-16T08:59:00+00:00"
    ready.facts("tick")
    ready.now = "2023-11-16T09:01:00+00:00"
    ready.facts("tick")
    assert taken(ready).total() == 0
    ready.now = "2023-11-16T10:00:00+00:00"

    ready.facts("tick")

    assert taken(ready).total() == READERS


def test_an_issue_that_is_spread_and_due_at_night_is_spread_from_the_opening_on(ready: SiteFolder) -> None:
    ready.write("newsletter.toml", SETTINGS + FAKE + '[sending]\nnot_before = "12:00"\nspread = "2h"\n')

    told = ready.facts("rehearse", ISSUE)

    assert told["begins_at"] == "2023-11-16T12:00:00+00:00"
    assert "2023-11-16T13:55" < told["ends_at"] < "2023-11-16T14:01"


def test_a_warm_up_goes_on_where_it_was_after_a_restart(ready: SiteFolder) -> None:
    ready.write("newsletter.toml", SETTINGS + FAKE + "[sending]\nwarm_up = [5, 15]\n")
    sent = []
    for day in (16, 17, 20):
        ready.now = f"2023-11-{day}T09:00:00+00:00"
        ready.run("send", ISSUE)
        sent.append(ready.facts("status", ISSUE)["sent"])

    assert sent == [5, 20, READERS]


def test_too_many_refusals_pause_the_issue_until_a_person_goes_on(ready: SiteFolder) -> None:
    ready.write("newsletter.toml", SETTINGS + FAKE + "[sending]\nmin_refused = 10\n")
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes, refuse=@1+"

    tripped = ready.run("send", ISSUE, "--json")
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes"
    after = ready.facts("resume", ISSUE)

    assert (tripped.exit_code, tripped.json["state"], tripped.json["refused"]) == (3, "paused", 10)
    assert "10 of 10 were refused" in tripped.err
    assert (after["sent"], after["refused"]) == (50, 10)


# --- a second provider ---


def with_fallback(site: SiteFolder, words: str, **provider: str) -> None:
    more = "".join(f'{name} = "{value}"\n' for name, value in provider.items())
    site.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = words
    fallback = '[provider.fallback]\nname = "fake"\nbatch_size = 16\nmisbehave = "ledger=data/second.txt"\n'
    site.write("newsletter.toml", SETTINGS + FAKE + more + fallback)


def test_what_was_denied_goes_through_the_second_provider_in_its_own_batches(ready: SiteFolder) -> None:
    with_fallback(ready, "ledger=yes, call-denied=@3+")

    sent = ready.run("send", ISSUE, "--json")

    assert (sent.exit_code, sent.json["state"], sent.json["sent"]) == (0, "sent", READERS)
    assert (taken(ready).total(), taken(ready, "second.txt").total()) == (20, 40)
    assert not taken(ready).keys() & taken(ready, "second.txt").keys()
    assert ready.facts("status", ISSUE)["providers"] == {"fake": {"sent": 20}, "fake (fallback)": {"sent": 40}}


def test_redirected_mail_is_redirected_through_the_second_provider_too(ready: SiteFolder) -> None:
    with_fallback(ready, "ledger=yes, call-denied=@1+", redirect_to="me@example.org")
    settings = (ready.folder / "newsletter.toml").read_text("utf-8")
    ready.write(
        "newsletter.toml", settings.partition("[provider.fallback]")[0] + '[provider.fallback]\nname = "outbox"\n'
    )

    ready.run("send", ISSUE)

    mails = [file.read_text("utf-8") for file in (ready.folder / "outbox" / ISSUE).glob("*.eml")]
    assert len(mails) == READERS
    assert all("<me@example.org>" in mail and "Subject: [redirected]" in mail for mail in mails)


def test_what_is_unsure_is_never_taken_over(ready: SiteFolder) -> None:
    with_fallback(ready, "ledger=yes, call-unsure-unsent=@1, call-denied=@2+")

    ready.run("send", ISSUE)

    counts = ready.facts("status", ISSUE)
    assert (counts["unsure"], counts["sent"]) == (10, 50)
    assert taken(ready, "second.txt").total() == 50


def test_a_provider_that_stays_busy_is_replaced_when_patience_ends(ready: SiteFolder) -> None:
    with_fallback(ready, "ledger=yes, call-busy=@2+, retry-after=10m", patience="1m")

    ready.facts("send", ISSUE)

    assert (taken(ready).total(), taken(ready, "second.txt").total()) == (10, 50)


def test_of_a_sent_issue_send_asks_about_those_in_doubt_and_mails_nobody(ready: SiteFolder) -> None:
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes, call-unsure-sent=@1, unsure-unsent=@30"
    in_doubt = ready.run("send", ISSUE, "--json").json["unsure"]
    before = taken(ready)
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes, lookup=yes"

    again = ready.run("send", ISSUE, "--json")

    assert (in_doubt, again.json["unsure"], again.json["sent"]) == (11, 1, READERS - 1)
    assert (again.exit_code, again.json["state"]) == (3, "sent")
    assert taken(ready) == before


def test_a_sent_issue_whose_provider_cannot_be_opened_stands_as_it_was(ready: SiteFolder) -> None:
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes, call-unsure-sent=@1"
    ready.run("send", ISSUE)
    ready.environ = {"NEWSLETTER_PROVIDER__NAME": "postmark"}

    said = ready.run("send", ISSUE)

    assert said.exit_code == 3
    assert "could not be asked about those in doubt: Postmark cannot be used" in said.err


def test_a_stop_before_a_busy_provider_says_why_until_it_goes_on(ready: SiteFolder) -> None:
    ready.write("newsletter.toml", SETTINGS + FAKE + 'patience = "1m"\n')
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes, call-busy=@2+, retry-after=10m"

    stopped = ready.run("send", ISSUE)
    why = ready.facts("status", ISSUE)
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes"
    ready.now = "2023-11-16T10:00:00+00:00"
    ready.facts("send", ISSUE)

    assert stopped.exit_code == 3
    assert (why["state"], why["note"]) == (
        "sending",
        "stopped, the provider stayed busy or could not be reached: the fake provider was asked to",
    )
    assert ready.facts("status", ISSUE)["note"] == ""


def test_the_secrets_of_a_second_provider_do_not_belong_into_the_file(ready: SiteFolder) -> None:
    ready.write("newsletter.toml", SETTINGS + FAKE + '[provider.fallback]\nname = "postmark"\napi_key = "x"\n')

    said = ready.run("status")

    assert said.exit_code == 1
    assert "NEWSLETTER_PROVIDER__FALLBACK__API_KEY" in said.err


# --- settings that change in mid-send ---


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are looked at before each batch."""
    monkeypatch.setattr("newsletter.delivery.conductor.REFRESH_S", 0.0)


def after_calls(monkeypatch: pytest.MonkeyPatch, number: int, act: Any) -> None:
    """Do something when the provider was called so often."""
    send, calls = Fake.send, iter(range(1, 1000))

    def sending(self: Fake, *args: Any, **values: Any) -> Any:
        answers = send(self, *args, **values)
        if next(calls) == number:
            act()
        return answers

    monkeypatch.setattr(Fake, "send", sending)


@pytest.mark.usefixtures("quick_looks")
def test_a_key_rotated_in_mid_send_is_taken_up(ready: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    open_fake = Fake.open

    def noting(settings: Any) -> Fake:
        opened.append(settings.provider.api_key.get_secret_value())
        return open_fake(settings)

    ready.write(".env", "NEWSLETTER_PROVIDER__API_KEY=old\n")
    monkeypatch.setattr(Fake, "open", noting)
    after_calls(monkeypatch, 2, lambda: ready.write(".env", "NEWSLETTER_PROVIDER__API_KEY=rotated\n"))

    said = ready.run("send", ISSUE)

    assert opened == ["old", "rotated"]
    assert "the changed settings are in use" in said.err
    assert "rotated" not in said.err + said.out
    assert taken(ready).total() == READERS


def with_connections(number: int) -> str:
    return SETTINGS + FAKE.replace("10", "5") + f"connections = {number}\n"


def in_each_call(monkeypatch: pytest.MonkeyPatch, act: Callable[[str], None]) -> None:
    """Do something while the provider has a call in its hands; it gets the name of the thread that made it."""
    send = Fake.send

    def sending(self: Fake, *args: Any, **values: Any) -> Any:
        act(threading.current_thread().name)
        return send(self, *args, **values)

    monkeypatch.setattr(Fake, "send", sending)


@pytest.mark.usefixtures("quick_looks")
def test_more_connections_are_made_in_mid_send(ready: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    ready.write("newsletter.toml", with_connections(1))
    called: list[str] = []
    another = threading.Event()

    def act(thread: str) -> None:
        if not called:
            ready.write("newsletter.toml", with_connections(2))
        elif thread == called[0]:
            assert another.wait(60)
        else:
            another.set()
        called.append(thread)

    in_each_call(monkeypatch, act)

    ready.run("send", ISSUE)

    assert set(called) == {called[0], "lane 1"}
    assert taken(ready).total() == len(taken(ready)) == READERS


@pytest.mark.usefixtures("quick_looks")
def test_connections_that_are_not_wanted_any_more_are_given_up_in_mid_send(
    ready: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready.write("newsletter.toml", with_connections(3))
    gone: list[bool] = []

    def act(thread: str) -> None:
        if not thread.startswith("lane "):
            ready.write("newsletter.toml", with_connections(1))
            others = [one for one in threading.enumerate() if one.name.startswith("lane ")]
            for one in others:
                one.join(60)
            gone.extend(not one.is_alive() for one in others)

    in_each_call(monkeypatch, act)

    ready.run("send", ISSUE)

    assert gone
    assert all(gone)
    assert taken(ready).total() == len(taken(ready)) == READERS


def test_a_call_that_was_begun_with_another_account_is_not_repeated(
    ready: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dying(*_args: Any, **_values: Any) -> Any:
        raise SystemExit

    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes, keys=1h"
    ready.environ["NEWSLETTER_PROVIDER__API_KEY"] = "of-the-first"
    with monkeypatch.context() as patched:
        patched.setattr(Fake, "send", dying)
        ready.run("send", ISSUE)
    ready.environ["NEWSLETTER_PROVIDER__API_KEY"] = "of-another"

    ready.run("send", ISSUE)

    facts = ready.facts("status", ISSUE)
    assert 0 < facts["unsure"] < READERS
    assert taken(ready).total() == READERS - facts["unsure"]


@pytest.mark.usefixtures("quick_looks")
def test_a_broken_settings_file_is_told_and_ignored_until_it_is_mended(
    ready: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    after_calls(monkeypatch, 1, lambda: ready.write("newsletter.toml", SETTINGS + FAKE + "rate_per_s = \n"))
    after_calls(monkeypatch, 3, lambda: ready.write("newsletter.toml", SETTINGS + FAKE + "rate_per_s = 100000\n"))

    said = ready.run("send", ISSUE)

    assert said.exit_code == 0
    assert said.err.count("goes on with the old ones") == 1
    assert said.err.count("the changed settings are in use") == 1
    assert taken(ready).total() == READERS


@pytest.mark.usefixtures("quick_looks")
def test_another_provider_counts_from_the_next_send_on(ready: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    after_calls(monkeypatch, 1, lambda: ready.write("newsletter.toml", SETTINGS))

    said = ready.run("send", ISSUE)

    assert "from the next `newsletter send` on" in said.err
    assert taken(ready).total() == READERS


def test_who_comes_when_another_process_has_just_sent_the_last_of_it_is_done_too(
    ready: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = DeliveriesStore.begin

    def late(store: DeliveriesStore, issue_id: str, **values: Any) -> bool:
        monkeypatch.setattr(DeliveriesStore, "begin", begin)
        assert ready.run("send", ISSUE).exit_code == 0
        return begin(store, issue_id, **values)

    monkeypatch.setattr(DeliveriesStore, "begin", late)

    said = ready.run("send", ISSUE)

    assert (said.exit_code, said.out) == (0, f"{ISSUE}: sent; {READERS} recipients: {READERS} sent\n")
    assert taken(ready).total() == READERS


def test_a_letter_of_one_moment_is_the_same_bytes_whenever_it_is_composed(ready: SiteFolder) -> None:
    began, reader = utc(2023, 11, 16, 9, 4), a_reader()
    with open_site(ready.folder) as opened:
        frozen = archive.read_frozen(opened.issue_folder(ISSUE))
        form = Form(None, 10)
        one, other = (composer_at(opened, frozen, form) for _ in range(2))
        letters = [b"".join(at(began)([reader])[0].parts) for at in (one, other)]
        later = b"".join(other(began + timedelta(hours=1))([reader])[0].parts)

    assert letters[0] == letters[1] != later
    assert b"\r\nDate: Thu, 16 Nov 2023 09:00:00" in letters[0]


# --- visible ---


def test_status_watch_tells_rate_and_providers_and_ends_with_the_sending(ready: SiteFolder) -> None:
    ready.facts("send", ISSUE)

    said = ready.run("status", ISSUE, "--watch")

    assert said.exit_code == 0
    assert said.out.splitlines() == [f"{ISSUE}: sent; 60 recipients: 60 sent", "  fake: 60 sent"]


def test_the_log_has_a_line_a_batch_and_no_address(ready: SiteFolder) -> None:
    ready.environ["NEWSLETTER_PROVIDER__MISBEHAVE"] = "ledger=yes, refuse=@3"
    said = ready.run("send", ISSUE, "--log", "json")
    logging.getLogger().handlers.clear()

    lines = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    assert [line["batch"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert (lines[0]["provider"], lines[0]["accepted"], lines[0]["refused"]) == ("fake", 9, 1)
    assert all(line["bytes"] > 0 and line["seconds"] >= 0 for line in lines)
    assert "@" not in said.err


def the_metrics(ready: SiteFolder, **headers: str) -> requests.Response:
    with open_site(ready.folder) as opened:
        server = Server(public_app(opened), port=0)
        is_ready = threading.Event()
        thread = threading.Thread(target=server.serve_until_stopped, args=(lambda _: is_ready.set(),))
        thread.start()
        assert is_ready.wait(60)
        try:
            return requests.get(f"{server.url}/metrics", headers=headers, timeout=60)
        finally:
            server.stop()
            thread.join()


def test_metrics_are_read_from_the_store(ready: SiteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    ready.facts("send", ISSUE)
    monkeypatch.setenv("NEWSLETTER_NOW", ready.now)

    answer = the_metrics(ready)

    lines = answer.text.splitlines()
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert f'newsletter_deliveries{{issue="{ISSUE}",digest="weekly",state="sent"}} 60' in lines
    assert 'newsletter_mailed_today{provider="fake"} 60' in lines
    assert 'newsletter_subscribers{state="active"} 60' in lines
    assert lines[-1] == "# EOF"
    assert "@" not in answer.text


def test_metrics_are_for_this_machine_alone(ready: SiteFolder) -> None:
    passed_on = {"X-Forwarded-For": "203.0.113.7"}

    assert the_metrics(ready).status_code == 200
    assert the_metrics(ready, Host="news.example.org").status_code == 404
    assert the_metrics(ready, **passed_on).status_code == 404


def test_who_has_the_token_may_read_the_metrics_from_anywhere(
    ready: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_SERVE__METRICS_TOKEN", "open-sesame")

    assert the_metrics(ready).status_code == 404
    assert the_metrics(ready, Authorization="Bearer wrong").status_code == 404
    assert the_metrics(ready, Host="news.example.org", Authorization="Bearer open-sesame").status_code == 200


def test_an_issue_without_deliveries_says_so_beside_an_empty_table(ready: SiteFolder) -> None:
    said = ready.run("deliveries", ISSUE)

    assert said.out == ""
    assert "its sending begins" in said.err


def test_nobody_in_doubt_is_no_issue_that_has_not_begun(ready: SiteFolder) -> None:
    ready.facts("send", ISSUE)

    said = ready.run("deliveries", ISSUE, "--state", "unsure")

    assert (said.out, said.err) == ("", "nobody to show\n")
