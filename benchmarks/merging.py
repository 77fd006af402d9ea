"""Providers that merge by themselves: the issue once a call, and of each of 1,000 recipients only his values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from benchmarks import peers, sink
from benchmarks.composing import texts_of
from benchmarks.cost import Counted, counted, in_turns
from benchmarks.rows import Row, Scale, bounded, cheaper
from benchmarks.sites import Sendings, make_site
from newsletter.models import Email
from newsletter.providers import PROVIDERS
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.http import Http
from newsletter.settings import Settings

PART = "The provider's own merge, 1,000 a call"
A_CALL = 1000
REAL = ("mailgun", "sendgrid")
BARE = "merge-shape"


class MergeShape(Provider):
    """The least that a merging provider needs, so that the machinery is measured apart from any API's own words."""

    name = BARE

    def __init__(self, base_url: str) -> None:
        self._http = Http(base_url, headers={"Content-Type": "application/json"}, timeout_s=60, hide=())
        self.abilities = Abilities(A_CALL)

    @classmethod
    def open(cls, settings: Settings) -> MergeShape:
        return cls(settings.provider.base_url)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        def variable(name: str) -> str:
            return f"%{name}%"

        headers = [(name, value) for name, value in email.headers if name != "To"]
        written = [(name, markers.as_variables(value, variable)) for name, value in headers]
        shared = {
            "subject": email.subject,
            "html": markers.as_variables(email.html, variable),
            "text": markers.as_variables(email.text, variable),
            "headers": written,
        }
        values = markers.values(email.html, email.text, *(value for _, value in headers))
        letter = {"to": markers("to"), "values": values}
        return Form(letter, self.abilities.batch_size, shared=json.dumps(shared).encode())

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        before = [b'{"message":', letters[0].shared or b"", b',"to":[']
        pieces = [piece for letter in letters for piece in (*letter.parts, b",")]
        reply = self._http.post("/messages", [before, pieces[:-1], [b"]}"]])
        assert not isinstance(reply, Answer), reply
        return [Answer(Outcome.ACCEPTED)] * len(letters)

    def close(self) -> None:
        self._http.close()


def rows(scale: Scale, work: Path) -> Iterator[Row]:
    PROVIDERS[BARE] = f"{__name__}:MergeShape"
    sendings = Sendings(work / "site", make_site(work / "site", readers=scale.mails), work)
    peers.configure()
    with sink.running("http") as port:
        anymail = {esp: _anymail(scale, sendings, esp, port) for esp in ("mailgun", "sendgrid")}
        for name in (BARE, *(name for name in REAL if name in PROVIDERS)):
            yield from _of(name, scale, sendings, port, anymail)


def _of(name: str, scale: Scale, sendings: Sendings, port: int, anymail: dict[str, Counted]) -> Iterator[Row]:
    provider: dict[str, Any] = {"name": name, "api_key": SecretStr("k"), "base_url": f"http://127.0.0.1:{port}"}
    whole = sendings.whole(scale.mails, **provider)
    before = sink.received_bytes(port)
    whole.us()
    yield bounded(
        PART, f"{name}: bytes", (sink.received_bytes(port) - before) / scale.mails, "bytes a mail", at_most=320
    )
    others = {esp: other for esp, other in anymail.items() if name in (BARE, esp)}
    ours, *theirs = in_turns(whole, *others.values(), runs=scale.runs)
    yield bounded(PART, f"{name}: whole send", ours, "µs a mail", at_most=20)
    for esp, other in zip(others, theirs, strict=True):
        than = f"anymail's {esp}, unrecorded"
        yield cheaper(PART, f"{name}: whole send", ours, "µs a mail", than=than, other=other, at_least=4)


def _anymail(scale: Scale, sendings: Sendings, esp: str, port: int) -> Counted:
    a_call = min(A_CALL, scale.mails)
    batched = peers.batched(peers.anymail(esp, port), texts_of(sendings), calls=2, to_a_call=a_call)
    return counted(batched, 2 * a_call)
