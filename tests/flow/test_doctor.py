"""doctor: what is wrong with a site, with a loopback server for the DNS."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest

from newsletter.doctor import dkim, dmarc, examine, spf
from newsletter.doctor.finding import Examined, NotAsked
from newsletter.doctor.names import text_records
from newsletter.providers.base import Answer, Outcome
from newsletter.providers.fake import Fake
from tests.factories import a_site
from tests.sites import SETTINGS, SiteFolder, site

__all__ = ["site"]

GOOD = {
    "example.org": ["v=spf1 include:spf.example.net -all", "some other text"],
    "spf.example.net": ["v=spf1 ip4:192.0.2.0/24 ~all"],
    "_dmarc.example.org": ["v=DMARC1; p=quarantine"],
    "k1._domainkey.example.org": ["v=DKIM1; k=rsa; p=MIGf"],
}


class Dns:
    """Answers TXT questions from a table, in two strings each."""

    def __init__(self, records: dict[str, list[str]]) -> None:
        self.records = records
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                wire, client = self._socket.recvfrom(4096)
            except OSError:
                return
            self._socket.sendto(self._answer(dns.message.from_wire(wire)).to_wire(), client)

    def _answer(self, question: dns.message.Message) -> dns.message.Message:
        answer, name = dns.message.make_response(question), str(question.question[0].name)
        texts = self.records.get(name.rstrip("."))
        if texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        for text in texts or ():
            both = f'"{text[:5]}" "{text[5:]}"'
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", both))
        return answer

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[Dns]:
    """A name server that knows a good domain."""
    made = Dns(dict(GOOD))
    yield made
    made.close()


def examined(tmp_path: Any, records: dict[str, list[str]], **sender: str) -> Examined:
    settings = a_site(
        tmp_path,
        sender={"email": "news@example.org", "postal_address": "1 Street", **sender},
        provider={"name": "postmark", "api_key": "k"},
    )
    return Examined(settings, lambda name: records.get(name, []))


def levels(findings: Any) -> list[tuple[str, str]]:
    return [(one.check, one.level) for one in findings]


def test_a_good_domain_is_found_good_over_the_wire(tmp_path: Any, server: Dns) -> None:
    good = Examined(examined(tmp_path, {}).settings, text_records(nameserver="127.0.0.1", port=server.port))

    found = [*spf.check(good), *dkim.check(good), *dmarc.check(good)]

    assert levels(found) == [("spf", "ok"), ("dkim", "ok"), ("dmarc", "ok")]


def test_a_dns_that_does_not_answer_is_no_error(tmp_path: Any) -> None:
    def silent(name: str) -> list[str]:
        raise NotAsked(name)

    asked = Examined(examined(tmp_path, {}).settings, silent)

    assert {one.level for check in (spf, dkim, dmarc) for one in check.check(asked)} == {"warning"}


@pytest.mark.parametrize(
    ("records", "level", "words"),
    [
        ([], "warning", "no SPF record"),
        (["v=spf1 -all", "v=spf1 ~all"], "error", "2 SPF records"),
        (["v=spf1 +all"], "error", "lets everybody send"),
        (["v=spf1 " + " ".join(f"a:h{number}.example.net" for number in range(11)) + " -all"], "error", "11 questions"),
        (["v=spf1 ip4:192.0.2.1 -all"], "ok", "ip4:192.0.2.1"),
    ],
)
def test_spf_mistakes_are_named(tmp_path: Any, records: list[str], level: str, words: str) -> None:
    (found,) = spf.check(examined(tmp_path, {"example.org": records}))

    assert found.level == level
    assert words in found.message


def test_spf_records_that_name_each_other_end(tmp_path: Any) -> None:
    circle = {"example.org": ["v=spf1 include:a.example -all"], "a.example": ["v=spf1 include:example.org -all"]}

    (found,) = spf.check(examined(tmp_path, circle))

    assert found.level == "ok"


def test_the_key_of_our_own_selector_must_be_there(tmp_path: Any) -> None:
    at = "news._domainkey.example.org"

    missing, revoked, there = (
        list(dkim.check(examined(tmp_path, records, dkim_selector="news")))
        for records in ({}, {at: ["v=DKIM1; p="]}, {at: ["v=DKIM1; p=MIGf"]})
    )

    assert [one[0].level for one in (missing, revoked, there)] == ["error", "error", "ok"]


def test_dmarc_may_stand_at_the_domain_above(tmp_path: Any) -> None:
    below = examined(tmp_path, GOOD, email="news@mail.example.org")

    (found,) = dmarc.check(below)

    assert (found.level, found.message) == ("ok", "_dmarc.example.org: p=quarantine")


@pytest.mark.parametrize("record", [[], ["v=DMARC1; p=perhaps"]])
def test_without_a_dmarc_policy_bulk_mail_is_refused(tmp_path: Any, record: list[str]) -> None:
    (found,) = dmarc.check(examined(tmp_path, {"_dmarc.example.org": record}))

    assert found.level == "error"
    assert found.fix


@pytest.mark.parametrize(
    ("answer", "level"),
    [(Answer(Outcome.ACCEPTED), "ok"), (Answer(Outcome.DENIED, reason="bad key"), "error"), (None, "ok"),
     (Answer(Outcome.BUSY, reason="no connection"), "warning")],
)  # fmt: skip
def test_the_provider_is_asked_whether_it_knows_us(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, answer: Answer | None, level: str
) -> None:
    monkeypatch.setattr(Fake, "verify", lambda _self: answer)
    settings = a_site(tmp_path, provider={"name": "fake"})

    found = [one for one in examine(Examined(settings, lambda _name: [])) if one.check == "provider"]

    assert [one.level for one in found] == [level]


def test_a_new_site_is_well(site: SiteFolder) -> None:
    said = site.run("doctor", "--offline")

    assert said.exit_code == 0
    assert "error" not in said.out
    assert not (site.folder / "data" / "newsletter.db").exists()


def test_bad_settings_are_all_named(site: SiteFolder) -> None:
    site.write("newsletter.toml", SETTINGS + "nonsense = 1\n[provider]\nport = 0\n")

    said = site.run("doctor", "--json", "--offline")

    assert said.exit_code == 1
    assert [(one["check"], one["level"]) for one in said.json] == [("settings", "error")] * 2


def test_a_damaged_database_is_noticed(site: SiteFolder) -> None:
    site.readers(2000)
    path = site.folder / "data" / "newsletter.db"
    content = bytearray(path.read_bytes())
    content[20 * 4096 : 40 * 4096] = b"\xff" * (20 * 4096)
    path.write_bytes(bytes(content))

    said = site.run("doctor", "--offline", "--json")

    assert said.exit_code == 1
    assert {one["level"] for one in said.json if one["check"] == "database"} == {"error"}


def test_a_broken_template_of_the_site_is_named_with_its_line(site: SiteFolder) -> None:
    site.write("templates/default/issue.txt.j2", "fine\n{{ nonsense.of.ours }}\n")

    said = site.run("doctor", "--offline")

    assert said.exit_code == 1
    assert "templates/default/issue.txt.j2:2" in said.out


def test_the_key_of_a_fallback_is_asked_for_by_its_own_name(site: SiteFolder) -> None:
    site.environ |= {"NEWSLETTER_PROVIDER__FALLBACK__NAME": "postmark"}

    said = site.run("doctor", "--offline")

    assert said.exit_code == 1
    assert "NEWSLETTER_PROVIDER__FALLBACK__API_KEY: the server's API token is missing" in said.out


def test_links_to_this_machine_are_right_where_mail_is_only_caught(site: SiteFolder) -> None:
    site.write("newsletter.toml", SETTINGS.replace("https://news.example.org", "http://127.0.0.1:8080"))
    site.environ |= {"NEWSLETTER_PROVIDER__NAME": "mailpit", "NEWSLETTER_PROVIDER__BASE_URL": "http://127.0.0.1:8025"}

    said = site.run("doctor", "--offline")

    assert said.exit_code == 0
    assert "reader's own machine" not in said.out


def test_a_site_that_would_send_links_to_nowhere_is_told(site: SiteFolder) -> None:
    site.write("newsletter.toml", SETTINGS.replace("https://news.example.org", "http://127.0.0.1:8080"))
    site.environ |= {"NEWSLETTER_PROVIDER__NAME": "postmark", "NEWSLETTER_PROVIDER__API_KEY": "k"}

    said = site.run("doctor", "--offline")

    assert said.exit_code == 1
    assert "every reader's own machine" in said.out
