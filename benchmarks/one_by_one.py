"""SMTP: a letter after the other over one connection, recorded in groups of up to 16."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from benchmarks import bare, peers, sink
from benchmarks.composing import texts_of
from benchmarks.cost import counted, cpu_us, cpu_us_of, in_turns
from benchmarks.rows import Row, Scale, cheaper, dearer
from benchmarks.sites import Hand, Sendings, make_site, some_readers
from newsletter.providers.dkim import Signer

PART = "SMTP"
SIGNED_TEXT = b"x" * 1500
"""As long as the headers that are signed."""


def rows(scale: Scale, work: Path) -> Iterator[Row]:
    sendings = Sendings(work / "site", make_site(work / "site", readers=scale.letters), work)
    with sink.running("smtp") as port:
        provider: dict[str, Any] = {"name": "smtp", "host": "127.0.0.1", "port": port, "security": "none"}
        readers = some_readers(scale.letters)
        with sendings.copied(**provider) as site:
            hand = Hand.of(site, sendings.issue)
            content = b"".join(hand.compose(readers[:1])[0].parts)
            loop = bare.smtp_loop(port, content, count=scale.letters)
            floor, unrecorded, whole = in_turns(
                counted(loop, scale.letters),
                counted(lambda: hand.over(readers), scale.letters),
                sendings.whole(scale.letters, **provider),
                runs=scale.runs,
            )
            hand.provider.close()
        bare_loop = "ready letters, PIPELINING"
        yield dearer(PART, "compose and hand over", unrecorded, "µs a mail", than=bare_loop, other=floor, at_most=1.5)
        yield dearer(PART, "whole send", whole, "µs a mail", than=bare_loop, other=floor, at_most=3)
        yield from _against_peers(scale, sendings, port, whole=whole, unrecorded=unrecorded)
    yield _dkim(scale, content)


def _against_peers(scale: Scale, sendings: Sendings, port: int, *, whole: float, unrecorded: float) -> Iterator[Row]:
    peers.configure()
    texts, count, runs = texts_of(sendings), scale.peers, min(scale.runs, 3)
    backend = peers.django_smtp(port)
    by_django = cpu_us(peers.all_at_once(backend, texts, count), count=count, runs=runs)
    by_smtplib = cpu_us(peers.by_smtplib(port, texts, count), count=count, runs=runs)
    django, smtplib = "Django's send_messages()", "smtplib and EmailMessage"
    yield cheaper(PART, "whole send", whole, "µs a mail", than=django, other=by_django, at_least=12)
    yield cheaper(PART, "compose and hand over", unrecorded, "µs a mail", than=django, other=by_django, at_least=15)
    yield cheaper(PART, "compose and hand over", unrecorded, "µs a mail", than=smtplib, other=by_smtplib, at_least=40)


def _dkim(scale: Scale, content: bytes) -> Row:
    key: RSAPrivateKey = generate_private_key(public_exponent=65537, key_size=2048)
    signer, count = Signer(key, domain="example.org", selector="s"), scale.letters

    def sign() -> None:
        for _ in range(count):
            key.sign(SIGNED_TEXT, PKCS1v15(), SHA256())

    def write_headers() -> None:
        for _ in range(count):
            signer.header(content)

    floor, signed = cpu_us_of(sign, write_headers, count=count, runs=scale.runs)
    return dearer(PART, "DKIM, RSA-2048", signed, "µs a mail", than="the signature alone", other=floor, at_most=1.5)
