"""SendGrid: one message for up to 1,000 people a call, each with values of their own that SendGrid puts in.

What is known of the API comes from Twilio's description of it (github.com/sendgrid/sendgrid-oai, `mail_send.json`), its
pages "Mail Send" and "Errors", and from the sources of django-anymail 15.2; all read 2026-11. What decides here:

- `substitutions` are found and replaced literally in subject and bodies, nowhere else. Our keys hold the email's nonce,
  so no post can contain one. There is no other template language in a mail without `template_id`; SendGrid's own tags
  (`<%asm_…%>`) belong to its unsubscribe groups, of which we name none.
- A 202 takes everybody and names nobody: one `X-Message-Id` for the whole call. Whom SendGrid will not mail (bounced
  before, unsubscribed) shows as an event later. One address that is none makes it refuse the whole call.
- There is neither an idempotency key nor a search that every account has (the Email Activity API is a paid addition),
  so a doubt stays one until an event with our `delivery_id`, carried in `custom_args`, clears it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from newsletter import clock
from newsletter.errors import Place
from newsletter.models import Asset, Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.header_values import by_sharing, in_ascii
from newsletter.providers.http import Http, Reply, pause_s, refusal
from newsletter.providers.keys import keys_of, region_place
from newsletter.providers.lots import MAX_ONE_BY_ONE, apart, in_turn, left_open, listed, one_by_one, single_out
from newsletter.providers.message import Parts, as_base64, media_type, parts_of, reader_first, with_fit_name
from newsletter.providers.sizes import refuse_larger
from newsletter.settings import Settings

API_URLS = {"": "https://api.sendgrid.com", "eu": "https://api.eu.sendgrid.com"}
MAX_PEOPLE = 1000
MAX_BODY_BYTES = 30_000_000
"""Twilio's pages say 30 MB for a message with its attachments."""
LEAST_ROOM_BYTES = 100_000
"""For the recipients, beside a message: some hundred of them."""

ABOUT_RECIPIENT = re.compile(r"personalizations\.\d+\.to\b")
"""The `field` of an error that is one recipient's."""


