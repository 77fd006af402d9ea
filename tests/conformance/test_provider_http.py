"""What broken and odd exchanges with an HTTP API mean."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.errors import BadInput
from newsletter.providers.base import Answer, Outcome
from newsletter.providers.body import WRITE_BYTES, Body
from newsletter.providers.http import MAX_RETRY_AFTER_S, Http, Reply, basic_auth, refusal, retry_after
from newsletter.providers.reasons import MAX_REASON_CHARS, Blanks, tidy_reason
from tests.loopback.api import ApiServer, Canned, Misdeed
from tests.loopback.postmark import PostmarkApi

NOW = datetime(2026, 11, 19, 9, 0, tzinfo=UTC)


def http(base_url: str) -> Http:
    return Http(base_url, headers={"X-Key": "canary"}, timeout_s=10, hide=("canary",))


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("0", 0.0),
        ("7", 7.0),
        ("1.5", 1.5),
        ("1000000000", MAX_RETRY_AFTER_S),
        ("inf", MAX_RETRY_AFTER_S),
        ("Thu, 19 Nov 2026 09:02:00 GMT", 120.0),
        ("Thu, 19 Nov 2026 08:00:00 GMT", 0.0),
        ("Thu, 19 Nov 2099 09:00:00 GMT", MAX_RETRY_AFTER_S),
        ("Thu, 99 Nov 2026 09:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_more_than_an_hour(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now=NOW) == seconds


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, None),
        (202, None),
        (301, Outcome.DENIED),
        (303, Outcome.UNSURE),
        (307, Outcome.DENIED),
        (400, Outcome.DENIED),
        (401, Outcome.DENIED),
        (402, Outcome.DENIED),
        (403, Outcome.DENIED),
        (404, Outcome.DENIED),
        (408, Outcome.UNSURE),
        (413, Outcome.DENIED),
        (429, Outcome.BUSY),
        (500, Outcome.UNSURE),
        (502, Outcome.UNSURE),
        (503, Outcome.UNSURE),
        (504, Outcome.UNSURE),
    ],
)
def test_a_status_is_sorted_by_what_the_caller_does_next(status: int, outcome: Outcome | None) -> None:
    answer = refusal(Reply(status, {}, b""), now=NOW)

    assert (answer and answer.outcome) == outcome


@pytest.mark.parametrize("said", ["", "Payload exceeds 50 MB"])
def test_a_call_that_is_too_large_says_what_to_set_whatever_the_provider_says(said: str) -> None:
    answer = refusal(Reply(413, {}, b""), now=NOW, said=said)

    assert answer is not None
    assert said in str(answer.reason)
    assert str(answer.reason).endswith("; set a smaller provider.batch_size")


def test_a_redirect_says_where_the_api_went() -> None:
    answer = refusal(Reply(308, {"Location": "https://eu.example.com/v2"}, b""), now=NOW)

    assert answer is not None
    assert "eu.example.com" in str(answer.reason)
    assert "provider.base_url" in str(answer.reason)


def test_a_refused_connection_is_busy(deaf_port: int) -> None:
    answer = http(f"http://127.0.0.1:{deaf_port}").post("/", [(b"body",)])

    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.BUSY
    assert "refused" in str(answer.reason)


def test_a_server_without_tls_behind_https_is_busy() -> None:
    with ApiServer(PostmarkApi()) as server:
        answer = http(server.url.replace("http:", "https:")).post("/email/batch", [(b"[]",)])

    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.BUSY
    assert server.bodies == []


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:http", "http://[::1", "http://", "api.example.org"])
def test_an_address_that_is_none_is_said_at_opening(base_url: str) -> None:
    with pytest.raises(BadInput, match=r"provider\.base_url"):
        http(base_url)


def test_a_connection_reset_in_mid_body_is_busy_because_the_call_was_never_whole() -> None:
    with ApiServer(PostmarkApi()) as server:
        server.misdeeds.append(Misdeed.CUT_EARLY)
        large = [(bytes(1_000_000),)] * 50

        answer = http(server.url).post("/email/batch", large)

    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.BUSY


def test_a_body_has_left_only_when_its_last_chunk_was_asked_for() -> None:
    body = Body([(b"[", b"1"), (b",2",), (b"]",)])

    seen = [(chunk, body.has_left) for chunk in body]

    assert seen == [(b"[1,2", False), (b"]", True)]
    assert len(body) == 5


def test_a_large_body_is_never_whole_in_memory() -> None:
    letters = [(b"x" * 70_000,)] * 100

    written = [len(chunk) for chunk in Body([*letters, (b"]",)])]

    assert sum(written) == 7_000_001
    assert max(written) < WRITE_BYTES + 70_000


def test_a_connection_that_the_server_has_closed_meanwhile_is_opened_anew() -> None:
    with ApiServer(PostmarkApi()) as first:
        web = http(first.url)
        web.post("/email/batch", [(b"[]",)])
        port = first.port
    with ApiServer(PostmarkApi(), port=port):
        reply = web.post("/email/batch", [(b"[]",)])

    assert isinstance(reply, Reply)


@pytest.mark.parametrize("answer", [b"", b"{}"])
def test_a_connection_whose_answer_was_read_to_its_end_carries_the_next_call(answer: bytes) -> None:
    with ApiServer(PostmarkApi()) as server:
        server.misdeeds += [Canned(202, answer)] * 2
        web = http(server.url)

        replies = [web.post("/email/batch", [(b"[]",)]) for _ in range(2)]

    assert [reply.body for reply in replies if isinstance(reply, Reply)] == [answer] * 2
    assert server.connections == 1


def test_what_the_server_repeats_of_the_key_is_blanked() -> None:
    with ApiServer(PostmarkApi()) as server:
        server.misdeeds.append(Canned(200, b"your key canary is odd"))

        reply = http(server.url).post("/email/batch", [(b"[]",)])

    assert isinstance(reply, Reply)
    assert reply.body == b"your key ... is odd"


@pytest.mark.parametrize(
    "written",
    [
        r'a"key\with/odd+signs=',
        r"a\"key\\with/odd+signs=",
        r"a\"key\\with\/odd+signs=",
        r"a\u0022key\\with\/odd\u002Bsigns\u003d",
    ],
)
def test_a_key_is_blanked_whichever_of_its_characters_are_escaped(written: str) -> None:
    assert Blanks([r'a"key\with/odd+signs=']).over(f"key {written} is odd".encode()) == b"key ... is odd"


def test_a_short_key_of_a_trial_costs_no_answer() -> None:
    assert Blanks(["id", "x", ""]).over(b'{"id": "x"}') == b'{"id": "x"}'


def test_a_forgotten_netrc_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("default login someone password forgotten\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    with ApiServer(PostmarkApi()) as server:
        http(server.url).post("/email/batch", [(b"[]",)])

    assert "authorization" not in server.requests[0].headers
    assert server.requests[0].headers["x-key"] == "canary"


def test_the_body_has_a_length_and_no_other_framing() -> None:
    with ApiServer(PostmarkApi()) as server:
        http(server.url).post("/email/batch", [(b"[", b"1"), (b"]",)])

    assert server.requests[0].headers["content-length"] == "3"
    assert "transfer-encoding" not in server.requests[0].headers


def test_headers_of_one_call_are_not_those_of_the_next() -> None:
    with ApiServer(PostmarkApi()) as server:
        api = http(server.url)
        api.post("/email/batch", [(b"[]",)], headers={"Idempotency-Key": "first", "X-Key": "other"})
        api.post("/email/batch", [(b"[1]",)])

    first, second = (request.headers for request in server.requests)
    assert (first["idempotency-key"], first["x-key"], first["content-length"]) == ("first", "other", "2")
    assert ("idempotency-key" in second, second["x-key"], second["content-length"]) == (False, "canary", "3")


def test_a_server_on_this_machine_is_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch, deaf_port: int) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{deaf_port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    with ApiServer(PostmarkApi()) as server:
        reply = http(server.url).post("/email/batch", [(b"[]",)])

    assert isinstance(reply, Reply)


def test_the_proxy_of_the_environment_is_used_and_its_absence_is_busy(
    monkeypatch: pytest.MonkeyPatch, deaf_port: int
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{deaf_port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    answer = http("http://api.example.org").post("/", [(b"body",)])

    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.BUSY


@pytest.mark.parametrize("proxy", ["ftp://proxy.example.org", "http://", "http://[::1"])
def test_a_proxy_that_is_none_stops_the_run(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    answer = http("http://api.example.org").post("/", [(b"body",)])

    assert isinstance(answer, Answer)
    assert answer.outcome is Outcome.DENIED


def test_a_proxy_is_told_its_own_password_and_whom_the_call_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with ApiServer(PostmarkApi()) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("http://", "http://editor:word@"))

        reply = http("http://api.example.org").post("/email/batch", [(b"[]",)])

    assert isinstance(reply, Reply)
    headers = proxy.requests[0].headers
    assert (headers["host"], headers["proxy-authorization"]) == ("api.example.org", basic_auth("editor", "word"))


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("Found inactive addresses: a.person@example.org.", "Found inactive addresses: a…@example.org."),
        (b"550 5.1.1 <b@c.example>: unknown\r\nuser\t\x00", "550 5.1.1 <b…@c.example>: unknown user"),
        ("key s3cr3t-key and czNjcjN0LWtleQ== too", "key … and … too"),
        (b"caf\xe9", "caf�"),
    ],
)
def test_a_reason_is_one_line_without_addresses_and_secrets(text: str | bytes, tidy: str) -> None:
    assert tidy_reason(text, hide=["s3cr3t-key", ""]) == tidy


def test_a_reason_is_short() -> None:
    assert len(tidy_reason("x" * 10_000)) == MAX_REASON_CHARS
