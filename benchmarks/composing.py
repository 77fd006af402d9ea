"""Readers' letters out of the finished issue, 500 at a time: signed links, escaping, encoding."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from benchmarks import peers
from benchmarks.cost import cpu_us, cpu_us_of
from benchmarks.rows import Row, Scale, cheaper, dearer
from benchmarks.sites import Hand, Sendings, make_site, some_readers
from newsletter.emails.fields import fields_of
from newsletter.emails.markers import filled
from newsletter.issues import archive

PART = "Composing a letter"
KEY = b"k" * 32
A_CALL = 500


def texts_of(sendings: Sendings) -> peers.Texts:
    """The issue as one reader gets it, finished: what other libraries are handed."""
    with sendings.copied() as site:
        email = archive.read_frozen(site.issue_folder(sendings.issue)).email
        reader = some_readers(1)[0]
        url = site.links.unsubscribe_url(reader.subscriber_id, sendings.issue)
        web_url = site.links.web_url(sendings.issue)
        copy = filled(email, fields_of(reader, delivery_id="d", unsubscribe_url=url, web_url=web_url))
    return peers.Texts(copy.subject, copy.html, copy.text, url)


def rows(scale: Scale, work: Path) -> Iterator[Row]:
    sendings = Sendings(work / "site", make_site(work / "site", readers=1), work)
    texts = texts_of(sendings)
    dumps = _dumps_us(scale, texts)
    built = cpu_us(
        lambda: [peers.email_message(texts, 1).as_bytes() for _ in range(scale.peers)],
        count=scale.peers,
        runs=scale.runs,
    )
    for form, name in (("JSON", "postmark"), ("MIME", "outbox")):
        ours, floor = _compose_us(scale, sendings, name)
        yield dearer(PART, form, ours, "µs", than="a join and an HMAC", other=floor, at_most=2.5)
        yield (
            cheaper(PART, form, ours, "µs", than="json.dumps", other=dumps, at_least=25)
            if form == "JSON"
            else cheaper(PART, form, ours, "µs", than="EmailMessage", other=built, at_least=400)
        )


def _compose_us(scale: Scale, sendings: Sendings, provider: str) -> tuple[float, float]:
    """Ours, and the bare form: the same parts joined, the same link's HMAC."""
    readers = some_readers(scale.letters)
    with sendings.copied(name=provider, api_key=SecretStr("k")) as site:
        compose = Hand.of(site, sendings.issue).compose
        parts = compose(readers[:1])[0].parts

        def compose_all() -> None:
            for first in range(0, len(readers), A_CALL):
                for letter in compose(readers[first : first + A_CALL]):
                    b"".join(letter.parts)

        def join_all() -> None:
            for reader in readers:
                hmac.digest(KEY, reader.subscriber_id.encode(), "sha256")
                b"".join(parts)

        ours, floor = cpu_us_of(compose_all, join_all, count=len(readers), runs=scale.runs * 2)
        return ours, floor


def _dumps_us(scale: Scale, texts: peers.Texts) -> float:
    def dump() -> None:
        for number in range(scale.letters):
            json.dumps({"To": peers.address(number), "HtmlBody": texts.html, "TextBody": texts.text}).encode()

    return cpu_us(dump, count=scale.letters, runs=scale.runs)
