"""Postal, the mail server that one runs oneself: one finished message a call.

What is known of the API comes from its source (github.com/postalserver/postal, `app/controllers/legacy_api`) and its
page "Click & Open Tracking"; read 2026-11. Decisive:

- Every answer is HTTP 200; what it means is `status` in the body, and `data.code` where that is `error`.
- `send/raw` takes the message as it is, with our Message-ID and its pictures, which `send/message` would lose.
- Nobody is refused by name: whom Postal will not mail (suppressed after bounces) it takes and holds.
- Tracking belongs to the sender's domain there; a header keeps a single mail out of it.
- There is neither an idempotency key nor a search. Our delivery id stands in Message-ID, which its events carry.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from newsletter import clock
from newsletter.errors import Place
from newsletter.providers.base import Abilities, Answer, Letter, Outcome, Provider
from newsletter.providers.http import Http, Reply, refusal
from newsletter.providers.keys import keys_of
from newsletter.providers.lots import MAX_ONE_BY_ONE, one_by_one
from newsletter.providers.message import mailbox_of
from newsletter.providers.reasons import tidy_reason
from newsletter.settings import Settings

OWN_HEADERS = b"X-AMP: skip\r\nX-Postal-Tag: %s\r\n"
"""No tracking, and the issue as a tag; both are Postal's to read."""
KNOWS_US = "MessageNotFound"


class Postal(Provider):
    name = "postal"
    calls_for_each = True

    def __init__(self, settings: Settings, key: str) -> None:
        chosen = settings.provider
        self._sender = mailbox_of(settings.sender.email).address
        self._http = Http(
            chosen.base_url,
            headers={"X-Server-API-Key": key, "Accept": "application/json", "Content-Type": "application/json"},
            timeout_s=chosen.timeout.total_seconds(),
            hide=(key,),
        )
        self.abilities = Abilities(min(chosen.batch_size or MAX_ONE_BY_ONE, MAX_ONE_BY_ONE))

    @classmethod
    def open(cls, settings: Settings) -> Postal:
        unused = [name for name in ("region", "domain", "stream") if getattr(settings.provider, name)]
        places = [Place(f"provider.{name}", "Postal has no use for it; take it away") for name in unused]
        if not settings.provider.base_url:
            places.append(Place("provider.base_url", "missing: where your Postal is, as https://postal.example.org"))
        where = "from the mail server's page `Credentials` (type API) in Postal"
        (key,) = keys_of(settings, "Postal", {"api_key": "the API key"}, where=where, places=places)
        return cls(settings, key)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        return one_by_one(letters, lambda letter: self._send_one(letter, issue))

    def _send_one(self, letter: Letter, issue: str) -> Answer:
        asked = json.dumps({"mail_from": self._sender, "rcpt_to": [letter.email]}).encode()
        message = b64encode(b"".join([OWN_HEADERS % issue.encode("ascii", "replace"), *letter.parts]))
        reply = self._http.post("/api/v1/send/raw", [(asked[:-1], b',"data":"', message, b'"}')])
        return reply if isinstance(reply, Answer) else read_answer(reply, refusal(reply, now=clock.now()))

    def verify(self) -> Answer | None:
        """A message with the number 0 is never there, but who asks for it must be known."""
        reply = self._http.post("/api/v1/messages/message", [(b'{"id":"0"}',)])
        if isinstance(reply, Answer):
            return Answer(Outcome.BUSY, reason=reply.reason)
        refused = refusal(reply, now=clock.now())
        if refused or not isinstance(reply.json(), dict):
            return refused or Answer(Outcome.DENIED, reason="what answers at provider.base_url is no Postal")
        known = _data(reply.json()).get("code") == KNOWS_US
        return Answer(Outcome.ACCEPTED) if known else _denied(reply.json())

    def close(self) -> None:
        self._http.close()


# --- reading answers; pure --------------------------------------------------------------------------------------


def read_answer(reply: Reply, refused: Answer | None) -> Answer:
    """What the body says of the one recipient of a call; `refused` is what its status says."""
    if refused:
        return refused
    said = reply.json()
    if not isinstance(said, dict) or said.get("status") not in ("success", "error", "parameter-error"):
        return Answer(Outcome.UNSURE, reason="Postal answered 200 with something that is no result")
    if said["status"] != "success":
        return _denied(said)
    messages = _data(said).get("messages")
    entries = list(messages.values()) if isinstance(messages, dict) else []
    if len(entries) != 1 or not isinstance(entries[0], dict) or not entries[0].get("id"):
        return Answer(Outcome.UNSURE, reason="Postal named no message that it has made")
    return Answer(Outcome.ACCEPTED, provider_id=str(entries[0]["id"]))


def _data(said: Mapping[str, Any]) -> Mapping[str, Any]:
    data = said.get("data")
    return data if isinstance(data, dict) else {}


def _denied(said: Mapping[str, Any]) -> Answer:
    """Every error that Postal has is about us: the key, the sender, the form of the call."""
    data = _data(said)
    words = ": ".join(str(data[key]) for key in ("code", "message") if data.get(key))
    return Answer(Outcome.DENIED, reason=tidy_reason(f"Postal {words or said.get('status')}"))
