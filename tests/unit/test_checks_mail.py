"""What the checks say of the message: headers, parts, the way out, the sender."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.spam_score import find as spam_score
from tests.checking import found, looked_at, told
from tests.loopback.spamd import spamd

SETTINGS = "newsletter.toml"
SENDER = {"email": "news@example.org", "postal_address": "1 Example Street, London"}


# --- the way out -----------------------------------------------------------------------------------------------


def test_a_mail_without_a_visible_way_out_is_told() -> None:
    url = "https://news.example.org/unsubscribe/" + "t" * 60

    html = looked_at(html=lambda html: html.replace("unsubscribeurlend", "weburlend"))
    text = looked_at(text=lambda text: text.replace("unsubscribeurlend", "weburlend"))

    assert url in looked_at().filled.html
    assert [one.message for one in found(html, "unsubscribe-body")] == ["the HTML has no unsubscribe link"]
    assert [one.message for one in found(text, "unsubscribe-body")] == ["the text part has no unsubscribe link"]


def test_an_english_way_out_in_another_language_is_told() -> None:
    icelandic = {"name": "Net", "url": "https://news.example.org", "language": "is"}
    german = {**icelandic, "language": "de"}

    assert [one.level for one in found(looked_at(site=icelandic), "unsubscribe-body")] == ["warning"]
    assert found(looked_at(site=german), "unsubscribe-body") == []


def test_a_missing_postal_address_is_a_warning() -> None:
    none = looked_at(sender={"email": "news@example.org"})
    lost = looked_at(html=lambda html: html.replace("1 Example Street", ""))

    assert [told(one) for one in found(none, "postal-address")] == [("warning", SETTINGS)]
    assert found(lost, "postal-address")[0].where.startswith("templates/default/")


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({"List-Unsubscribe": None}, "missing"),
        ({"List-Unsubscribe": "<http://news.example.org/unsubscribe/" + "t" * 60 + ">"}, "https"),
        ({"List-Unsubscribe": "<https://news.example.org/leave>"}, "token"),
        ({"List-Unsubscribe-Post": "List-Unsubscribe=Yes"}, "one-click"),
        ({"List-Id": "weekly"}, "List-Id"),
        ({"List-Id": '"The week" <weekly.example.org>'}, None),
    ],
)
def test_list_headers_that_gmail_would_not_take_are_told(headers: dict[str, str | None], says: str | None) -> None:
    said = found(looked_at(headers=headers), "list-headers")

    assert [one.level for one in said] == ["error"] * (says is not None)
    assert all(str(says) in one.message for one in said)


@pytest.mark.parametrize(("provider", "level"), [("outbox", "warning"), ("postmark", "error")])
def test_a_site_that_only_this_machine_reaches_is_told_and_never_mailed_for_real(provider: str, level: str) -> None:
    site = {"name": "Example Network", "url": "http://127.0.0.1:8080", "language": "en-GB"}

    said = found(looked_at(site=site, provider={"name": provider}), "list-headers")

    assert [told(one) for one in said] == [(level, SETTINGS)]


# --- sender ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "levels"),
    [
        ({"From": '"X" <news@elsewhere.org>'}, ["error", "warning"]),
        ({"Message-ID": "<a@elsewhere.org>"}, ["warning"]),
        ({"Message-ID": "<a@mail.example.org>"}, []),
    ],
)
def test_a_sender_outside_its_domain_is_told(headers: dict[str, str | None], levels: list[str]) -> None:
    assert [one.level for one in found(looked_at(headers=headers), "from-alignment")] == levels


def test_a_sender_at_a_free_mail_provider_is_told() -> None:
    checked = looked_at(sender={**SENDER, "email": "our.club@gmail.com"})

    assert [told(one) for one in found(checked, "from-alignment")] == [("warning", SETTINGS)]


def test_an_internationalised_domain_is_its_own() -> None:
    assert found(looked_at(sender={**SENDER, "email": "news@bücher.example.org"}), "from-alignment") == []


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("weekly-2023-11-16:weekly:digest:examplenet", 0),
        ("a:b:c:d:examplenet", 1),
        ("weekly:abc", 1),
        ("0123456789abcdef012345:weekly:digest:examplenet", 0),
        ("weekly-2023-11-16.0123456789abcdef012345:digest:examplenet", 1),
    ],
)
def test_a_feedback_id_that_gmail_does_not_count_is_told(value: str, count: int) -> None:
    assert len(found(looked_at(headers={"Feedback-ID": value}), "feedback-id")) == count


# --- MIME ------------------------------------------------------------------------------------------------------


def spoiled(old: bytes, new: bytes) -> Checked:
    def spoil(mail: bytes) -> bytes:
        assert old in mail
        return mail.replace(old, new, 1)

    return looked_at(message=spoil)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nX-Long: " + b"x" * 1000 + b"\r\n", "998"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\n", "CRLF"),
        (b"MIME-Version: 1.0\r\n", "X-Näme: 1\r\n".encode(), "127"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nTo: a@example.org\r\n", "2 times"),
        (b"Date: ", b"X-Date: ", "date is missing"),
        (b"Subject: Winter", b"Subject: Summer", "read back"),
        (b"MIME-Version: 1.0\r\n", b"MIME-Version: 1.0\r\nX-Word: =?utf-8?B?" + b"QUJD" * 20 + b"?=\r\n", "75"),
        (b"text/plain", b"text/html", "RFC 2046"),
        (b"quoted-printable", b"8bit", "8bit"),
        (b"<h1", b"<h4", "otherwise"),
    ],
)
def test_a_message_that_does_not_travel_well_is_told(old: bytes, new: bytes, says: str) -> None:
    said = found(spoiled(old, new), "mime")

    assert any(says in one.message for one in said)
    assert {one.level for one in said} == {"error"}


@pytest.mark.parametrize(
    "subject", ["Überraschung – 三つの新しい案内 🎉 und noch ein paar Wörter mehr dazu", "x " * 40]
)
def test_a_long_subject_in_any_script_is_read_back_as_it_was_written(subject: str) -> None:
    assert found(looked_at(subject=subject), "mime") == []


def test_a_file_in_the_mail_and_a_link_to_a_program_are_told() -> None:
    part = b"\r\nContent-Type: application/pdf; name=plan.pdf\r\n\r\nx\r\n--=_n0Nce42"

    attached = looked_at(message=lambda mail: mail.replace(b"--=_n0Nce42--", b"--=_n0Nce42" + part + b"--"))
    linked = looked_at(
        html=lambda html: html.replace("</body>", '<a href="https://www.example.org/x.exe">x</a></body>')
    )

    assert [told(one)[0] for one in found(attached, "attachments")] == ["error"]
    assert [told(one)[0] for one in found(linked, "attachments")] == ["warning"]
    assert found(looked_at(), "attachments") == []


def test_a_link_that_only_the_themes_html_has_belongs_into_its_text_too() -> None:
    extra = '<a href="https://www.example.net/join">Join</a></body>'

    (told_once,) = found(looked_at(html=lambda html: html.replace("</body>", extra)), "text-part")

    assert "“Join” is not in the text part" in told_once.message
    assert told_once.fix == "what the theme adds to the mail stands in issue.txt.j2 too: write it there"


# --- SpamAssassin ----------------------------------------------------------------------------------------------

SPAM_TABLE = """\
Content analysis details:   (1.5 points, 5.0 required)

 pts rule name              description
