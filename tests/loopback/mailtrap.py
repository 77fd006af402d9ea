"""Mailtrap's documented API for batches and its log of sent mail (github.com/mailtrap/mailtrap-openapi, 2026-11)."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from email.header import decode_header, make_header
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

TOKEN = "token-of-the-loopback"
ACCOUNT = 26730
MAX_MESSAGES = 500
MAX_BODY_BYTES = 50_000_000
PAGE_SIZE = 2
"""Of the log: small, so that turning pages is tested."""
SHARED_FIELDS = frozenset(
    {"from", "reply_to", "subject", "text", "html", "attachments", "headers", "category", "custom_variables"}
    | {"template_uuid", "template_variables"}
)
REQUEST_FIELDS = SHARED_FIELDS | {"to", "cc", "bcc"}
ADDRESS = re.compile(r"[^\s@,;<>\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class MailtrapApi(Api):
    key = TOKEN

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, str] = {}
        """The words of the error, by recipient."""
        self.accounts = [{"id": ACCOUNT, "name": "Loopback", "access_levels": [100]}]
        self.unindexed: set[str] = set()
        """Delivery ids that the log does not show yet."""
        self.ignores_filters = False

    def is_send(self, request: Request) -> bool:
        return request.method == "POST"

    def refuse_call(self, request: Request) -> Response | None:
        if request.path != "/api/batch":
            return _errors(404, "Not Found")
        if request.headers.get("api-token") != self.key:
            return _errors(401, "Unauthorized")
        if len(request.body) > MAX_BODY_BYTES:
            return _errors(413, "Request is too large")
        try:
            call = request.json()
        except ValueError:
            return _errors(400, "Invalid JSON")
        if set(call) - {"base", "requests"} or not SHARED_FIELDS.issuperset(call.get("base", {})):
            return _errors(400, "Unknown fields")
        if not 1 <= len(call["requests"]) <= MAX_MESSAGES:
            return _errors(400, "'requests' must hold 1 to 500 messages")
        if any(one["to"][0]["email"] in self.invalid for one in call["requests"]):
            return _errors(400, "'to' address is invalid")
        return None

    def take(self, request: Request) -> Response:
        call = request.json()
        responses = [self._take_one({**call.get("base", {}), **one}, one) for one in call["requests"]]
        return json_response(200, {"success": True, "responses": responses})

    def _take_one(self, message: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        if problem := self._problem(message, request):
            return {"success": False, "errors": [problem]}
        message_id = str(uuid.uuid4())
        self.accept([_taken(message, message_id)])
        return {"success": True, "message_ids": [message_id]}

    def _problem(self, message: dict[str, Any], request: dict[str, Any]) -> str | None:
        if unknown := set(request) - REQUEST_FIELDS:
            return f"'{sorted(unknown)[0]}' is not allowed"
        if not message.get("subject") or not (message.get("html") or message.get("text")):
            return "'subject' and 'html' or 'text' are required"
        if self.senders is not None and message["from"]["email"] not in self.senders:
            return f"sending domain of {message['from']['email']} is not verified"
        if not all(isinstance(value, str) for value in message.get("custom_variables", {}).values()):
            return "'custom_variables' must be strings"
        (to,) = message["to"]
        if not ADDRESS.fullmatch(to["email"]) or to.get("name") == "" or self.chance_of_refusal():
            return "'to' address is invalid"
        return self.refused.get(to["email"])

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            return _errors(429, "Rate limit exceeded")
        if misdeed is Misdeed.DENIED:
            return _errors(401, "Unauthorized")
        if misdeed is Misdeed.QUOTA:
            return _errors(403, "Daily sending limit reached")
        if misdeed is Misdeed.TOO_LARGE:
            return _errors(413, "Request is too large")
        return _errors(503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500, "Internal")

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        responses = json.loads(response.body)["responses"]
        spoilt = responses[:-1] if misdeed is Misdeed.SHORT else responses[::-1]
        return json_response(200, {"success": True, "responses": spoilt})

    # --- questions ---

    def answer(self, request: Request) -> Response:
        if request.headers.get("api-token") != self.key:
            return json_response(401, {"error": "Incorrect API token"})
        if request.path == "/api/accounts":
            return json_response(200, self.accounts)
        if request.path != f"/api/accounts/{ACCOUNT}/email_logs":
            return json_response(404, {"error": "Not Found"})
        return json_response(200, self._log(request.query))

    def _log(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Newest first, a page at a time."""
        category = query.get("filters[category][value]")
        hits = [
            {"message_id": one.provider_id, "status": "delivered", "to": one.address, "subject": one.subject}
            | {"category": one.message["category"], "custom_variables": one.message["custom_variables"]}
            for one in reversed(self.taken)
            if (self.ignores_filters or one.message["category"] == category) and one.delivery_id not in self.unindexed
        ]
        ids = [hit["message_id"] for hit in hits]
        first = ids.index(query["search_after"]) + 1 if "search_after" in query else 0
        page = hits[first : first + PAGE_SIZE]
        is_last = first + PAGE_SIZE >= len(hits)
        cursor = None if is_last else page[-1]["message_id"]
        return {"messages": page, "total_count": len(hits), "next_page_cursor": cursor}


def _errors(status: int, words: str) -> Response:
    return json_response(status, {"success": False, "errors": [words]})


def _taken(message: dict[str, Any], message_id: str) -> Taken:
    headers = {name: str(make_header(decode_header(value))) for name, value in message.get("headers", {}).items()}
    own = {"From": _mailbox(message["from"]), "To": _mailbox(message["to"][0])}
    if "reply_to" in message:
        own["Reply-To"] = _mailbox(message["reply_to"])
    return Taken(
        delivery_id=message["custom_variables"]["delivery_id"],
        address=message["to"][0]["email"],
        subject=message["subject"],
        html=message["html"],
        text=message["text"],
        headers=headers | own,
        message=message,
        provider_id=message_id,
    )


def _mailbox(one: Mapping[str, str]) -> str:
    return f'"{one["name"]}" <{one["email"]}>' if one.get("name") else one["email"]
