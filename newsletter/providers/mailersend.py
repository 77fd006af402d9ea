"""MailerSend: up to 500 finished messages a call, whose results have to be fetched; one alone is answered at once.

What is known of the API comes from developers.mailersend.com ("Email", "Bulk email", "Additional features", "General"),
its help pages on headers and rate limits (read 2026-11), mailersend-python 2.2 and django-anymail 15.2. What decides
how this is written:

- `/bulk-email` answers 202 before it has looked at the messages. What it then refuses is told only by the bulk's own
  state; nothing is called accepted before that. Until it has a result the letters are in doubt and can be looked up.
- A text is a template only where a call brings `personalization` or `variables`; ours never does.
- There is no metadata: our delivery id is a tag, by which messages can be listed and webhooks name them.
- An own List-Unsubscribe and own headers need a Professional or Enterprise plan. Names may hold no comma or semicolon.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import timedelta
from typing import Any

from newsletter import clock
from newsletter.models import Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.header_values import in_ascii
from newsletter.providers.http import Http, Reply, pause_s
from newsletter.providers.keys import keys_of, unused
from newsletter.providers.lots import listed, single_out
from newsletter.providers.mailersend_answers import (
    named_id,
    read_bulk,
    read_domains,
    read_emails,
    read_single,
    refusal_of,
    unsure,
)
from newsletter.providers.message import as_base64, parts_of, reader_first, with_fit_name
from newsletter.settings import Settings

API_URL = "https://api.mailersend.com"
MAX_MESSAGES = 500
MAX_BODY_BYTES = 50_000_000
"""Not published for a bulk; a single mail may have 25 MB."""
BULK_CALLS_PER_S = 10 / 60
LOOK_UP_LAG_S = 60.0
"""Guessed: long enough for a bulk to have been worked off."""
MAX_QUESTIONS = 50
"""The general limit is 60 calls a minute."""
LOOK_BACK = timedelta(hours=23)
"""Free accounts keep a day, and a question that reaches further back is refused."""

POLLS = 5
POLL_EVERY_S = 1.0


class MailerSend(Provider):
    name = "mailersend"

    def __init__(self, settings: Settings, token: str) -> None:
        chosen = settings.provider
        self._domain = (chosen.domain or settings.sender.email.rpartition("@")[2]).lower()
        self._http = Http(
            chosen.base_url or API_URL,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
            timeout_s=chosen.timeout.total_seconds(),
            hide=(token,),
        )
        self.abilities = Abilities(
            batch_size=min(chosen.batch_size or MAX_MESSAGES, MAX_MESSAGES),
            batch_bytes=MAX_BODY_BYTES,
            can_look_up=True,
            look_up_lag_s=LOOK_UP_LAG_S,
            calls_per_s=BULK_CALLS_PER_S,
        )

    @classmethod
    def open(cls, settings: Settings) -> MailerSend:
        where = "from the page `API tokens` at MailerSend"
        places = unused(settings, "MailerSend", "region", "stream")
        (token,) = keys_of(settings, "MailerSend", {"api_key": "the API token"}, where=where, places=places)
        return cls(settings, token)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        return Form(_message(email, markers), self.abilities.batch_size, self.abilities.batch_bytes)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        fit = [with_fit_name(letter, _fit_name) for letter in letters]
        return single_out(fit, lambda lot: self._single(lot[0]) if len(lot) == 1 else self._bulk(lot))

    def _single(self, letter: Letter) -> list[Answer] | Answer:
        reply = self._http.post("/v1/email", [letter.parts])
        if isinstance(reply, Answer):
            return reply
        now = clock.now()
        return refusal_of(reply, now=now) or [read_single(reply)._replace(pause_s=pause_s(reply.headers, now=now))]

    def _bulk(self, letters: Sequence[Letter]) -> list[Answer] | Answer:
        """An answer for each letter, or one for the whole call."""
        reply = self._http.post("/v1/bulk-email", listed(letters))
        if isinstance(reply, Answer):
            return reply
        if refused := refusal_of(reply, now=clock.now()):
            return refused
        bulk_id = named_id(reply.json(), "bulk_email_id")
        if bulk_id is None:
            return unsure("MailerSend answered without the id of a bulk")
        pause = pause_s(reply.headers, now=clock.now())
        return read_bulk(self._state_of(bulk_id), bulk_id, letters, pause_s=pause)

    def _state_of(self, bulk_id: str) -> object:
        """What has become of a bulk, as soon as it is worked off; None if that takes too long."""
        for poll in range(POLLS):
            if poll:
                clock.sleep(POLL_EVERY_S)
            page = _page(self._http.get(f"/v1/bulk-email/{bulk_id}"))
            state = page.get("data") if isinstance(page, dict) else None
            if isinstance(state, dict) and state.get("state") == "completed":
                return state
        return None

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        """Finds what the list of messages shows: first the newest of the issue, then one by one, each by its tag."""
        wanted = set(delivery_ids)
        domain_id = read_domains(_page(self._http.get("/v1/domains", {"limit": "100"})), self._domain)
        if domain_id is None:
            return {}
        now = clock.now()
        query = {
            "domain_id": domain_id,
            "date_from": str(int((now - LOOK_BACK).timestamp())),
            "date_to": str(int(now.timestamp())),
        }
        found = self._shown(query | {"tag": issue, "limit": "1000"}, wanted)
        for delivery_id in sorted(wanted - found.keys())[:MAX_QUESTIONS]:
            found |= self._shown(query | {"tag": delivery_id, "limit": "10"}, wanted)
        return found

    def _shown(self, query: dict[str, str], wanted: Set[str]) -> dict[str, Answer]:
        return read_emails(_page(self._http.get("/v1/emails", query)), wanted)

    def verify(self) -> Answer | None:
        reply = self._http.get("/v1/api-quota")
        if reply is None:
            return Answer(Outcome.BUSY, reason="MailerSend cannot be reached")
        return refusal_of(reply, now=clock.now()) or Answer(Outcome.ACCEPTED)

    def close(self) -> None:
        self._http.close()


def _page(reply: Reply | None) -> object:
    return reply.json() if reply is not None and reply.status == 200 else None


def _message(email: Email, markers: Markers) -> dict[str, Any]:
    parts = parts_of(email, without={"message-id", "list-unsubscribe", "list-unsubscribe-post"})
    message: dict[str, Any] = {**reader_first(markers), "from": parts.sender.as_json()}
    if parts.reply_to:
        message["reply_to"] = parts.reply_to.as_json()
    if any(name.lower() == "list-unsubscribe" for name, _ in email.headers):
        # The bare address; MailerSend writes both headers of RFC 8058 around it.
        message["list_unsubscribe"] = markers("unsubscribe_url")
    if parts.pictures:
        message["attachments"] = [
            {
                "filename": picture.name,
                "content": as_base64(picture),
                "disposition": "inline",
                "id": picture.content_id,
            }
            for picture in parts.pictures
        ]
    return message | {
        "subject": email.subject,
        "html": email.html,
        "text": email.text,
        "headers": [{"name": name, "value": value} for name, value in in_ascii(parts.headers).items()],
        "tags": [email.issue, markers("delivery_id")],
        "settings": {"track_clicks": False, "track_opens": False, "track_content": False},
    }


def _fit_name(name: bytes) -> bytes:
    if b"," not in name and b";" not in name:
        return name
    return b" ".join(name.replace(b",", b" ").replace(b";", b" ").split())
