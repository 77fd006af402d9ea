"""Mailjet, Send API v3.1: up to 50 finished messages a call, an answer for each.

What is known of the API comes from dev.mailjet.com (guide "Send API v3.1" with its table of errors and its list of
forbidden headers, reference "Messages"; read 2026-11) and from the source of django-anymail 15.2. Four things there
decide how this is written:

- One bad message does not stop the others, and then the whole call may be answered with HTTP 400: whatever the status,
  a list of `Messages` is read entry by entry.
- Results are in the order of the messages and repeat our delivery id, which travels as `CustomID`.
- Nothing in a message is merged unless it sets `TemplateLanguage`.
- Mailjet writes Message-ID, Date and List-Id itself and refuses a message that brings them.

`DeduplicateCampaign` would be a second guard against mailing anybody twice, but it remembers addresses: who had been
sent a test of an issue would not get the issue.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from newsletter import clock
from newsletter.models import Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.header_values import in_ascii
from newsletter.providers.http import Http, Reply, refusal
from newsletter.providers.keys import keys_of, region_place, unused
from newsletter.providers.lots import listed
from newsletter.providers.message import as_base64, media_type, parts_of, reader_first, with_fit_name
from newsletter.providers.reasons import tidy_reason
from newsletter.settings import Settings

API_URLS = {"": "https://api.mailjet.com", "us": "https://api.us.mailjet.com"}
"""Accounts that were moved to the architecture in the USA have an address of their own."""

MAX_MESSAGES = 50
MAX_BODY_BYTES = 15_000_000
"""Not in the guide; the limit that Mailjet's own Python client (1.9.1) keeps for a call."""
LOOK_UP_LAG_S = 30.0
"""Guessed: nothing is published about how far the list of messages lags behind."""

FORBIDDEN_HEADERS = frozenset({"message-id", "list-id", "x-feedback-id", "x-mailer", "user-agent", "sender"})
"""Those of the guide's list that an email of ours could have."""

INVALID_ADDRESS = "mj-0013"


class Mailjet(Provider):
    name = "mailjet"

    def __init__(self, settings: Settings, key: str, secret: str) -> None:
        chosen = settings.provider
        login = b64encode(f"{key}:{secret}".encode()).decode()
        self._http = Http(
            chosen.base_url or API_URLS[chosen.region],
            headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
            timeout_s=chosen.timeout.total_seconds(),
            hide=(key, secret, login),
        )
        batch_size = min(chosen.batch_size or MAX_MESSAGES, MAX_MESSAGES)
        self.abilities = Abilities(batch_size, MAX_BODY_BYTES, can_look_up=True, look_up_lag_s=LOOK_UP_LAG_S)

    @classmethod
    def open(cls, settings: Settings) -> Mailjet:
        key, secret = keys_of(
            settings,
            "Mailjet",
            {"api_key": "the API key", "api_secret": "the secret key"},
            where="from the page `API key management` at Mailjet",
            places=[
                *region_place(settings.provider.region, filter(None, API_URLS)),
                *unused(settings, "Mailjet", "domain", "stream"),
            ],
        )
        return cls(settings, key, secret)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        return Form(_message(email, markers), self.abilities.batch_size, self.abilities.batch_bytes)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        if not letters:
            return []
        named = [with_fit_name(letter) for letter in letters]
        reply = self._http.post("/v3.1/send", listed(named, before=b'{"Messages":[', after=b"]}"))
        if isinstance(reply, Answer):
            return [reply] * len(letters)
        said = reply.json()
        if reply.status < 500 and isinstance(said, dict) and isinstance(said.get("Messages"), list):
            return read_entries(said["Messages"], letters)
        return [_refusal(reply) or unreadable()] * len(letters)

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        """Asks for each by its `CustomID`; what is not shown yet is left out, not called untaken."""
        found: dict[str, Answer] = {}
        for delivery_id in delivery_ids[:MAX_MESSAGES]:
            reply = self._http.get("/v3/REST/message", {"CustomID": delivery_id, "ShowCustomID": "true"})
            if reply is None or reply.status != 200:
                break
            if (message_id := read_search(reply.json(), delivery_id)) is not None:
                found[delivery_id] = Answer(Outcome.ACCEPTED, provider_id=message_id)
        return found

    def verify(self) -> Answer | None:
        reply = self._http.get("/v3/REST/sender", {"Limit": "1"})
        if reply is None:
            return Answer(Outcome.BUSY, reason="Mailjet cannot be reached")
        return _refusal(reply) or Answer(Outcome.ACCEPTED)

    def close(self) -> None:
        self._http.close()


