"""Elastic Email: one call for each reader, in its API of version 4.

What is known of the API comes from the models and endpoints of Elastic Email's own clients, its `elasticemail-skills`
and `elasticemail-mautic-mailer`, and its help pages on merging, custom headers and unsubscribing (read 2026-11). What
decides how this is written:

- A 200 names a transaction and a message, and nobody in particular. So a call has one recipient, though `/v4/emails`
  takes a thousand: what became of one among many, it does not say.
- `{field}` in a body is merged, in both endpoints, and nothing turns that off. So a brace is a field itself (`BRACE`).
  That its value is not read for fields again is not documented; if it is, we are where we would be without. The name of
  a reader is left as it is: braces in it are a field of theirs alone.
- Whether fields are merged in headers and subjects is not documented. So a subject has no brace; and our way out of the
  list stands in a header, a second reason against calls for many.
- Whatever was not taken is a 400, a wrong key too, with words in `Error` that are documented nowhere. So there is
  no `verify`: a key that may send and nothing else looks like a wrong one.
- `/v4/emails/transactional` takes no List-Unsubscribe, so it is for confirmations and the like alone.
- An attachment has no Content-ID, so no picture can travel within the mail.
- A call that got no answer cannot be looked up: status and events go by the ids that the answer would have held.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from newsletter import clock
from newsletter.errors import Unsupported
from newsletter.models import Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.header_values import in_ascii
from newsletter.providers.http import Http, Reply, refusal
from newsletter.providers.keys import keys_of, unused
from newsletter.providers.lots import MAX_ONE_BY_ONE, one_by_one
from newsletter.providers.message import parts_of
from newsletter.providers.reasons import tidy_reason
from newsletter.settings import Settings

API_URL = "https://api.elasticemail.com"
BULK, TRANSACTIONAL = "/v4/emails", "/v4/emails/transactional"
BRACE = "brace"
"""The field that is merged as `{`."""
MAX_CALLS_AT_A_TIME = 20


class ElasticEmail(Provider):
    name = "elasticemail"

    def __init__(self, settings: Settings, key: str) -> None:
        chosen = settings.provider
        self._http = Http(
            chosen.base_url or API_URL,
            headers={"X-ElasticEmail-ApiKey": key, "Content-Type": "application/json"},
            timeout_s=chosen.timeout.total_seconds(),
            connections=MAX_CALLS_AT_A_TIME,
            hide=(key,),
        )
        self._pool = chosen.stream
        self.abilities = Abilities(batch_size=min(chosen.batch_size or MAX_ONE_BY_ONE, MAX_ONE_BY_ONE))

    @classmethod
    def open(cls, settings: Settings) -> ElasticEmail:
        (key,) = keys_of(
            settings,
            "Elastic Email",
            {"api_key": "the API key"},
            where="from the page `Settings > Manage API` at Elastic Email",
            places=unused(settings, "Elastic Email", "domain", "region"),
        )
        return cls(settings, key)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        options = {"TrackOpens": False, "TrackClicks": False}
        pool = {"PoolName": self._pool} if self._pool else {}
        message = _message(email, markers) | {"Options": options | pool}
        return Form(message, self.abilities.batch_size, one_by_one=True)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        path = TRANSACTIONAL if issue == "system" else BULK
        return one_by_one(letters, lambda letter: self._call(path, letter))

    def _call(self, path: str, letter: Letter) -> Answer:
        reply = self._http.post(path, [letter.parts])
        return reply if isinstance(reply, Answer) else read(reply, letter)

    def close(self) -> None:
        self._http.close()


def _message(email: Email, markers: Markers) -> dict[str, Any]:
    known, parts = dict(email.headers), parts_of(email, without={"message-id"})
    if parts.pictures:
        raise Unsupported(
            "Elastic Email cannot send pictures within the mail, only as attachments",
            fix='set images to "hosted" or "linked" for the digest, or choose another provider',
        )
    if "{" in email.subject:
        raise Unsupported(
            f"Elastic Email may take a brace in a subject for a field of its own: {email.subject!r}",
            fix="use no { in the subject, or choose another provider",
        )
    content: dict[str, Any] = {
        "From": known["From"],
        "Subject": email.subject,
        "Body": [
            {"ContentType": "HTML", "Content": _guarded(email.html), "Charset": "utf-8"},
            {"ContentType": "PlainText", "Content": _guarded(email.text), "Charset": "utf-8"},
        ],
        "Merge": {BRACE: "{"},
        "Headers": in_ascii(parts.headers),
    }
    if "Reply-To" in known:
        content["ReplyTo"] = known["Reply-To"]
    # The bulk endpoint takes a bare address only; the other one does with a name, too.
    recipients = {"To": [markers("to")]} if email.issue == "system" else [{"Email": markers("address")}]
    return {"Recipients": recipients, "Content": content}


def _guarded(text: str) -> str:
    return text.replace("{", f"{{{BRACE}}}")


# --- reading answers; pure but for the clock --------------------------------------------------------------------


def read(reply: Reply, letter: Letter) -> Answer:
    """What became of the one recipient. Errors have only words: it is the recipient's where they name the address."""
    said = reply.json()
    data = said if isinstance(said, dict) else {}
    words = str(data.get("Error", ""))
    if reply.status == 400 and letter.email.lower() in words.lower():
        return Answer(Outcome.REFUSED, reason=tidy_reason(f"Elastic Email: {words}"))
    refused = refusal(reply, now=clock.now(), said=words)
    if refused:
        return refused
    message_id = data.get("MessageID")
    if isinstance(message_id, str) and message_id:
        return Answer(Outcome.ACCEPTED, provider_id=message_id)
    return Answer(Outcome.UNSURE, reason=tidy_reason(f"Elastic Email's answer names no message {words}"))
