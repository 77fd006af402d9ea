"""What leaves by SMTP is signed so that others believe it; a key that cannot sign is told before any mail."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import BadInput
from newsletter.providers.dkim import Signer, open_signer
from newsletter.providers.smtp import Smtp
from newsletter.settings_file import load
from tests.conformance.stand import an_email, compose
from tests.factories import a_site
from tests.loopback.smtp import SmtpServer

LETTER = b"From: a@example.org\r\nTo: b@example.net\r\nSubject: Hello\r\nDate: x\r\nMessage-ID: <1@x>\r\n\r\nText.\r\n"
RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()


def pem(key: Any, lock: KeySerializationEncryption | None = None) -> bytes:
    written: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock or NoEncryption())
    return written


def published(key: Any) -> bytes:
    """What stands in DNS for the key."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        kind, raw = b"ed25519", key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return b"v=DKIM1; k=%s; p=%s" % (kind, dkimpy.base64.b64encode(raw))
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=%s" % dkimpy.base64.b64encode(der)


def is_believed(message: bytes, key: Any, *, at: bytes = b"mail._domainkey.example.org.") -> bool:
    def dns(name: bytes, timeout: int = 5) -> bytes | None:
        return published(key) if name == at else None

    return bool(dkimpy.verify(message, dnsfunc=dns))


def signed(content: bytes, key: Any = RSA) -> bytes:
    return Signer(key, domain="example.org", selector="mail").header(content) + content


def site_with_key(folder: Path, content: bytes, **sender: Any) -> Any:
    (folder / "data").mkdir()
    (folder / "data" / "dkim.key").write_bytes(content)
    return a_site(folder, sender={"email": "news@example.org", "dkim_selector": "mail"} | sender)


# --- signatures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [RSA, ED25519])
def test_a_digest_that_leaves_by_smtp_is_believed(key: Any, tmp_path: Path) -> None:
    settings = site_with_key(tmp_path, pem(key))
    email = an_email(subject="Ein langer Betreff mit Ümläuten, der über mehrere Zeilen geht, und noch etwas mehr")
    email = email.model_copy(update={"headers": (*email.headers, ("Feedback-ID", "i:weekly:digest:example1"))})
    with SmtpServer() as server:
        provider = {"name": "smtp", "host": "127.0.0.1", "port": server.port, "security": "none"}
        smtp = Smtp.open(settings.model_copy(update={"provider": settings.provider.model_copy(update=provider)}))

        smtp.send(compose(smtp, email, ["a@example.net", "b@example.net"]), issue="i")

    assert len(server.taken) == 2
    for taken in server.taken:
        assert is_believed(taken.content, key)
        assert not is_believed(taken.content.replace(b"Hello", b"Hullo"), key)
        names = re.sub(rb"\s", b"", taken.content.partition(b" h=")[2].partition(b";")[0]).lower().split(b":")
        for name in (b"from", b"to", b"subject", b"date", b"message-id", b"list-unsubscribe", b"feedback-id"):
            assert name in names
        assert names.count(b"list-unsubscribe-post") == 2
        assert max(len(line) for line in taken.content.partition(b"\r\n\r\n")[0].split(b"\r\n")) <= 78


@pytest.mark.parametrize("added", [b"Subject: Another\r\n", b"From: c@example.com\r\n", b"Reply-To: c@example.com\r\n"])
def test_a_header_added_on_the_way_breaks_the_signature(added: bytes) -> None:
    message = signed(LETTER)

    assert is_believed(message, RSA)
    assert not is_believed(added + message, RSA)


header_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
body_lines = st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30), max_size=6)


@given(subject=header_text, folded=header_text, body=body_lines)
def test_any_letter_is_believed_by_the_other_implementation(subject: str, folded: str, body: list[str]) -> None:
    head = f"Subject: {subject}\r\n \t{folded}x\r\nFROM:a@example.org \r\nX-Other: y\r\n\r\n"
    content = head.encode() + "\r\n".join([*body, ""]).encode()

    assert is_believed(signed(content, ED25519), ED25519)


def test_a_signature_is_the_same_for_the_same_letter() -> None:
    assert signed(LETTER) == signed(LETTER)


# --- settings ---------------------------------------------------------------------------------------------------


def test_without_a_selector_nothing_is_signed(tmp_path: Path) -> None:
    assert open_signer(a_site(tmp_path)) is None


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"", "no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
        (pem(rsa.generate_private_key(65537, 1024))[:200], "no private key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither an RSA nor an Ed25519"),
        (pem(RSA, BestAvailableEncryption(b"secret")), "pass phrase"),
        (RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "no private key"),
    ],
)
def test_a_key_that_cannot_sign_is_told_before_the_first_mail(content: bytes, wanted: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=wanted):
        open_signer(site_with_key(tmp_path, content))


def test_a_missing_key_is_told_with_the_command_that_makes_one(tmp_path: Path) -> None:
    settings = a_site(tmp_path, sender={"email": "news@example.org", "dkim_selector": "mail"})

    with pytest.raises(BadInput, match=r"dkim\.key: cannot be read") as caught:
        open_signer(settings)

    assert "openssl genrsa" in str(caught.value.fix)


def test_a_domain_that_dmarc_would_not_count_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="DMARC"):
        open_signer(site_with_key(tmp_path, pem(RSA), dkim_domain="example.com"))


@pytest.mark.parametrize(
    ("email", "domain", "signed_for"),
    [("a@mail.example.org", "example.org", b"example.org"), ("a@bücher.example", "", b"xn--bcher-kva.example")],
)
def test_the_domain_above_the_senders_may_sign(email: str, domain: str, signed_for: bytes, tmp_path: Path) -> None:
    signer = open_signer(site_with_key(tmp_path, pem(ED25519), email=email, dkim_domain=domain))

    assert signer is not None
    message = signer.header(LETTER) + LETTER
    assert is_believed(message, ED25519, at=b"mail._domainkey." + signed_for + b".")


def test_a_key_without_a_selector_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"sender\.dkim_selector"):
        open_signer(a_site(tmp_path, sender={"email": "news@example.org", "dkim_key_file": "my.key"}))


def test_the_key_is_named_by_the_environment_and_never_in_the_settings_file(tmp_path: Path) -> None:
    text = '[site]\nname = "N"\n[sender]\nemail = "news@example.org"\ndkim_selector = "mail"\n'
    (tmp_path / "newsletter.toml").write_text(text)
    (tmp_path / "my.key").write_bytes(pem(ED25519))

    settings = load(tmp_path, environ={"NEWSLETTER_SENDER__DKIM_KEY_FILE": "my.key"})

    assert open_signer(settings) is not None
    (tmp_path / "newsletter.toml").write_text(text + 'dkim_key_file = "-----BEGIN PRIVATE KEY-----"\n')
    with pytest.raises(BadInput, match="NEWSLETTER_SENDER__DKIM_KEY_FILE") as caught:
        load(tmp_path, environ={})
    assert "BEGIN PRIVATE" not in str(caught.value)
