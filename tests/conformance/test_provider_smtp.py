"""What is particular to SMTP: connections, replies, addresses, and letters on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import BadInput
from newsletter.providers import open_provider
from newsletter.providers.base import Answer, Letter, Outcome, Provider
from newsletter.providers.smtp import LETTERS_PER_CONNECTION
from newsletter.providers.smtp_conversation import Wire, envelope_address
from newsletter.providers.smtp_replies import SmtpReply, on_final_dot, on_letter, queue_id
from tests.conformance.stand import ISSUE, PASSWORD, an_email, compose, settings_for
from tests.loopback.smtp import CERTIFICATE, SmtpServer


def provider_for(server: SmtpServer, folder: Path, **settings: Any) -> Provider:
    wanted = {"name": "smtp", "host": "127.0.0.1", "port": server.port, "security": "none"}
    return open_provider(settings_for(folder, **wanted | settings))


def send(provider: Provider, *addresses: str) -> list[Answer]:
    return provider.send(compose(provider, an_email(), addresses), issue=ISSUE)


def outcomes(answers: Sequence[Answer]) -> list[Outcome]:
    return [answer.outcome for answer in answers]


# --- settings and connections -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({}, "provider.host"),
        ({"host": "h", "username": "u"}, "NEWSLETTER_PROVIDER__PASSWORD"),
        ({"host": "h", "password": "p"}, "NEWSLETTER_PROVIDER__USERNAME"),
    ],
)
def test_what_is_missing_in_the_settings_is_named(settings: dict[str, str], missing: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=missing):
        open_provider(settings_for(tmp_path, name="smtp", **settings))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_with_an_unknown_certificate_gets_no_letter_and_no_password(security: Any, tmp_path: Path) -> None:
    with SmtpServer(security=security, login=("editor", PASSWORD)) as server:
        provider = provider_for(server, tmp_path, security=security, username="editor", password=PASSWORD)

        (answer,) = send(provider, "a@example.net")

    assert answer.outcome is Outcome.BUSY
    assert "certificate" in str(answer.reason)
    assert server.taken == []


def test_a_server_whose_certificate_is_known_by_ssl_cert_file_is_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with SmtpServer(security="starttls") as server:
        (answer,) = send(provider_for(server, tmp_path, security="starttls"), "a@example.net")

    assert answer.outcome is Outcome.ACCEPTED


def test_nothing_is_sent_in_the_clear_where_starttls_is_wanted_and_not_offered(tmp_path: Path) -> None:
    with SmtpServer() as server:
        (answer,) = send(provider_for(server, tmp_path, security="starttls"), "a@example.net")

    assert answer.outcome is Outcome.DENIED
    assert "provider.security" in str(answer.reason)
    assert server.taken == []


def test_a_login_that_the_server_does_not_offer_stops_the_run(tmp_path: Path) -> None:
    with SmtpServer() as server:
        (answer,) = send(provider_for(server, tmp_path, username="u", password="päss"), "a@example.net")

    assert answer.outcome is Outcome.DENIED


def test_a_server_that_wants_a_login_and_gets_none_stops_the_run(tmp_path: Path) -> None:
    with SmtpServer(login=("editor", PASSWORD)) as server:
        answers = send(provider_for(server, tmp_path), "a@example.net", "b@example.net")

    assert outcomes(answers) == [Outcome.DENIED] * 2


def test_a_connection_carries_many_calls(tmp_path: Path) -> None:
    with SmtpServer() as server:
        provider = provider_for(server, tmp_path)

        for number in range(10):
            send(provider, f"a{number}@example.net", f"b{number}@example.net")

        assert server.connections == 1
        assert len(server.taken) == 20


def test_a_connection_that_the_server_dropped_while_idle_is_made_anew(tmp_path: Path) -> None:
    with SmtpServer() as server:
        provider = provider_for(server, tmp_path)
        send(provider, "a@example.net")
        server.drop_idle()

        answers = send(provider, "b@example.net")

        assert outcomes(answers) == [Outcome.ACCEPTED]
        assert server.connections == 2


def test_a_connection_is_given_up_before_the_server_has_had_enough(tmp_path: Path) -> None:
    with SmtpServer() as server:
        provider = provider_for(server, tmp_path)

        for _ in range(LETTERS_PER_CONNECTION // 10 + 1):
            send(provider, *(f"a{number}@example.net" for number in range(10)))

        assert server.connections == 2


def test_several_threads_may_send_at_once(tmp_path: Path) -> None:
    with SmtpServer() as server:
        provider = provider_for(server, tmp_path)

        with ThreadPoolExecutor(4) as pool:
            groups = [[f"t{thread}n{number}@example.net" for number in range(5)] for thread in range(8)]
            answers = list(pool.map(lambda group: send(provider, *group), groups))

        assert all(outcomes(group) == [Outcome.ACCEPTED] * 5 for group in answers)
        assert len({taken.recipients for taken in server.taken}) == 40


def test_bounces_go_to_the_sender_of_the_settings(tmp_path: Path) -> None:
    with SmtpServer() as server:
        send(provider_for(server, tmp_path), "a@example.net")

    assert server.taken[0].sender == "news@example.org"


def test_a_letter_that_is_too_big_for_the_server_is_not_sent_at_all(tmp_path: Path) -> None:
    with SmtpServer(size_limit=500) as server:
        answers = send(provider_for(server, tmp_path), "a@example.net", "b@example.net")

    assert outcomes(answers) == [Outcome.DENIED] * 2
    assert "500" in str(answers[0].reason)


# --- addresses --------------------------------------------------------------------------------------------------


def test_an_internationalised_mailbox_is_reached_where_the_server_can(tmp_path: Path) -> None:
    with SmtpServer(smtputf8=True) as server:
        answers = send(provider_for(server, tmp_path), "jürgen@example.net", "b@example.net")

    assert outcomes(answers) == [Outcome.ACCEPTED] * 2
    assert server.taken[0].recipients == ("jürgen@example.net",)
    assert "SMTPUTF8" in server.taken[0].options
    assert "SMTPUTF8" not in server.taken[1].options


def test_an_internationalised_mailbox_is_refused_alone_where_the_server_cannot(tmp_path: Path) -> None:
    with SmtpServer() as server:
        answers = send(provider_for(server, tmp_path), "jürgen@example.net", "b@example.net")

    assert outcomes(answers) == [Outcome.REFUSED, Outcome.ACCEPTED]
    assert "SMTPUTF8" in str(answers[0].reason)


@pytest.mark.parametrize(
    ("address", "on_the_wire"),
    [
        ("a@example.net", "a@example.net"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("jürgen@bücher.example", "jürgen@bücher.example"),
        ("a@b@example.net", ""),
        ("a b@example.net", ""),
        ("a@example.net>\r\nRCPT TO:<b@example.net", ""),
        ("<a@example.net>", ""),
        ("nobody", ""),
        ("", ""),
        ("ü@", ""),
    ],
)
def test_an_address_cannot_say_more_than_an_address(address: str, on_the_wire: str) -> None:
    assert envelope_address(address) == on_the_wire


def test_an_address_that_smtp_cannot_carry_is_refused_alone(tmp_path: Path) -> None:
    letters = [Letter("d.0", "a b@example.net", [b"To: x\r\n\r\n"]), Letter("d.1", "b@example.net", [b"To: x\r\n\r\n"])]

    with SmtpServer() as server:
        answers = provider_for(server, tmp_path).send(letters, issue=ISSUE)

    assert outcomes(answers) == [Outcome.REFUSED, Outcome.ACCEPTED]


# --- letters on the wire ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "wire"),
    [
        ([b"a\r\n", b"b\r\n"], b"a\r\nb\r\n"),
        ([b"a\r\n", b".b\r\n"], b"a\r\n..b\r\n"),
        ([b"a\r", b"\n", b".", b"\r\n"], b"a\r\n..\r\n"),
        ([b"a\r\n", b".", b"\r\n", b"b\r\n"], b"a\r\n..\r\nb\r\n"),
        ([b"a\r", b"b\n"], b"a\r\nb\r\n"),
        ([b".a\r\n..b\r\n"], b"..a\r\n...b\r\n"),
        ([b"a\n.\nb\r"], b"a\r\n..\r\nb\r\n"),
        ([b"a"], b"a\r\n"),
        ([], b"\r\n"),
    ],
)
def test_a_letter_cannot_end_itself_early(parts: list[bytes], wire: bytes) -> None:
    assert Wire().form(parts) == (wire, True)


PIECE = st.text("a.\r\né", max_size=5).map(str.encode)


@given(shared=st.lists(PIECE, max_size=6), letters=st.lists(st.lists(st.none() | PIECE, max_size=6), max_size=4))
def test_a_letter_looks_the_same_whatever_went_over_the_wire_before(
    shared: list[bytes], letters: list[list[bytes | None]]
) -> None:
    wire = Wire()

    for letter in letters:
        parts = [common if own is None else own for own, common in zip(letter, shared, strict=False)]
        assert wire.form(parts) == Wire().form([b"".join(parts)])


@pytest.mark.parametrize("offers", [(), ("PIPELINING",)])
def test_dots_and_odd_line_ends_arrive_as_lines(offers: tuple[str, ...], tmp_path: Path) -> None:
    letter = Letter("d.0", "a@example.net", [b"To: a\r\n\r\n", b".\r\n", b"..two\r\n", b"one\n.\nend"])

    with SmtpServer(offers=offers) as server:
        answers = provider_for(server, tmp_path).send([letter], issue=ISSUE)

    assert outcomes(answers) == [Outcome.ACCEPTED]
    assert server.taken[0].content == b"To: a\r\n\r\n.\r\n..two\r\none\r\n.\r\nend\r\n"


def test_a_server_that_takes_data_after_a_refused_recipient_gets_no_letter(tmp_path: Path) -> None:
    with SmtpServer(offers=("PIPELINING",)) as server:
        server.refused["a@example.net"] = "550 5.1.1 unknown"
        server.at["DATA"].append("354 go on all the same")

        answers = send(provider_for(server, tmp_path), "a@example.net", "b@example.net")

    assert answers[0].outcome is Outcome.REFUSED
    assert [taken.recipients for taken in server.taken if taken.recipients != ("b@example.net",)] == []


@pytest.mark.parametrize("refusal", ["451 4.3.0 later", "550 5.1.8 no such sender"])
def test_a_server_that_refuses_the_sender_and_goes_on_delivers_no_empty_letter(refusal: str, tmp_path: Path) -> None:
    with SmtpServer(offers=("PIPELINING",)) as server:
        server.forgets_refusals = True
        server.at["MAIL"].append(refusal)

        send(provider_for(server, tmp_path), "a@example.net")

    assert server.taken == []


# --- replies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("550 5.1.1 <a@example.net>: no such user", Outcome.REFUSED),
        ("550 no such user", Outcome.REFUSED),
        ("553 5.1.3 bad address syntax", Outcome.REFUSED),
        ("552 5.2.2 mailbox full", Outcome.REFUSED),
        ("554 5.7.1 this recipient takes no mail from lists", Outcome.REFUSED),
        ("450 4.2.0 greylisted", Outcome.BUSY),
        ("452 4.3.1 insufficient storage", Outcome.BUSY),
        ("421 4.7.0 too many messages", Outcome.BUSY),
        ("550 5.7.515 access denied, sending domain does not pass", Outcome.DENIED),
        ("550 5.7.26 unauthenticated sender domain", Outcome.DENIED),
        ("530 5.7.0 must issue a STARTTLS command first", Outcome.DENIED),
        ("535 5.7.8 bad credentials", Outcome.DENIED),
        ("554 5.7.1 <a@example.net>: Relay access denied", Outcome.DENIED),
        ("550 relay not permitted", Outcome.DENIED),
        ("553 5.7.1 <news@example.org>: Sender address rejected: not owned by user editor", Outcome.DENIED),
        ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using a list", Outcome.DENIED),
        ("550 5.1.8 sender domain has no DNS", Outcome.DENIED),
        ("552 5.3.4 message size exceeds fixed limit", Outcome.DENIED),
    ],
)
def test_a_refusal_of_one_recipient_is_told_from_one_that_everybody_would_get(reply: str, outcome: Outcome) -> None:
    code, _, text = reply.partition(" ")

    assert on_letter(SmtpReply(int(code), text.encode())).outcome is outcome


@pytest.mark.parametrize("code", [-1, 0, 100, 354, 600, 999])
def test_nonsense_after_the_letter_leaves_it_in_doubt(code: int) -> None:
    assert on_final_dot(SmtpReply(code, b"")).outcome is Outcome.UNSURE


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2.0.0 Ok: queued as 4F2D81A3C7", "4F2D81A3C7"),
        ("OK id=1tBcDe-000000001Xy-2abc", "1tBcDe-000000001Xy-2abc"),
        ("Ok 0100018f2b3c4d5e-6f7a-000000", "0100018f2b3c4d5e-6f7a-000000"),
        ("2.0.0 r1A2b3C4 Message accepted for delivery", "2.0.0 r1A2b3C4 Message accepted for delivery"),
        ("OK", "OK"),
    ],
)
def test_the_name_that_the_server_gave_a_letter_is_kept(text: str, name: str) -> None:
    assert queue_id(SmtpReply(250, text.encode())) == name
