"""One reader's copy is the frozen email with that reader's values, in any packing."""

from __future__ import annotations

import email
import email.policy
import json
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.emails import mime
from newsletter.emails.fields import Fields, columns_of, fields_of
from newsletter.emails.markers import FIELDS, Markers, filled, marker, settled
from newsletter.emails.merge import compile_json, compile_mime
from newsletter.errors import BadInput
from newsletter.models import Email, Reader
from tests.factories import a_reader, utc

NONCE = "n0Nce42"
SENT_AT = utc(2023, 11, 16, 9)
ANY_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]))


def an_email(**values: object) -> Email:
    defaults: dict[str, object] = {
        "issue": "weekly-2023-11-16",
        "subject": "Three new guides",
        "preheader": "",
        "html": f'<p>{marker("name", NONCE, html=True)}</p><a href="{marker("unsubscribe_url", NONCE, html=True)}">',
        "text": f"Dear {marker('name', NONCE)},\n\n{marker('unsubscribe_url', NONCE)}\n",
        "web_html": "",
        "headers": (("From", '"The News" <news@example.org>'), ("To", marker("to", NONCE))),
        "nonce": NONCE,
    }
    return Email(**(defaults | values))


def values_of(
    name: str = "Ann", address: str = "ann@example.org", url: str = "https://news.example.org/u/a?b=1&c=2"
) -> Fields:
    return fields_of(
        a_reader(name, address), delivery_id="d-1", unsubscribe_url=url, web_url="https://news.example.org/i"
    )


def message_of(composed: Email, values: Fields) -> tuple[bytes, EmailMessage]:
    raw = b"".join(compile_mime(composed, sent_at=SENT_AT).letter(values))
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return raw, message


