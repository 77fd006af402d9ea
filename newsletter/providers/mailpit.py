"""Mailpit: a catcher of mail on one's own machine, for looking at what would go out. One message a call.

What is known of the API comes from Mailpit's source (`server/apiv1/send.go`, `internal/storage/search.go`) and npm's
mailpit-api 1.7, read in November 2026. It merges nothing and tracks nothing; our Message-ID is kept, and is looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from newsletter import clock
from newsletter.errors import Place
from newsletter.models import Asset, Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.http import Http, Reply, basic_auth, refusal
from newsletter.providers.keys import keys_of
from newsletter.providers.lots import MAX_ONE_BY_ONE, one_by_one
from newsletter.providers.message import as_base64, media_type, parts_of
from newsletter.settings import Settings

USUAL_URL = "http://127.0.0.1:8025"
SEARCH_LIMIT = "10"


class Mailpit(Provider):
    name = "mailpit"

    def __init__(self, settings: Settings, login: Sequence[str]) -> None:
        chosen = settings.provider
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if login:
            headers["Authorization"] = basic_auth(*login)
        self._http = Http(
            chosen.base_url, headers=headers, timeout_s=chosen.timeout.total_seconds(), hide=tuple(login[1:])
        )
        batch_size = min(chosen.batch_size or MAX_ONE_BY_ONE, MAX_ONE_BY_ONE)
        self.abilities = Abilities(batch_size, can_look_up=True)

    @classmethod
    def open(cls, settings: Settings) -> Mailpit:
        chosen = settings.provider
        address = Place("provider.base_url", f"missing: where Mailpit is, usually {USUAL_URL}")
        places = [] if chosen.base_url else [address]
        has_login = chosen.username or chosen.password
        wanted = {"username": "the name of the login", "password": "its password"} if has_login else {}
        return cls(settings, keys_of(settings, "Mailpit", wanted, where="that Mailpit was started with", places=places))

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        parts = parts_of(email)
        letter: dict[str, Any] = {
            "To": [{"Name": markers("name"), "Email": markers("address")}],
            "From": parts.sender.as_json(name="Name", address="Email"),
            "Subject": email.subject,
            "HTML": email.html,
            "Text": email.text,
            "Headers": parts.headers,
            "Tags": [email.issue],
        }
        if parts.reply_to:
            letter["ReplyTo"] = [parts.reply_to.as_json(name="Name", address="Email")]
        if parts.pictures:
            letter["Attachments"] = [_picture(picture) for picture in parts.pictures]
        return Form(letter, self.abilities.batch_size, one_by_one=True)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        return one_by_one(letters, self._call)

    def _call(self, letter: Letter) -> Answer:
        reply = self._http.post("/api/v1/send", [letter.parts])
        return reply if isinstance(reply, Answer) else read_reply(reply)

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        """Mailpit shows at once what it took; but it keeps a few hundred messages only, so what is not there is left
        out, not called untaken."""
        found = {}
        for delivery_id in delivery_ids:
            reply = self._http.get("/api/v1/search", {"query": f"message-id:{delivery_id}", "limit": SEARCH_LIMIT})
            if reply is None:
                break
            provider_id = dict(read_search(reply.json())).get(delivery_id) if reply.status == 200 else None
            if provider_id:
                found[delivery_id] = Answer(Outcome.ACCEPTED, provider_id=provider_id)
        return found

    def verify(self) -> Answer | None:
        reply = self._http.get("/api/v1/info")
        if reply is None:
            return Answer(Outcome.BUSY, reason="Mailpit cannot be reached")
        return refusal(reply, now=clock.now()) or Answer(Outcome.ACCEPTED)

    def close(self) -> None:
        self._http.close()


def _picture(asset: Asset) -> dict[str, str | None]:
    return {
        "Filename": asset.name,
        "Content": as_base64(asset),
        "ContentType": media_type(asset),
        "ContentID": asset.content_id,
    }


# --- reading answers; pure --------------------------------------------------------------------------------------


def _words(reply: Reply) -> Mapping[str, Any]:
    said = reply.json()
    return said if isinstance(said, dict) else {}


def read_reply(reply: Reply) -> Answer:
    words = _words(reply)
    said = str(words.get("Error", ""))
    if refused := refusal(reply, now=clock.now(), said=said):
        is_recipient = reply.status == 400 and said.startswith("invalid To address")
        return Answer(Outcome.REFUSED, reason=refused.reason) if is_recipient else refused
    if isinstance(words.get("ID"), str) and words["ID"]:
        return Answer(Outcome.ACCEPTED, provider_id=words["ID"])
    return Answer(Outcome.UNSURE, reason="Mailpit gave no id for this message")


def read_search(page: object) -> Iterator[tuple[str, str]]:
    """Delivery id and Mailpit's id of each message; a search finds parts of a Message-ID too."""
    messages = page.get("messages") if isinstance(page, dict) else None
    for message in messages if isinstance(messages, list) else []:
        message_id = message.get("MessageID") if isinstance(message, dict) else None
        if isinstance(message_id, str) and isinstance(message.get("ID"), str):
            yield message_id.strip("<>").partition("@")[0], message["ID"]
