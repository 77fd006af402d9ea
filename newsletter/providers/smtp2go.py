"""SMTP2GO: one call for each reader.

What is known of the API comes from developers.smtp2go.com ("Send an Email", "Response Codes", "Getting Started" and the
introduction to the reference; read 2026-11). What decides how this is written:

- A call makes one message, which shows all its recipients to each other; so it has one.
- A 200 counts: `succeeded`, `failed`, and the words of `failures`. An error may also come inside a 200.
- There is no metadata, no idempotency key and no documented search for a header: a doubt stays one.
- Tracking and SMTP2GO's own unsubscribe footer belong to the API key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from newsletter import clock
from newsletter.models import Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.header_values import ascii_value, in_ascii
from newsletter.providers.http import Http, Reply, refusal
from newsletter.providers.keys import keys_of, region_place, unused
from newsletter.providers.lots import MAX_ONE_BY_ONE, one_by_one
from newsletter.providers.message import as_base64, media_type, parts_of
from newsletter.providers.reasons import tidy_reason
from newsletter.settings import Settings

API_URLS = {
    "": "https://api.smtp2go.com",
    "us": "https://us-api.smtp2go.com",
    "eu": "https://eu-api.smtp2go.com",
    "au": "https://au-api.smtp2go.com",
}


class Smtp2go(Provider):
    name = "smtp2go"

    def __init__(self, settings: Settings, key: str) -> None:
        chosen = settings.provider
        self._http = Http(
            chosen.base_url or API_URLS[chosen.region],
            headers={"X-Smtp2go-Api-Key": key, "Content-Type": "application/json"},
            timeout_s=chosen.timeout.total_seconds(),
            hide=(key,),
        )
        self.abilities = Abilities(batch_size=min(chosen.batch_size or MAX_ONE_BY_ONE, MAX_ONE_BY_ONE))

    @classmethod
    def open(cls, settings: Settings) -> Smtp2go:
        (key,) = keys_of(
            settings,
            "SMTP2GO",
            {"api_key": "the API key"},
            where="from the page `Sending > API Keys` at SMTP2GO",
            places=[
                *region_place(settings.provider.region, filter(None, API_URLS)),
                *unused(settings, "SMTP2GO", "domain", "stream"),
            ],
        )
        return cls(settings, key)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        return Form(_message(email, markers), self.abilities.batch_size, one_by_one=True)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        return one_by_one(letters, self._call)

    def _call(self, letter: Letter) -> Answer:
        reply = self._http.post("/v3/email/send", [letter.parts])
        return reply if isinstance(reply, Answer) else _refusal(reply) or read_counts(_data(reply), letter)

    def close(self) -> None:
        self._http.close()


def _message(email: Email, markers: Markers) -> dict[str, Any]:
    known, parts = dict(email.headers), parts_of(email, without={"message-id"})
    headers = in_ascii(parts.headers)
    if "Reply-To" in known:
        headers["Reply-To"] = ascii_value(known["Reply-To"])
    message: dict[str, Any] = {
        "sender": known["From"],
        "to": [markers("to")],
        "subject": email.subject,
        "html_body": email.html,
        "text_body": email.text,
        "custom_headers": [{"header": name, "value": value} for name, value in headers.items()],
    }
    if parts.pictures:
        message["inlines"] = [
            {"filename": picture.content_id, "fileblob": as_base64(picture), "mimetype": media_type(picture)}
            for picture in parts.pictures
        ]
    return message


# --- reading answers; pure but for the clock --------------------------------------------------------------------


def _data(reply: Reply) -> Mapping[str, Any]:
    """What an answer says; errors stand inside `data` or beside it."""
    said = reply.json()
    outer = said if isinstance(said, dict) else {}
    inner = outer.get("data")
    return inner if isinstance(inner, dict) else outer


def _refusal(reply: Reply) -> Answer | None:
    """An error in place of a message, whatever the status says."""
    data = _data(reply)
    if reply.status < 500 and reply.status != 429 and isinstance(data.get("error"), str):
        return judge(data)
    return refusal(reply, now=clock.now(), said=str(data.get("error", "")))


def judge(error: Mapping[str, Any]) -> Answer:
    """Only a field that was not taken can be the recipient's; any other error would meet every message."""
    fields = error.get("field_validation_errors")
    is_theirs = isinstance(fields, dict) and fields.get("fieldname") == "to"
    words = fields.get("message", "") if isinstance(fields, dict) else ""
    outcome = Outcome.REFUSED if is_theirs else Outcome.DENIED
    return Answer(outcome, reason=tidy_reason(f"SMTP2GO: {error.get('error', '')} {words}".strip()))


def read_counts(data: Mapping[str, Any], letter: Letter) -> Answer:
    """What became of the one recipient of a message. What `failures` says in which words is not documented: it is this
    recipient's only where it names the address."""
    succeeded, failed, email_id = data.get("succeeded"), data.get("failed"), data.get("email_id")
    if (succeeded, failed) == (1, 0):
        return Answer(Outcome.ACCEPTED, provider_id=email_id if isinstance(email_id, str) and email_id else None)
    failures = data.get("failures")
    words = "; ".join(map(str, failures)) if isinstance(failures, list) else ""
    if (succeeded, failed) == (0, 1):
        outcome = Outcome.REFUSED if letter.email.lower() in words.lower() else Outcome.DENIED
        return Answer(outcome, reason=tidy_reason(f"SMTP2GO: {words or 'the message failed'}"))
    return Answer(Outcome.UNSURE, reason=tidy_reason(f"SMTP2GO's counts do not say what became of it {words}"))