def part_of(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


# --- MIME ------------------------------------------------------------------------------------------------------


@given(before=ANY_TEXT, name=ANY_TEXT, after=ANY_TEXT)
def test_a_mime_message_says_exactly_what_the_frozen_email_says(before: str, name: str, after: str) -> None:
    text = f"{before}{marker('name', NONCE)}{after}\n.\nFrom here \n{marker('name', NONCE)}{marker('email', NONCE)}\n"
    html = f"<p>{marker('name', NONCE, html=True)}</p>{'long line ' * 200}"
    composed, values = an_email(text=text, html=html), values_of(name)

    raw, message = message_of(composed, values)

    expected = filled(composed, values)
    assert part_of(message, "plain") == expected.text
    assert part_of(message, "html") == expected.html
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78
    assert not any(line.startswith((b".", b"From ")) for line in raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n"))
    assert not set(b"\r\n") & set(raw.replace(b"\r\n", b""))


@pytest.mark.parametrize("length", range(60, 90))
def test_no_quoted_line_is_longer_than_76_whatever_the_length_of_a_value(length: int) -> None:
    for name in ("x" * length, "é" * length, "=" * length, "." * length, "a " * length):
        composed, values = an_email(), values_of(name)

        raw, message = message_of(composed, values)

        assert max(len(line) for line in raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n")) <= 76
        assert part_of(message, "plain") == filled(composed, values).text


@given(subject=ANY_TEXT)
def test_any_subject_survives_the_round_trip(subject: str) -> None:
    subject = " ".join(subject.split())

    raw, message = message_of(an_email(subject=subject), values_of())

    assert message["Subject"] == subject
    assert all(len(line) <= 78 for line in raw.split(b"\r\n\r\n", 1)[0].split(b"\r\n"))


def test_a_long_subject_keeps_its_spaces_between_encoded_words() -> None:
    subject = (
        "Größere Räume für alle … *|X|* ☕ und ein neuer Termin 🎉 im Mai, dazu drei Anleitungen für Anfänger ☕ hier"
    )

    _, message = message_of(an_email(subject=subject), values_of())

    assert message["Subject"] == subject


@pytest.mark.parametrize("subject", ["two  spaces", "=?utf-8?Q?no?= word", "x" * 300, "ascii words " * 20 + "end"])
def test_subjects_that_look_encoded_or_cannot_be_folded_arrive_as_written(subject: str) -> None:
    _, message = message_of(an_email(subject=subject), values_of())

    assert message["Subject"] == subject


@pytest.mark.parametrize("bad", ["two\nlines", "two\r\nBcc: x@example.org", "nul\x00", "next\x85line", "sep\u2028x"])
def test_a_line_break_in_a_header_is_refused(bad: str) -> None:
    with pytest.raises(BadInput, match="Subject"):
        compile_mime(an_email(subject=bad), sent_at=SENT_AT)


@pytest.mark.parametrize(
    "name",
    [
        "Ann",
        'Q "the" \\ Best',
        "Müller, Söhne & Co",
        "小さな庭",
        "a" * 90,
        "=?utf-8?Q?x?=",
        "O'Neil, Pat (HR)",
        "🎉 Party",
    ],
)
def test_the_to_header_names_the_reader_and_nobody_else(name: str) -> None:
    _, message = message_of(an_email(), values_of(name, "ann@example.org"))

    (address,) = message["To"].addresses
    assert address.addr_spec == "ann@example.org"
    # Python's own parser leaves the space between two encoded words of a name (RFC 2047 6.2 says: ignore it).
    assert address.display_name.replace(" ", "") == name.replace(" ", "")


def test_a_line_break_in_a_readers_name_cannot_add_a_header() -> None:
    raw, message = message_of(an_email(), values_of("Ann\r\nBcc: all@example.org\u2028x"))

    assert message["Bcc"] is None
    assert message["To"].addresses[0].display_name == "Ann Bcc: all@example.org x"
    assert raw.count(b"\r\nBcc") == 0


def test_an_internationalised_domain_travels_in_ascii() -> None:
    raw, message = message_of(an_email(), values_of("", "ann@bücher.example"))

    assert message["To"] == "ann@xn--bcher-kva.example"
    assert raw.isascii()


def test_an_address_of_a_page_beyond_ascii_is_encoded() -> None:
    values = values_of(url="https://bücher.example:8080/über uns?q=ä#teil")

    assert values.unsubscribe_url == "https://xn--bcher-kva.example:8080/%C3%BCber%20uns?q=%C3%A4#teil"


def test_the_text_part_comes_first_and_the_same_input_gives_the_same_bytes() -> None:
    raw, message = message_of(an_email(), values_of())
    again, _ = message_of(an_email(), values_of())

    assert raw == again
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message["Date"] == "Thu, 16 Nov 2023 09:00:00 +0000"


def test_readers_share_the_constant_bytes_and_nothing_else() -> None:
    segments = compile_mime(an_email(), sent_at=SENT_AT)

    ann = segments.letter(values_of("Ann", "ann@example.org"))
    bob = segments.letter(values_of("Bob", "bob@example.org"))

    assert b"Ann" in b"".join(ann)
    assert b"Ann" not in b"".join(bob)
    assert sum(len(one) for one, other in zip(ann, bob, strict=True) if one is other) > 400


HARD_NAMES = st.sampled_from(
    ["", "\\n", "\\\\n", "a\\nb", "a\nb", " Ann", "Ann ", "A  B", "\\", "<&>", '"', "\x00", "\ud800"]
)
HARD_ADDRESSES = st.sampled_from(["ann@example.org", "zoë@bücher.example", "\\n@example.org", "ann\n@example.org"])


@given(people=st.lists(st.tuples(ANY_TEXT | HARD_NAMES, HARD_ADDRESSES)))
def test_readers_get_the_same_together_as_each_alone(people: list[tuple[str, str]]) -> None:
    composed = an_email()
    as_json = compile_json({"to": marker("to", NONCE), "html": composed.html, "text": composed.text}, NONCE)
    readers = [Reader(f"s{number}", address, name, {}) for number, (name, address) in enumerate(people)]
    ids, tokens = [f"d.{one.subscriber_id}" for one in readers], [f"{one.subscriber_id}.x" for one in readers]

    together = columns_of(
        readers, delivery_ids=ids, unsubscribe_start="https://n.example/u/", leave_tokens=tokens, web_url="https://n"
    )

    alone = [
        fields_of(
            one, delivery_id=name, unsubscribe_url=f"https://n.example/u/{end}", web_url="https://n", leave_token=end
        )
        for one, name, end in zip(readers, ids, tokens, strict=True)
    ]
    assert [Fields(*(column[at] for column in together.values())) for at in range(len(readers))] == alone
    for segments in (as_json, compile_mime(composed, sent_at=SENT_AT)):
        assert segments.letters(together) == [segments.letter(one) for one in alone]
    assert [json.loads(b"".join(letter))["to"] for letter in as_json.letters(together)] == [one.to for one in alone]


# --- JSON ------------------------------------------------------------------------------------------------------


@given(name=ANY_TEXT, around=st.text(st.characters(codec="utf-8")))
def test_a_json_payload_says_what_the_frozen_email_says(name: str, around: str) -> None:
    composed, values = an_email(subject=around), values_of(name)
    payload = {
        "To": marker("to", NONCE),
        "Subject": composed.subject,
        "HtmlBody": composed.html,
        "TextBody": composed.text,
        "Headers": [{"Name": "List-Unsubscribe", "Value": f"<{marker('unsubscribe_url', NONCE)}>"}],
    }

    sent = json.loads(b"".join(compile_json(payload, NONCE).letter(values)))

    expected = filled(composed, values)
    assert sent["Subject"] == around
    assert sent["HtmlBody"] == expected.html
    assert sent["TextBody"] == expected.text
    assert sent["To"] == values.to
    assert sent["Headers"][0]["Value"] == "<https://news.example.org/u/a?b=1&c=2>"


def test_a_payload_without_fields_is_the_same_for_all() -> None:
    assert b"".join(compile_json({"a": "b"}, NONCE).letter(values_of("Ann"))) == b'{"a":"b"}'


def test_values_are_escaped_in_html_and_left_alone_in_text() -> None:
    copy = filled(an_email(), values_of('<b>"Ann" & Co</b>'))

    assert "<p>&lt;b&gt;&quot;Ann&quot; &amp; Co&lt;/b&gt;" in copy.html
    assert 'Dear <b>"Ann" & Co</b>,' in copy.text


# --- a provider's own merge --------------------------------------------------------------------------------------


def test_a_provider_that_merges_gets_its_own_variables_and_the_value_of_each() -> None:
    composed, markers = an_email(), Markers(NONCE)

    html, text = (markers.as_variables(part, "%recipient.{}%".format) for part in (composed.html, composed.text))
    values = markers.values(composed.html, composed.text)

    assert html == '<p>%recipient.name_html%</p><a href="%recipient.unsubscribe_url_html%">'
    assert text == "Dear %recipient.name%,\n\n%recipient.unsubscribe_url%\n"
    sent = json.loads(b"".join(compile_json(values, NONCE).letter(values_of("<b>", url="https://n.example/?a&b"))))
    assert sent == {
        "name": "<b>",
        "name_html": "&lt;b&gt;",
        "unsubscribe_url": "https://n.example/?a&b",
        "unsubscribe_url_html": "https://n.example/?a&amp;b",
    }


def test_what_all_readers_share_of_a_field_is_written_out_and_the_rest_is_left_to_be_merged() -> None:
    written = settled(an_email(), {"unsubscribe_url": f"https://n.example/?a&b={marker('leave_token', NONCE)}"})

    markers = Markers(NONCE)
    assert 'href="https://n.example/?a&amp;b={leave_token}"' in markers.as_variables(written.html, "{{{}}}".format)
    assert "\nhttps://n.example/?a&b={leave_token}\n" in markers.as_variables(written.text, "{{{}}}".format)
    assert list(markers.values(written.html, written.text)) == ["leave_token", "name", "name_html"]


def test_an_api_gets_the_address_as_it_travels_and_the_reader_sees_it_as_written() -> None:
    segments = compile_json({"to": marker("address", NONCE), "shown": marker("email", NONCE)}, NONCE)

    letter = json.loads(b"".join(segments.letter(values_of(address="zoë@bücher.example"))))

    assert letter == {"to": "zoë@xn--bcher-kva.example", "shown": "zoë@bücher.example"}


# --- markers ---------------------------------------------------------------------------------------------------


def test_a_marker_is_letters_and_digits_only() -> None:
    for field in FIELDS:
        assert marker(field, NONCE).isalnum()
        assert marker(field, NONCE, html=True) != marker(field, NONCE)


def test_a_marker_with_another_nonce_stays_text() -> None:
    forged = marker("email", "an0ther")
    composed = an_email(text=f"{forged}\n", html=f"<p>{forged}</p>")

    _, message = message_of(composed, values_of())

    assert part_of(message, "plain") == f"{forged}\n"
    assert part_of(message, "html") == f"<p>{forged}</p>"


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="unsubscribe_url"):
        marker("unsubscribe", NONCE)


def test_a_value_that_looks_like_a_marker_stays_text() -> None:
    copy = filled(an_email(), values_of(marker("email", NONCE)))

    assert f"Dear {marker('email', NONCE)}," in copy.text


def test_a_plain_mailbox_is_quoted() -> None:
    assert mime.mailbox("O'Neil, Pat", "p@example.org") == '"O\'Neil, Pat" <p@example.org>'
    assert mime.mailbox("", "p@example.org") == "p@example.org"
