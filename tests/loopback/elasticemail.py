"""Elastic Email's documented API for sending, version 4 (its own clients and `elasticemail-skills`, read 2026-11)."""

from __future__ import annotations

import re
import uuid
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

KEY = "access-token-of-the-loopback"
BULK, TRANSACTIONAL = "/v4/emails", "/v4/emails/transactional"
MAX_RECIPIENTS = 1000
MAX_RECIPIENTS_TRANSACTIONAL = 50
MAX_BODY_BYTES = 20_000_000

FIELDS = frozenset({"Recipients", "Content", "Options"})
CONTENT = frozenset(
    {"Body", "Merge", "Attachments", "Headers", "Postback", "EnvelopeFrom", "From", "ReplyTo", "Subject"}
    | {"TemplateName", "AttachFiles", "Utm"}
)
OPTIONS = frozenset({"TimeOffset", "PoolName", "ChannelName", "Encoding", "TrackOpens", "TrackClicks"})
BODY = frozenset({"ContentType", "Content", "Charset"})
CONTENT_TYPES = frozenset({"HTML", "PlainText", "AMP", "CSS"})
ADDRESS = re.compile(r"[^\s@,;<>\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
MERGE_FIELD = re.compile(r"\{([^{}]*)\}")
DENIED = 400, {"Error": "APIKey Expired"}


class ElasticEmailApi(Api):
    key = KEY

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, str] = {}
        """The words of `Error`, by recipient; which ones there are is not documented."""

    def is_send(self, request: Request) -> bool:
        return request.path in (BULK, TRANSACTIONAL)

    def refuse_call(self, request: Request) -> Response | None:
        if request.headers.get("x-elasticemail-apikey") != self.key:
            return json_response(*DENIED)
        if len(request.body) > MAX_BODY_BYTES:
            return Response(413)
        try:
            call = request.json()
        except ValueError:
            return _error("the body is no JSON")
        return self._problem(request.path, call)

    def _problem(self, path: str, call: dict[str, Any]) -> Response | None:
        content, options = call.get("Content", {}), call.get("Options", {})
        if not FIELDS.issuperset(call) or not CONTENT.issuperset(content) or not OPTIONS.issuperset(options):
            return _error("a field is not known")
        if not all(BODY.issuperset(part) and part["ContentType"] in CONTENT_TYPES for part in content["Body"]):
            return _error("a part of the body is not known")
        texts = [*content.get("Headers", {}).values(), *content.get("Merge", {}).values()]
        if not all(isinstance(text, str) for text in texts):
            return _error("headers and merge fields are texts")
        sender = parseaddr(content.get("From", ""))[1]
        if not sender or (self.senders is not None and sender not in self.senders):
            return _error(f"The sender {sender} is not verified")
        if path == TRANSACTIONAL and "List-Unsubscribe" in content.get("Headers", {}):
            return _error("List-Unsubscribe in a transactional email")  # in truth it is dropped
        readers, limit = _recipients(path, call["Recipients"])
        if not 1 <= len(readers) <= limit:
            return _error("too few or too many recipients")
        bad = [one for one in readers if not ADDRESS.fullmatch(one) or one in self.invalid]
        if bad or self.chance_of_refusal():
            return _error(f"The recipient {(bad or readers)[0]} is not valid")
        return next((_error(f"{one}: {self.refused[one]}") for one in readers if one in self.refused), None)

    def take(self, request: Request) -> Response:
        call = request.json()
        readers, _ = _recipients(request.path, call["Recipients"])
        message_id = uuid.uuid4().hex[:22]
        is_bulk = request.path == BULK
        fields = [one.get("Fields", {}) for one in call["Recipients"]] if is_bulk else [{}] * len(readers)
        self.accept([_taken(call, reader, own, message_id) for reader, own in zip(readers, fields, strict=True)])
        return json_response(200, {"TransactionID": str(uuid.uuid4()), "MessageID": message_id})

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            return json_response(429, {"Error": "Too many requests"})
        if misdeed is Misdeed.DENIED:
            return json_response(*DENIED)
        if misdeed is Misdeed.QUOTA:
            return _error("Not enough credit to send emails")
        if misdeed is Misdeed.TOO_LARGE:
            return Response(413)
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return json_response(status, {"Error": "Internal server error"})

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        """There is one result; SHORT takes its ids away."""
        return response if misdeed is Misdeed.SHUFFLED else json_response(200, {})


def _error(words: str) -> Response:
    return json_response(400, {"Error": words})


def _recipients(path: str, given: Any) -> tuple[list[str], int]:
    """The bare addresses: the bulk endpoint takes nothing else."""
    if path == BULK:
        return [one["Email"] for one in given], MAX_RECIPIENTS
    everybody = [text for field in ("To", "CC", "BCC") for text in given.get(field, [])]
    return [parseaddr(text)[1] for text in everybody], MAX_RECIPIENTS_TRANSACTIONAL


def _taken(call: dict[str, Any], address: str, own: dict[str, str], message_id: str) -> Taken:
    content = call["Content"]
    fields = content.get("Merge", {}) | own

    def merged(text: str) -> str:
        """In one pass; what is no field is taken away."""
        return MERGE_FIELD.sub(lambda found: fields.get(found[1], ""), text)

    bodies = {part["ContentType"]: merged(part["Content"]) for part in content["Body"]}
    headers = {name: str(make_header(decode_header(value))) for name, value in content["Headers"].items()}
    to = call["Recipients"]["To"][0] if isinstance(call["Recipients"], dict) else address
    shown = {"From": content["From"], "To": to, "Reply-To": content.get("ReplyTo", "")}
    return Taken(
        delivery_id=headers["X-Delivery-ID"],
        address=address,
        subject=merged(content["Subject"]),
        html=bodies["HTML"],
        text=bodies["PlainText"],
        headers=headers | {name: value for name, value in shown.items() if value},
        message=call,
        provider_id=message_id,
    )
