"""Resend's documented API for single messages and batches, with its idempotency keys, and for listing domains."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from email.utils import getaddresses, parseaddr
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

KEY = "re_key-of-the-loopback"
DOMAIN = "example.org"
MAX_BATCH = 100
MAX_TO = 50
MAX_KEY_CHARS = 256

FIELDS = frozenset(
    {"from", "to", "cc", "bcc", "reply_to", "subject", "html", "text", "headers", "attachments", "tags"}
    | {"scheduled_at", "topic_id", "template"}
)
NOT_IN_A_BATCH = ("attachments", "scheduled_at")
ATTACHMENT_FIELDS = frozenset({"content", "filename", "path", "content_type", "content_id"})
TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
MAILBOX = re.compile(r"[^\s@<>,;\"]+@(?:[a-z0-9-]+\.)+[a-z0-9-]+", re.IGNORECASE)
BAD_TO = "Invalid `to` field. The email address needs to follow the `email@example.com` or `Name <email>` format."


def failure(status: int, name: str, message: str, **headers: str) -> Response:
    return json_response(status, {"statusCode": status, "name": name, "message": message}, **headers)


class ResendApi(Api):
    key = KEY

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, str] = {}
        """What is said of a recipient who is left out of a permissive batch."""
        self.rate: Mapping[str, str] = {}
        """Headers of every answer."""
        self.may_only_send = False
        self.domains = {DOMAIN: "verified"}
        self._answers: dict[str, tuple[bytes, Response]] = {}

    def is_send(self, request: Request) -> bool:
        return request.method == "POST"

    def refuse_call(self, request: Request) -> Response | None:
        if request.path not in ("/emails", "/emails/batch"):
            return failure(404, "not_found", "The requested endpoint does not exist.")
        if refused := self._refuse_key(request):
            return refused
        if not 1 <= len(request.headers.get("idempotency-key", "k")) <= MAX_KEY_CHARS:
            return failure(400, "invalid_idempotency_key", "The key must be between 1-256 chars.")
        try:
            said = request.json()
        except ValueError:
            return failure(400, "validation_error", "The body is no JSON.")
        return self._refuse_batch(request, said) if request.path == "/emails/batch" else self._refuse_one(said)

    def _refuse_key(self, request: Request) -> Response | None:
        if "user-agent" not in request.headers:
            return failure(403, "missing_user_agent", "A User-Agent is required.")
        given = request.headers.get("authorization")
        if given is None:
            return failure(401, "missing_api_key", "Missing API key in the authorization header.")
        return None if given == f"Bearer {self.key}" else failure(401, "validation_error", "API key is invalid")

    def _refuse_batch(self, request: Request, said: Any) -> Response | None:
        if not isinstance(said, list) or not 1 <= len(said) <= MAX_BATCH:
            return failure(422, "validation_error", "A batch is an array of 1 to 100 emails.")
        if any(name in one for one in said for name in NOT_IN_A_BATCH):
            return failure(422, "validation_error", "The `attachments` field is not supported in a batch.")
        if any(parseaddr(to)[1] in self.invalid for one in said for to in one["to"]):
            return failure(422, "validation_error", BAD_TO)
        if sender := self._wrong_sender(said[0]):
            return sender
        is_permissive = request.headers.get("x-batch-validation", "strict") == "permissive"
        problems = [problem for problem in map(self._problem, said) if problem]
        return failure(422, "validation_error", problems[0]) if problems and not is_permissive else None

    def _refuse_one(self, message: Any) -> Response | None:
        problem = self._problem(message)
        return self._wrong_sender(message) or (failure(422, "validation_error", problem) if problem else None)

    def _wrong_sender(self, message: Mapping[str, Any]) -> Response | None:
        sender = parseaddr(message.get("from", ""))[1]
        if self.senders is None or sender in self.senders:
            return None
        return failure(403, "validation_error", f"The {sender} domain is not verified. Please, add and verify it.")

    def _problem(self, message: Mapping[str, Any]) -> str | None:
        missing = next((name for name in ("from", "to", "subject") if not message.get(name)), None)
        if missing:
            return f"Missing `{missing}` field."
        if not FIELDS.issuperset(message) or not (message.get("html") or message.get("text")):
            return "Unknown field, or nothing to say."
        people = message["to"] if isinstance(message["to"], list) else [message["to"]]
        addresses = [address for _, address in getaddresses(people)]
        if len(people) > MAX_TO or not all(MAILBOX.fullmatch(address) for address in addresses):
            return BAD_TO
        if self.chance_of_refusal():
            return BAD_TO
        refused = next((self.refused[address] for address in addresses if address in self.refused), None)
        return refused or _wrong_details(message)

    def take(self, request: Request) -> Response:
        key = request.headers.get("idempotency-key")
        if key in self._answers:
            body, answer = self._answers[key]
            words = "Same idempotency key used with a different request payload."
            return answer if body == request.body else failure(409, "invalid_idempotent_request", words)
        answer = self._take_batch(request) if request.path == "/emails/batch" else self._take_one(request)
        if key:
            self._answers[key] = (request.body, answer)
        return answer

    def _take_one(self, request: Request) -> Response:
        taken = _taken(request.json())
        self.accept([taken])
        return json_response(200, {"id": taken.provider_id}, **self.rate)

    def _take_batch(self, request: Request) -> Response:
        problems = [self._problem(message) for message in request.json()]
        taken = [_taken(message) for message, problem in zip(request.json(), problems, strict=True) if not problem]
        self.accept(taken)
        answer: dict[str, Any] = {"data": [{"id": one.provider_id} for one in taken]}
        if request.headers.get("x-batch-validation") == "permissive":
            answer["errors"] = [{"index": n, "message": words} for n, words in enumerate(problems) if words]
        return json_response(200, answer, **self.rate)

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            headers = {"retry-after": "0"} if misdeed is Misdeed.BUSY else {}
            return failure(429, "rate_limit_exceeded", "Too many requests. You can only make 2 a second.", **headers)
        if misdeed is Misdeed.DENIED:
            return failure(401, "validation_error", "API key is invalid")
        if misdeed is Misdeed.QUOTA:
            return failure(429, "daily_quota_exceeded", "You have reached your daily email sending quota.")
        if misdeed is Misdeed.TOO_LARGE:
            return Response(413)
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return failure(status, "application_error", "An unexpected error occurred.")

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        said = json.loads(response.body)
        if "data" not in said:
            return json_response(200, {}) if misdeed is Misdeed.SHORT else response
        ids = said["data"]
        return json_response(200, said | {"data": ids[:-1] if misdeed is Misdeed.SHORT else ids[::-1]})

    def answer(self, request: Request) -> Response:
        if refused := self._refuse_key(request):
            return refused
        if self.may_only_send:
            return failure(401, "restricted_api_key", "This API key is restricted to only send emails.")
        if request.path != "/domains":
            return failure(404, "not_found", "The requested endpoint does not exist.")
        domains = [{"id": name, "name": name, "status": status} for name, status in self.domains.items()]
        return json_response(200, {"object": "list", "has_more": False, "data": domains})


def _wrong_details(message: Mapping[str, Any]) -> str | None:
    tags = message.get("tags", [])
    if not all(set(tag) == {"name", "value"} and all(map(TAG.fullmatch, tag.values())) for tag in tags):
        return "Tags should only contain ASCII letters, numbers, underscores, or dashes."
    if len({tag["name"] for tag in tags}) < len(tags):
        return "Tags should have unique names."
    if not all(isinstance(value, str) for value in message.get("headers", {}).values()):
        return "The `headers` field must be an object of strings."
    if not all(ATTACHMENT_FIELDS.issuperset(one) and one.get("filename") for one in message.get("attachments", [])):
        return "Invalid `attachments` field."
    return None


def _taken(message: Mapping[str, Any]) -> Taken:
    tags = {tag["name"]: tag["value"] for tag in message.get("tags", [])}
    reply_to = message.get("reply_to", [])
    shown = {"From": message["from"], "To": ", ".join(message["to"]), "Reply-To": ", ".join(reply_to)}
    return Taken(
        delivery_id=tags.get("delivery_id", "").replace("_", "."),
        address=parseaddr(message["to"][0])[1],
        subject=message["subject"],
        html=message.get("html", ""),
        text=message.get("text", ""),
        headers=message.get("headers", {}) | {name: value for name, value in shown.items() if value},
        message=message,
        provider_id=str(uuid.uuid4()),
    )
