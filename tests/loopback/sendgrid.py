"""SendGrid's documented `POST /v3/mail/send`, and the question what a key may do."""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from email.utils import formataddr
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

KEY = "SG.key-of-the-loopback"
MAX_PEOPLE = 1000
MAX_BODY_BYTES = 30_000_000
MAX_VALUES_BYTES = 10_000

FIELDS = frozenset(
    {"personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments", "template_id"}
    | {"headers", "categories", "custom_args", "send_at", "batch_id", "asm", "ip_pool_name", "mail_settings"}
    | {"tracking_settings"}
)
PERSON_FIELDS = frozenset(
    {"to", "cc", "bcc", "from", "subject", "headers", "substitutions", "dynamic_template_data", "custom_args"}
    | {"send_at"}
)
RESERVED_HEADERS = frozenset(
    {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"}
    | {"to", "from", "subject", "reply-to", "cc", "bcc"}
)
MAILBOX = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)

Problem = tuple[str, str | None]
"""Message and field."""


def errors(status: int, *problems: Problem, **headers: str) -> Response:
    said = [{"message": message, "field": field, "help": None} for message, field in problems]
    return json_response(status, {"errors": said}, **headers)


class SendgridApi(Api):
    """Nobody is refused by name: an address that is none is the fault of the whole call (`invalid`)."""

    key = KEY
    tracks_unsubscribes = True
    """The account's own setting, where a message does not say otherwise."""
    scopes: tuple[str, ...] = ("mail.send", "sender_verification_eligible")

    def is_send(self, request: Request) -> bool:
        return request.method == "POST"

    def refuse_call(self, request: Request) -> Response | None:
        if request.path != "/v3/mail/send":
            return errors(404, ("not found", None))
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return errors(401, ("The provided authorization grant is invalid, expired, or revoked", None))
        if len(request.body) > MAX_BODY_BYTES:
            return errors(413, ("Payload too large", None))
        if request.headers.get("content-type") != "application/json":
            return errors(415, ("Content-Type should be application/json.", None))
        try:
            message = request.json()
        except ValueError:
            return errors(400, ("Bad Request", None))
        if self.senders is not None and message["from"]["email"] not in self.senders:
            return errors(403, ("The from address does not match a verified Sender Identity.", "from"))
        problems = [*_problems(message), *self._addresses(message["personalizations"])]
        return errors(400, *problems) if problems else None

    def _addresses(self, people: list[dict[str, Any]]) -> Iterator[Problem]:
        for number, person in enumerate(people):
            for place, to in enumerate(person["to"]):
                if not MAILBOX.fullmatch(to["email"]) or to["email"] in self.invalid:
                    yield "Does not contain a valid address.", f"personalizations.{number}.to.{place}.email"
        counts = Counter(to["email"].lower() for person in people for to in person["to"])
        if repeated := [address for address, count in counts.items() if count > 1]:
            message = "Each unique email address in the personalizations array should only be included once. "
            yield f"{message}You have included [{repeated[0]}] more than once.", "personalizations"

    def take(self, request: Request) -> Response:
        message_id = uuid.uuid4().hex[:22]
        message = request.json()
        tracked = {"subscription_tracking": {"enable": self.tracks_unsubscribes}} | message.get("tracking_settings", {})
        message["tracking_settings"] = tracked
        self.accept([_taken(message, person, f"{message_id}.filter") for person in message["personalizations"]])
        return Response(202, b"", {"X-Message-Id": message_id})

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed is Misdeed.BUSY_UNTOLD:
            return errors(429, ("too many requests", None))
        if misdeed is Misdeed.BUSY:
            return errors(429, ("too many requests", None), **{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "0"})
        if misdeed is Misdeed.DENIED:
            return errors(401, ("Permission denied, wrong credentials", None))
        if misdeed is Misdeed.QUOTA:
            return errors(401, ("Maximum credits exceeded", None))
        if misdeed is Misdeed.TOO_LARGE:
            return errors(413, ("Payload too large", None))
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return errors(status, ("Internal server error", None))

    def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return errors(401, ("authorization required", None))
        if request.path == "/v3/scopes":
            return json_response(200, {"scopes": list(self.scopes)})
        return errors(404, ("not found", None))


