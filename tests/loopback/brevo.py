"""Brevo's documented API for transactional mail and its events (developers.brevo.com, read 2026-11)."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from email.header import decode_header, make_header
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

KEY = "xkeysib-of-the-loopback"
MAX_VERSIONS = 1000
MAX_NAME_CHARS = 70
FIELDS = frozenset(
    {"sender", "to", "cc", "bcc", "replyTo", "subject", "htmlContent", "textContent", "attachment", "headers", "params"}
    | {"templateId", "messageVersions", "tags", "scheduledAt", "batchId"}
)
VERSION_FIELDS = frozenset(
    {"to", "cc", "bcc", "replyTo", "subject", "htmlContent", "textContent", "params", "headers", "templateId"}
)
STANDARD_HEADERS = frozenset({"from", "to", "cc", "bcc", "subject", "date", "message-id", "reply-to", "mime-version"})
ADDRESS = re.compile(r"[^\s@,;<>\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
SPECIAL = re.compile(r'[\[\]\\()<>@,:;".]')
Problem = tuple[int, str, str]
"""HTTP status, code, message."""


class BrevoApi(Api):
    key = KEY

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, str] = {}
        """Recipient → what a call that names it is refused with."""
        self.keys: set[str] = set()
        """Idempotency keys seen; that they are forgotten after half an hour no test waits for."""
        self.code_of_seen_key = "duplicate_parameter"
        self.tags: dict[str, list[str]] = {}
        """By delivery."""
        self.unindexed: set[str] = set()
        """Delivery ids whose events are not there yet."""
        self.rate_headers: dict[str, str] = {}

    def is_send(self, request: Request) -> bool:
        return request.method == "POST"

    def refuse_call(self, request: Request) -> Response | None:
        if request.path != "/v3/smtp/email":
            return _error(404, "document_not_found", "Route not found")
        if request.headers.get("api-key") != self.key:
            return _error(401, "unauthorized", "Key not found")
        try:
            call = request.json()
        except ValueError:
            return _error(400, "bad_request", "Input must be a valid JSON object")
        problem = self._problem_of_call(call) or next(
            (found for version in call["messageVersions"] if (found := self._problem_of_version(version))), None
        )
        return _error(*problem) if problem else None

    def _problem_of_call(self, call: dict[str, Any]) -> Problem | None:
        if unknown := set(call) - FIELDS:
            return 400, "invalid_parameter", f"unknown parameter {sorted(unknown)[0]}"
        if self.senders is not None and call["sender"]["email"] not in self.senders:
            words = f"Sending has been rejected because the sender you used {call['sender']['email']} is not valid."
            return 400, "invalid_parameter", words
        if not call.get("subject") or not (call.get("htmlContent") or call.get("textContent")):
            return 400, "missing_parameter", "subject and htmlContent are required"
        if not 1 <= len(call.get("messageVersions", [])) <= MAX_VERSIONS:
            return 400, "out_of_range", "messageVersions must hold 1 to 1000 versions"
        key = call.get("headers", {}).get("idempotencyKey")
        if key is not None and not _is_uuid(key):
            return 400, "invalid_parameter", "idempotencyKey is not a valid UUID"
        if key in self.keys:
            return 400, self.code_of_seen_key, "A request with the same idempotencyKey was made before"
        return None

    def _problem_of_version(self, version: dict[str, Any]) -> Problem | None:
        if unknown := set(version) - VERSION_FIELDS:
            return 400, "invalid_parameter", f"unknown parameter {sorted(unknown)[0]} in messageVersions"
        if any(name.lower() in STANDARD_HEADERS for name in version.get("headers", {})):
            return 400, "invalid_parameter", "standard headers are not allowed in headers"
        (to,) = version["to"]
        if "name" in to and not 1 <= len(to["name"]) <= MAX_NAME_CHARS:
            return 400, "invalid_parameter", "name must have 1 to 70 characters in to"
        address = to["email"]
        if not ADDRESS.fullmatch(address) or address in self.invalid or self.chance_of_refusal():
            return 400, "invalid_parameter", "email is not valid in to"
        if address in self.refused:
            return 400, "invalid_parameter", self.refused[address]
        try:
            _rendered(version["subject"], version, as_html=False)
        except TemplateError as error:
            return 400, "bad_request", f"template cannot be rendered: {error}"
        return None

    def take(self, request: Request) -> Response:
        call = request.json()
        self.keys.add(call.get("headers", {}).get("idempotencyKey", ""))
        taken = [_taken(call, version) for version in call["messageVersions"]]
        self.tags |= {one.delivery_id: call.get("tags", []) for one in taken}
        self.accept(taken)
        body = {"messageIds": [one.provider_id for one in taken]}
        return json_response(201, body, **self.rate_headers)

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            return _error(429, "too_many_requests", "Too many requests")
        if misdeed is Misdeed.DENIED:
            return _error(401, "unauthorized", "Key not found")
        if misdeed is Misdeed.QUOTA:
            return _error(402, "not_enough_credits", "Insufficient credits")
        if misdeed is Misdeed.TOO_LARGE:
            return Response(413)
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return _error(status, "internal_server_error", "Something went wrong")

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        ids = json.loads(response.body)["messageIds"]
        return json_response(201, {"messageIds": ids[:-1] if misdeed is Misdeed.SHORT else ids[::-1]})

    # --- questions ---

    def answer(self, request: Request) -> Response:
        if request.headers.get("api-key") != self.key:
            return _error(401, "unauthorized", "Key not found")
        if request.path == "/v3/account":
            return json_response(200, {"email": "owner@example.org", "plan": []})
        if request.path != "/v3/smtp/statistics/events":
            return _error(404, "document_not_found", "Route not found")
        wanted = set(json.loads(request.query["tags"])) if "tags" in request.query else set()
        events = [
            {"date": "2026-11-19T09:00:00Z", "email": one.address, "event": "requests", "messageId": one.provider_id}
            | {"tag": json.dumps(self.tags[one.delivery_id]), "subject": one.subject}
            for one in self.taken
            if wanted <= set(self.tags[one.delivery_id]) and one.delivery_id not in self.unindexed
        ]
        return json_response(200, {"events": events} if events else {})


def _error(status: int, code: str, message: str) -> Response:
    return json_response(status, {"code": code, "message": message})


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _rendered(text: str, version: Mapping[str, Any], *, as_html: bool) -> str:
    """By Brevo's template language, which is Jinja's in what counts here: unknown variables are empty."""
    engine = SandboxedEnvironment(autoescape=as_html, keep_trailing_newline=True)
    return engine.from_string(text).render(params=version.get("params", {}), contact={})


def _taken(call: Mapping[str, Any], version: dict[str, Any]) -> Taken:
    # A header that is not ASCII goes out as raw bytes, which readers' programs take for Latin-1.
    headers = {name: value.encode().decode("latin-1") for name, value in version["headers"].items()}
    custom = json.loads(headers["X-Mailin-custom"])
    own = {"From": _mailbox(call["sender"]), "To": _mailbox(version["to"][0])}
    if "replyTo" in call:
        own["Reply-To"] = _mailbox(call["replyTo"])
    return Taken(
        delivery_id=custom["delivery_id"],
        address=version["to"][0]["email"],
        subject=_rendered(version["subject"], version, as_html=False),
        html=_rendered(version["htmlContent"], version, as_html=True),
        text=_rendered(version["textContent"], version, as_html=False),
        headers=headers | own,
        message=version,
        provider_id=f"<{uuid.uuid4()}@smtp-relay.mailin.fr>",
    )


def _mailbox(one: Mapping[str, str]) -> str:
    """As the reader sees it: encoded words decoded, a name that Brevo cannot encode gone."""
    name = one.get("name", "")
    if not name.isascii() and SPECIAL.search(name):
        name = ""
    return f'"{make_header(decode_header(name))}" <{one["email"]}>' if name else one["email"]