class SendGrid(Provider):
    name = "sendgrid"

    def __init__(self, settings: Settings, key: str) -> None:
        chosen = settings.provider
        self._ip_pool = chosen.stream
        self._http = Http(
            chosen.base_url or API_URLS[chosen.region],
            headers={
                "Authorization": f"Bearer {key}",
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
            timeout_s=chosen.timeout.total_seconds(),
            hide=(key,),
        )
        self.abilities = Abilities(min(chosen.batch_size or MAX_PEOPLE, MAX_PEOPLE), MAX_BODY_BYTES)

    @classmethod
    def open(cls, settings: Settings) -> SendGrid:
        chosen = settings.provider
        places = region_place(chosen.region, filter(None, API_URLS))
        if chosen.domain:
            places.append(Place("provider.domain", "SendGrid knows its domains by the sender; take it away"))
        where = "from SendGrid's page `API Keys` (the permission Mail Send is enough)"
        (key,) = keys_of(settings, "SendGrid", {"api_key": "the API key"}, where=where, places=places)
        return cls(settings, key)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        """Merged, but for mail of which several go to one address: SendGrid takes each only once a call."""

        def as_key(variable: str) -> str:
            return f"-{email.nonce}-{variable}-"

        def merged(text: str) -> str:
            return markers.as_variables(text, as_key)

        parts = parts_of(email)
        headers, own_headers = by_sharing(in_ascii(parts.headers), markers)
        person = reader_first(markers)
        person |= {"headers": own_headers, "custom_args": {"delivery_id": markers("delivery_id")}}
        message = self._message(email, parts, merged if may_merge else str) | {"headers": headers}
        shared = left_open(message, "personalizations")
        refuse_larger(len(shared), MAX_BODY_BYTES - LEAST_ROOM_BYTES, "SendGrid")
        if not may_merge:
            size = min(self.abilities.batch_size, MAX_ONE_BY_ONE)
            return Form({"personalizations": [person], **message}, size, one_by_one=True)
        values = markers.values(email.subject, email.text, email.html)
        person["substitutions"] = {as_key(variable): marker for variable, marker in values.items()}
        return Form(person, self.abilities.batch_size, MAX_BODY_BYTES - len(shared), shared)

    def _message(self, email: Email, parts: Parts, written: Callable[[str], str]) -> dict[str, Any]:
        message: dict[str, Any] = {
            "from": parts.sender.as_json(),
            "subject": written(email.subject),
            # The order is SendGrid's wish.
            "content": [
                {"type": "text/plain", "value": written(email.text)},
                {"type": "text/html", "value": written(email.html)},
            ],
            "categories": [email.issue],
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
                "ganalytics": {"enable": False},
            },
        }
        if parts.reply_to:
            message["reply_to"] = parts.reply_to.as_json()
        if parts.pictures:
            message["attachments"] = [_picture(picture) for picture in parts.pictures]
        if self._ip_pool:
            message["ip_pool_name"] = self._ip_pool
        return message

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        """A call that is refused as a whole for one address is halved until that one stands alone.

        That repeats nothing: SendGrid checks all of a call before it takes any of it.
        """
        letters = [with_fit_name(letter) for letter in letters]
        if letters and letters[0].shared is None:
            return one_by_one(letters, self._call_for_one)
        return in_turn(apart(letters), lambda lot: single_out(lot, self._call))

    def _call(self, letters: Sequence[Letter]) -> list[Answer] | Answer:
        return self._post(listed(letters, before=letters[0].shared or b"", after=b"]}"), len(letters))

    def _call_for_one(self, letter: Letter) -> Answer:
        answer = self._post([letter.parts], 1)
        return answer if isinstance(answer, Answer) else answer[0]

    def _post(self, chunks: Sequence[Sequence[bytes]], count: int) -> list[Answer] | Answer:
        reply = self._http.post("/v3/mail/send", chunks)
        return reply if isinstance(reply, Answer) else read_answer(reply, count, now=clock.now())

    def verify(self) -> Answer | None:
        """`/v3/scopes` tells what the key may do."""
        reply = self._http.get("/v3/scopes")
        if reply is None:
            return Answer(Outcome.BUSY, reason="SendGrid cannot be reached")
        said = reply.json()
        scopes = said.get("scopes") if isinstance(said, dict) else None
        if isinstance(scopes, list) and "mail.send" not in scopes:
            return Answer(Outcome.DENIED, reason="this API key may not send mail: it lacks the permission Mail Send")
        return read_refusal(reply, now=clock.now()) or Answer(Outcome.ACCEPTED)

    def close(self) -> None:
        self._http.close()


def _picture(picture: Asset) -> dict[str, str]:
    return {
        "content": as_base64(picture),
        "type": media_type(picture),
        "filename": picture.name,
        "disposition": "inline",
        "content_id": picture.content_id or "",
    }


# --- reading answers; pure --------------------------------------------------------------------------------------


def read_answer(reply: Reply, count: int, *, now: datetime) -> list[Answer] | Answer:
    """An answer for each of `count` letters, or one for the whole call."""
    refused = read_refusal(reply, now=now)
    if refused:
        return refused
    if reply.status != 202:
        # 200 says that the message is valid and was not queued (sandbox mode, which we do not ask for).
        return Answer(Outcome.UNSURE, reason=f"SendGrid answered {reply.status} where it says 202")
    message_id, wait_s = reply.headers.get("X-Message-Id"), pause_s(reply.headers, now=now)
    ids = [f"{message_id}#{number}" if message_id else None for number in range(count)]
    return [Answer(Outcome.ACCEPTED, provider_id=provider_id, pause_s=wait_s) for provider_id in ids]


def read_refusal(reply: Reply, *, now: datetime) -> Answer | None:
    """The answer for the whole call, REFUSED where it is the fault of addresses in it; None for 2xx."""
    said = reply.json()
    listed_errors = said.get("errors") if isinstance(said, dict) else None
    errors = [error for error in listed_errors if isinstance(error, dict)] if isinstance(listed_errors, list) else []
    fields = [str(error.get("field") or "") for error in errors]
    blames_recipient = bool(fields) and all(ABOUT_RECIPIENT.match(field) for field in fields)
    words = "; ".join(f"{error.get('message')} ({field})" for error, field in zip(errors, fields, strict=True))
    answer = refusal(reply, now=now, said=words, own={400: Outcome.REFUSED} if blames_recipient else None)
    if answer is None or answer.outcome is not Outcome.BUSY or answer.retry_after_s is not None:
        return answer
    return answer._replace(retry_after_s=pause_s(reply.headers, now=now))