# --- what it checks ---------------------------------------------------------------------------------------------


def _problems(message: dict[str, Any]) -> Iterator[Problem]:
    people = message["personalizations"]
    unknown = [*(set(message) - FIELDS), *(name for person in people for name in set(person) - PERSON_FIELDS)]
    if unknown:
        yield f"Additional property {unknown[0]} is not allowed", unknown[0]
    if not 1 <= len(people) <= MAX_PEOPLE or sum(len(person["to"]) for person in people) > MAX_PEOPLE:
        yield "The personalization block is limited to 1000 personalizations per API request.", "personalizations"
    if not message.get("subject"):
        yield "The subject is required.", "subject"
    types = [part["type"] for part in message["content"] if part["value"]]
    if types != ["text/plain", "text/html"][-len(types) :] or len(types) != len(message["content"]):
        yield "If present, text/plain and text/html may only be provided once, in this order.", "content"
    if len(set(message.get("categories", ()))) > 10:
        yield "categories cannot have more than 10 entries", "categories"
    for person in people:
        yield from _person_problems(person, {**message.get("headers", {}), **person.get("headers", {})})


def _person_problems(person: dict[str, Any], headers: Mapping[str, str]) -> Iterator[Problem]:
    for name, value in headers.items():
        if name.lower() in RESERVED_HEADERS:
            yield f"The {name} header is reserved and cannot be overwritten.", "headers"
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            yield "Bad Request", None
    for kind in ("substitutions", "custom_args"):
        values = person.get(kind, {})
        if not all(isinstance(value, str) for value in values.values()):
            yield "Bad Request", None
        if len(json.dumps(values)) > MAX_VALUES_BYTES:
            yield f"The {kind} may not exceed 10000 bytes.", kind
    for to in person["to"]:
        if to.get("name") == "":
            yield "Bad Request", None


# --- what the recipient gets ------------------------------------------------------------------------------------


def _taken(message: dict[str, Any], person: dict[str, Any], message_id: str) -> Taken:
    values = person.get("substitutions", {})
    content = {part["type"]: _merged(part["value"], values) for part in message["content"]}
    headers = {**message.get("headers", {}), **person.get("headers", {})}
    headers |= {"From": _written(message["from"]), "To": _written(person["to"][0])}
    if reply_to := message.get("reply_to_list", [message["reply_to"]] if "reply_to" in message else []):
        headers["Reply-To"] = _merged(", ".join(map(_written, reply_to)), values)
    html, text = content["text/html"], content["text/plain"]
    tracking = message["tracking_settings"]
    if tracking.get("open_tracking", {}).get("enable", True):
        html += '<img src="https://u1.ct.sendgrid.net/wf/open">'
    if tracking.get("click_tracking", {}).get("enable", True):
        html = html.replace('href="', 'href="https://u1.ct.sendgrid.net/ls/click?upn=')
    if tracking["subscription_tracking"]["enable"]:
        headers["List-Unsubscribe"] = "<https://u1.ct.sendgrid.net/wf/unsubscribe>"
    return Taken(
        delivery_id={**message.get("custom_args", {}), **person.get("custom_args", {})}["delivery_id"],
        address=person["to"][0]["email"],
        subject=_merged(person.get("subject") or message["subject"], values),
        html=html,
        text=text,
        headers=headers,
        message={**message, "personalizations": [person]},
        provider_id=message_id,
    )


def _merged(text: str, values: Mapping[str, str]) -> str:
    """One key after the other, each wherever it stands, be it in the value of another."""
    for key, value in values.items():
        text = text.replace(key, value)
    return text


def _written(mailbox: Mapping[str, str]) -> str:
    return formataddr((mailbox.get("name", ""), mailbox["email"]))