def _message(email: Email, markers: Markers) -> dict[str, Any]:
    parts = parts_of(email, without=FORBIDDEN_HEADERS)
    message: dict[str, Any] = reader_first(markers, to="To", name="Name", address="Email")
    message["From"] = parts.sender.as_json(name="Name", address="Email")
    if parts.reply_to:
        message["ReplyTo"] = parts.reply_to.as_json(name="Name", address="Email")
    if parts.pictures:
        message["InlinedAttachments"] = [
            {
                "ContentType": media_type(picture),
                "Filename": picture.name,
                "ContentID": picture.content_id,
                "Base64Content": as_base64(picture),
            }
            for picture in parts.pictures
        ]
    return message | {
        "Subject": email.subject,
        "HTMLPart": email.html,
        "TextPart": email.text,
        "Headers": in_ascii(parts.headers),
        "CustomID": markers("delivery_id"),
        "EventPayload": json.dumps({"issue": email.issue}),
        "CustomCampaign": email.issue,
        "TemplateLanguage": False,
        "TrackOpens": "disabled",
        "TrackClicks": "disabled",
    }


# --- reading answers; pure but for the clock --------------------------------------------------------------------


def _refusal(reply: Reply) -> Answer | None:
    said = reply.json()
    words = f"{said.get('ErrorCode', '')} {said.get('ErrorMessage', '')}" if isinstance(said, dict) else ""
    return refusal(reply, now=clock.now(), said=words.strip())


def unreadable() -> Answer:
    return Answer(Outcome.UNSURE, reason="Mailjet answered with something that is no list of results")


def read_entries(entries: Sequence[object], letters: Sequence[Letter]) -> list[Answer]:
    """One answer a letter. Where an entry is missing, or one names another letter than stands at its place, the order
    proves nothing: then only those entries count that name their letter."""
    if len(entries) > len(letters):
        return [unreadable()] * len(letters)
    named = {name: entry for entry in entries if (name := _custom_id(entry))}
    is_in_order = len(entries) == len(letters) and all(
        _custom_id(entry) in (None, letter.delivery_id) for entry, letter in zip(entries, letters, strict=True)
    )
    if is_in_order:
        return [_read_entry(entry) for entry in entries]
    missing = Answer(Outcome.UNSURE, reason="Mailjet gave no result for this message")
    return [_read_entry(named[one.delivery_id]) if one.delivery_id in named else missing for one in letters]


def _custom_id(entry: object) -> str | None:
    name = entry.get("CustomID") if isinstance(entry, dict) else None
    return name if isinstance(name, str) and name else None


def _read_entry(entry: object) -> Answer:
    status = entry.get("Status") if isinstance(entry, dict) else None
    if isinstance(entry, dict) and status == "success":
        return Answer(Outcome.ACCEPTED, provider_id=_message_id(entry))
    errors = entry.get("Errors") if isinstance(entry, dict) and status == "error" else None
    known = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    if not known:
        return Answer(Outcome.UNSURE, reason=tidy_reason(f"Mailjet gave a result without meaning: {status}"))
    return judge(known)


def _message_id(entry: Mapping[str, Any]) -> str | None:
    """`MessageID`, not the UUID: the one that the events and the rest of the API name."""
    recipients = entry.get("To")
    first = recipients[0] if isinstance(recipients, list) and recipients else None
    message_id = first.get("MessageID") if isinstance(first, dict) else None
    return str(message_id) if isinstance(message_id, int | str) and message_id else None


def judge(errors: Sequence[Mapping[str, Any]]) -> Answer:
    """What the errors of one message mean for the caller. It is the recipient's only where every one says that an
    address in `To` is none; anything else would be said of every message that we could send."""
    words = "; ".join(f"{error.get('ErrorCode', '')} {error.get('ErrorMessage', '')}".strip() for error in errors)
    statuses = {error.get("StatusCode") for error in errors}
    if all(_is_about_recipient(error) for error in errors):
        outcome = Outcome.REFUSED
    elif statuses == {429}:
        outcome = Outcome.BUSY
    elif any(isinstance(status, int) and status >= 500 for status in statuses):
        outcome = Outcome.UNSURE
    else:
        outcome = Outcome.DENIED
    return Answer(outcome, reason=tidy_reason(f"Mailjet: {words}"))


def _is_about_recipient(error: Mapping[str, Any]) -> bool:
    related = error.get("ErrorRelatedTo")
    fields = related if isinstance(related, list) else [related]
    return error.get("ErrorCode") == INVALID_ADDRESS and all(str(field).startswith("To") for field in fields)


def read_search(page: object, delivery_id: str) -> str | None:
    """Mailjet's id of the message with this `CustomID`, if the list shows it: a filter that is ignored shows others."""
    messages = page.get("Data") if isinstance(page, dict) else None
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict) and message.get("CustomID") == delivery_id:
            return str(message.get("ID", ""))
    return None