---- ---------------------- --------------------------------------------------
"""


def a_program(folder: Path, monkeypatch: pytest.MonkeyPatch, report: str) -> None:
    program = folder / "bin" / "spamassassin"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat >/dev/null\ncat <<'END'\n{report}\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("rules", "levels"),
    [
        (" 3.1 DATE_IN_PAST_96 the date is long ago\n 0.1 HTML_MESSAGE BODY: HTML included in message", []),
        (" 2.5 BIG_LETTERS      BODY: letters are big", ["warning"]),
        (" 4.0 GAPPY_SUBJECT    Subject: contains G.a.p.p.y-T.e.x.t\n 2.0 LOTS_OF_MONEY Huge sums", ["error"]),
        ("1000 GTUBE                  BODY: Generic Test for Unsolicited Bulk Email", ["error"]),
        (" 0.2 NORMAL_HTTP_TO_IP      URI: URI host has a public\n                            4.0 address", []),
    ],
)
def test_spamassassin_s_verdict_counts_without_what_only_the_way_adds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rules: str, levels: list[str]
) -> None:
    a_program(tmp_path, monkeypatch, SPAM_TABLE + rules)

    assert [one.level for one in spam_score(looked_at())] == levels


def test_spamassassin_s_verdict_is_read_once_and_never_from_the_mail_that_it_repeats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = f"{SPAM_TABLE} 1.5 BIG_LETTERS            BODY: letters are big\n"
    a_program(tmp_path, monkeypatch, f"{verdict}\nSubject: x\n\n2.5 GB of photographs\n\n{verdict}")

    assert list(spam_score(looked_at())) == []


def test_spamassassin_learns_nothing_from_a_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_program(tmp_path, monkeypatch, SPAM_TABLE)
    program, learnt = tmp_path / "bin" / "spamassassin", tmp_path / "learnt"
    learning = f'case "$*" in *"use_bayes 0"*) ;; *) touch "{learnt}" ;; esac'
    program.write_text(program.read_text("utf-8").replace("cat >", f"{learning}\ncat >", 1))

    assert list(spam_score(looked_at())) == []
    assert not learnt.exists()


def spamc_for(port: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `spamc` is on the path, the real one, and it talks to this port; skips the test where there is none."""
    found = shutil.which("spamc")
    if found is None:
        pytest.skip("no spamc on this machine (on Debian: apt install spamc)")
    program = folder / "bin" / "spamc"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {found} -d 127.0.0.1 -p {port} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))


