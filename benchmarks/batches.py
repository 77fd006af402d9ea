"""A provider that takes batches of finished messages (Postmark's shape), 500 a call."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from benchmarks import bare, peers, sink
from benchmarks.composing import texts_of
from benchmarks.cost import counted, cpu_us_of, in_turns
from benchmarks.rows import Row, Scale, cheaper, dearer
from benchmarks.sites import Hand, Sendings, make_site, some_readers

PART = "Batches of finished messages (Postmark)"
A_CALL = 500


def rows(scale: Scale, work: Path) -> Iterator[Row]:
    sendings = Sendings(work / "site", make_site(work / "site", readers=scale.mails), work)
    with sink.running("http") as port:
        provider: dict[str, Any] = {
            "name": "postmark",
            "api_key": SecretStr("k"),
            "base_url": f"http://127.0.0.1:{port}",
        }
        yield from _against_floors(scale, sendings, port, provider)
        yield from _against_peers(scale, sendings, port, provider)
        yield from _one_each(scale, sendings, port, provider)


def _against_floors(scale: Scale, sendings: Sendings, port: int, provider: dict[str, Any]) -> Iterator[Row]:
    a_call = min(A_CALL, scale.mails)
    calls, readers = scale.mails // a_call, some_readers(scale.mails)
    with sendings.copied(**provider) as site:
        hand = Hand.of(site, sendings.issue)
        ready = [b"".join(letter.parts) + b"," for letter in hand.compose(readers[:a_call])]
        loop = bare.http_loop(f"http://127.0.0.1:{port}/email/batch", ready, calls=calls)
        floor, unrecorded, whole = in_turns(
            counted(loop, calls * a_call),
            counted(lambda: hand.over(readers[: calls * a_call]), calls * a_call),
            sendings.whole(scale.mails, **provider),
            runs=scale.runs,
        )
    bare_loop = "ready bytes through requests"
    yield dearer(PART, "whole send", whole, "µs a mail", than=bare_loop, other=floor, at_most=2.5)
    yield dearer(PART, "compose and hand over", unrecorded, "µs a mail", than=bare_loop, other=floor, at_most=1.9)
    yield dearer(PART, "whole send", whole, "µs a mail", than="the same unrecorded", other=unrecorded, at_most=1.35)


def _against_peers(scale: Scale, sendings: Sendings, port: int, provider: dict[str, Any]) -> Iterator[Row]:
    peers.configure()
    texts = texts_of(sendings)
    a_call = min(A_CALL, scale.peers)
    batched = peers.batched(peers.anymail("postmark", port), texts, calls=2, to_a_call=a_call, merges=False)
    loop = peers.one_by_one(peers.anymail("postmark", port), texts, scale.peers)
    batch, single, whole = in_turns(
        counted(batched, 2 * a_call),
        counted(loop, scale.peers),
        sendings.whole(scale.mails, **provider),
        runs=min(scale.runs, 3),
    )
    yield cheaper(PART, "whole send", whole, "µs a mail", than="anymail's batch, unrecorded", other=batch, at_least=8)
    yield cheaper(
        PART, "whole send", whole, "µs a mail", than="anymail's send(), unrecorded", other=single, at_least=20
    )


def _one_each(scale: Scale, sendings: Sendings, port: int, provider: dict[str, Any]) -> Iterator[Row]:
    """What it costs where batches are not used."""
    readers = some_readers(scale.letters)
    with sendings.copied(**provider, batch_size=1) as site:
        hand = Hand.of(site, sendings.issue)
        body = b"[%b]" % b"".join(hand.compose(readers[:1])[0].parts)

        def loop() -> None:
            connection = HTTPConnection("127.0.0.1", port)
            for _ in readers:
                connection.request("POST", "/email/batch", body, {"Content-Type": "application/json"})
                assert connection.getresponse().read()

        floor, ours = cpu_us_of(loop, lambda: hand.over(readers), count=scale.letters, runs=scale.runs)
    yield dearer(
        PART, "compose and hand over, a call each", ours, "µs a mail", than="http.client", other=floor, at_most=2.5
    )
