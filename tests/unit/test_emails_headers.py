"""The headers that big receivers want, read back from the whole message as it would leave."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from newsletter.emails import merge
from newsletter.emails.fields import fields_of
from newsletter.emails.render import render
from newsletter.errors import BadInput
from newsletter.settings_file import load
from tests.factories import a_content, a_post, a_reader, a_site, an_issue, utc


def letter(folder: Path, *, name: str = "Ann Other", subject: str = "Three guides", **sections: Any) -> bytes:
    posts = {"one": (a_post("one"), a_content())}
    settings = a_site(folder, **sections)
    email = render(an_issue("one", subject=subject), posts, settings=settings, nonce="n0Nce42")
    urls = {"unsubscribe_url": "https://news.example.org/unsubscribe/token", "web_url": "https://news.example.org/i/1"}
    values = fields_of(a_reader(name), delivery_id="weekly-2023-11-16.s1", **urls)
    return b"".join(merge.compile_mime(email, sent_at=utc(2023, 11, 16, 9)).letter(values))


def message(folder: Path, **sections: Any) -> EmailMessage:
    parsed = message_from_bytes(letter(folder, **sections), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def mailbox(value: str) -> tuple[str, str]:
    """Name and address, decoded; not by `policy.default`, which in Python 3.11 puts spaces between encoded words."""
    name, address = parseaddr(value)
    return str(make_header(decode_header(name))), address


def test_each_header_that_must_be_single_is_there_once(tmp_path: Path) -> None:
    made = message(
        tmp_path, sender={"email": "news@example.org", "reply_to": "e@example.org", "feedback_id": "example1"}
    )

    for name in (
        "From",
        "Reply-To",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "List-Id",
        "List-Unsubscribe",
        "Feedback-ID",
    ):
        assert len(made.get_all(name, [])) == 1, name


def test_one_click_unsubscribing_is_offered_as_rfc_8058_says(tmp_path: Path) -> None:
    made = message(tmp_path, sender={"email": "news@example.org", "unsubscribe_email": "leave@example.org"})

    first, second = str(made["List-Unsubscribe"]).split(", ")
    assert first == "<https://news.example.org/unsubscribe/token>"
    assert second == "<mailto:leave@example.org?subject=unsubscribe>"
    assert made["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_list_has_a_stable_id_of_its_digest(tmp_path: Path) -> None:
    assert message(tmp_path)["List-Id"] == '"The week" <weekly.example.org>'


def test_feedback_id_names_issue_digest_kind_and_sender_and_no_reader(tmp_path: Path) -> None:
    made = message(tmp_path, sender={"email": "news@example.org", "feedback_id": "example1"})

    assert made["Feedback-ID"] == "weekly-2023-11-16:weekly:digest:example1"


def test_without_a_sender_id_there_is_no_feedback_id(tmp_path: Path) -> None:
    assert message(tmp_path)["Feedback-ID"] is None


@pytest.mark.parametrize("value", ["abcd", "a" * 16, "with space", "a:b:c"])
def test_a_sender_id_that_google_would_not_take_is_told_at_load(value: str, tmp_path: Path) -> None:
    text = f'[site]\nname = "N"\n[sender]\nemail = "news@example.org"\nfeedback_id = "{value}"\n'
    (tmp_path / "newsletter.toml").write_text(text)

    with pytest.raises(BadInput, match=r"newsletter\.toml:5: sender\.feedback_id"):
        load(tmp_path, environ={})


def test_a_digest_quiets_robots_but_is_not_called_an_automatic_answer(tmp_path: Path) -> None:
    made = message(tmp_path)

    assert made["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert made["Auto-Submitted"] is None


def test_message_id_and_date_are_of_this_delivery(tmp_path: Path) -> None:
    made = message(tmp_path)

    assert made["Message-ID"] == "<weekly-2023-11-16.s1@example.org>"
    assert parsedate_to_datetime(str(made["Date"])) == utc(2023, 11, 16, 9)


@pytest.mark.parametrize("words", ["Æblegrød " * 12, "週報の見出し" * 12, "=?utf-8?q?x?= trap", "a  b", "🗞️" * 30])
def test_subject_and_names_arrive_as_they_were_written(words: str, tmp_path: Path) -> None:
    words = " ".join(words.split())

    content = letter(tmp_path, name=words, subject=words, sender={"email": "news@example.org", "name": words})

    made = message_from_bytes(content)
    assert str(make_header(decode_header(made["Subject"]))) == words
    assert mailbox(made["From"]) == (words, "news@example.org")
    assert mailbox(made["To"]) == (words, "ann@example.org")
    assert max(len(line) for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n")) <= 78