def test_where_only_spamc_is_its_daemon_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = looked_at()

    with spamd(f"{SPAM_TABLE} 4.0 GAPPY_SUBJECT    Subject: gappy\n 2.0 LOTS_OF_MONEY Huge sums\n") as daemon:
        spamc_for(daemon.port, tmp_path, monkeypatch)
        (found,) = spam_score(checked)

    ((asked, mail),) = daemon.asked
    assert asked.startswith("REPORT ")
    assert mail == checked.message
    assert (found.level, "6.0 points" in found.message) == ("error", True)


def test_a_daemon_that_is_not_there_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with spamd("") as daemon:
        port = daemon.port
    spamc_for(port, tmp_path, monkeypatch)

    assert list(spam_score(looked_at())) == []


@pytest.fixture
def real_spamd(tmp_path: Path) -> Iterator[int]:
    """The port of SpamAssassin's own daemon; skips the test where it is not installed."""
    program = shutil.which("spamd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("no spamd on this machine (on Debian: apt install spamd)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    tmp_path.chmod(0o777)
    options = ["--local", "--nouser-config", "--max-children=1", f"--helper-home-dir={tmp_path}", "--syslog=stderr"]
    command = [program, *options, "--listen=127.0.0.1", f"--port={port}"]
    command += ["--username=nobody"] if os.getuid() == 0 else []
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        assert any("server started on" in line for line in process.stderr)
        yield port
        process.terminate()


def test_the_real_daemon_finds_nothing_in_a_good_mail_and_much_in_a_bad_one(
    real_spamd: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = looked_at()
    gtube = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
    bad = replace(good, message=b"Subject: Roses\r\n\r\n" + gtube + b"\r\n")
    spamc_for(real_spamd, tmp_path, monkeypatch)

    assert list(spam_score(good)) == []
    assert [(one.level, "GTUBE" in one.message) for one in spam_score(bad)] == [("error", True)]


def test_without_spamassassin_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert list(spam_score(looked_at())) == []
