"""Signed calls are those that botocore would sign."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore import credentials
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from newsletter.providers.sigv4 import Credentials, Scope, body_sha256, host_of, signed

NOW = datetime(2026, 11, 19, 9, 5, 7, tzinfo=UTC)
SCOPE = Scope("eu-west-1", "ses")
LASTING = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
TEMPORARY = LASTING._replace(session_token="IQoJb3JpZ2luX2VjEXAMPLE==")


def by_botocore(method: str, url: str, body: bytes, headers: dict[str, str], by: Credentials) -> str:
    signer = SigV4Auth(credentials.Credentials(*by), SCOPE.service, SCOPE.region)
    sent = {**headers, "X-Amz-Date": "20261119T090507Z"}
    if by.session_token:
        sent["X-Amz-Security-Token"] = by.session_token
    request = AWSRequest(method=method, url=url, data=body, headers=sent)
    request.context["timestamp"] = "20261119T090507Z"
    string = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(string, request))


@pytest.mark.parametrize("by", [LASTING, TEMPORARY], ids=["lasting", "temporary"])
@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("POST", "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails", b'{"a":"\xc3\xa9"}'),
        ("GET", "https://email.eu-west-1.amazonaws.com/v2/email/account", b""),
        ("POST", "http://127.0.0.1:8600/proxy/v2/email/outbound-emails", b"x" * 100_000),
        ("GET", "https://ses.example.org:443/v2/email/account", b""),
        ("GET", "http://ses.example.org", b""),
    ],
)
def test_a_signature_is_botocores(method: str, url: str, body: bytes, by: Credentials) -> None:
    headers = {"Content-Type": "application/json", "X-Odd": "  two   spaces "}

    sent = signed(method, url, body_sha256([(body,)]), headers=headers, by=by, scope=SCOPE, now=NOW)

    assert sent["Authorization"].partition("Signature=")[2] == by_botocore(method, url, body, headers, by)
    assert sent["X-Amz-Date"] == "20261119T090507Z"


def test_a_body_in_chunks_has_the_hash_of_the_whole() -> None:
    assert body_sha256([(b"one ", b"two "), (b"three",)]) == body_sha256([(b"one two three",)])


def test_the_moment_is_told_in_utc_whatever_zone_it_is_given_in() -> None:
    moment = datetime.fromisoformat("2026-11-19T10:05:07+01:00")

    sent = signed("GET", "https://x.example", body_sha256([]), headers={}, by=LASTING, scope=SCOPE, now=moment)

    assert sent["X-Amz-Date"] == "20261119T090507Z"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example/x", "a.example"),
        ("https://a.example:443/x", "a.example"),
        ("http://a.example:443/x", "a.example:443"),
        ("http://127.0.0.1:8600", "127.0.0.1:8600"),
        ("https://user:word@a.example", "a.example"),
        ("http://[::1]:8600", "[::1]:8600"),
        ("http://[::1]", "[::1]"),
    ],
)
def test_the_host_is_the_one_that_a_client_names(url: str, host: str) -> None:
    assert host_of(url) == host
