"""Mandrill's documented API: `messages/send`, `messages/search` and `users/ping2`; the key is in every body."""

from __future__ import annotations

import json
import re
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from email.utils import formataddr
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

KEY = "md-key-of-the-loopback"
MAX_BODY_BYTES = 25_000_000 * 4 // 3
MAX_METADATA_BYTES = 200
"""Of an early page; later ones say nothing."""

FIELDS = frozenset({"key", "message", "async", "ip_pool", "send_at"})
MESSAGE_FIELDS = frozenset(
    {"html", "text", "subject", "from_email", "from_name", "to", "headers", "important", "track_opens", "track_clicks"}
    | {"auto_text", "auto_html", "inline_css", "url_strip_qs", "preserve_recipients", "view_content_link"}
    | {"bcc_address", "tracking_domain", "signing_domain", "return_path_domain", "merge", "merge_language"}
    | {"global_merge_vars", "merge_vars", "tags", "subaccount", "google_analytics_domains", "metadata"}
    | {"google_analytics_campaign", "recipient_metadata", "attachments", "images"}
)
MAILBOX = re.compile(r"[^\s@<>]+@[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
MERGE_TAG = re.compile(r"\*\|[^|]*\|\*|\{\{[^}]*\}\}")


def error(status: int, name: str, message: str, code: int = -1) -> Response:
    return json_response(status, {"status": "error", "code": code, "name": name, "message": message})


class MandrillApi(Api):
    key = KEY

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, tuple[str, str | None]] = {}
        """Status and reason by recipient."""
        self.queued: deque[str] = deque()
        """Why the mails to come are queued and not sent, in order."""
        self.adds_view_link = True
        """The account's own setting, where a message does not say otherwise."""
        self.indexes_metadata = True
        self.unindexed: set[str] = set()
        """Delivery ids that the search does not show yet."""
        self.max_hits = 1000
        self.searches: list[dict[str, Any]] = []

    def is_send(self, request: Request) -> bool:
        return request.path.startswith("/api/1.0/messages/send")

    def refuse_call(self, request: Request) -> Response | None:
        if request.path not in ("/api/1.0/messages/send.json", "/api/1.0/messages/send"):
            return error(404, "Unknown_Method", "no such method")
        if len(request.body) > MAX_BODY_BYTES:
            return Response(413, b"<html>413 Request Entity Too Large</html>")
        try:
            call = request.json()
        except ValueError:
            return error(400, "ValidationError", "You must specify a key value", -2)
        if call.get("key") != self.key:
            return error(401, "Invalid_Key", "Invalid API key")
        problem = next(_problems(call), None)
        return error(400, "ValidationError", f"Validation error: {json.dumps(problem)}", -2) if problem else None

    def take(self, request: Request) -> Response:
        message = request.json()["message"]
        return json_response(200, [self._take_one(message, to) for to in message["to"]])

    def _take_one(self, message: dict[str, Any], to: Mapping[str, str]) -> dict[str, Any]:
        status, reason = self._verdict(message, to["email"])
        entry = {"email": to["email"], "status": status, "reject_reason": reason}
        if status == "invalid":
            return entry
        message_id = uuid.uuid4().hex
        if status == "sent":
            self.accept([_taken({"view_content_link": self.adds_view_link} | message, to, message_id)])
        if self.queued and status == "sent":
            entry |= {"status": "queued", "queued_reason": self.queued.popleft()}
        return entry | {"_id": message_id}

    def _verdict(self, message: dict[str, Any], address: str) -> tuple[str, str | None]:
        if self.senders is not None and message["from_email"] not in self.senders:
            return "rejected", "unsigned"
        if not MAILBOX.fullmatch(address):
            return "invalid", None
        if self.chance_of_refusal():
            return "rejected", "hard-bounce"
        return self.refused.get(address, ("sent", None))

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            return Response(429, b"", {"Retry-After": "0"} if misdeed is Misdeed.BUSY else {})
        if misdeed is Misdeed.DENIED:
            return error(500, "Invalid_Key", "Invalid API key")
        if misdeed is Misdeed.QUOTA:
            return error(402, "PaymentRequired", "The requested feature requires payment.", 10)
        if misdeed is Misdeed.TOO_LARGE:
            return Response(413, b"<html>413 Request Entity Too Large</html>")
        if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER):
            return error(503, "ServiceUnavailable", "The subsystem is down for maintenance", 14)
        return error(500, "GeneralError", "An unexpected error occurred processing the request.", -99)

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        results = json.loads(response.body)
        return json_response(200, results[:-1] if misdeed is Misdeed.SHORT else results[::-1])

    # --- questions ---

    def answer(self, request: Request) -> Response:
        asked = json.loads(request.body or b"{}")
        if asked.get("key") != self.key:
            return error(401, "Invalid_Key", "Invalid API key")
        if request.path == "/api/1.0/users/ping2.json":
            return json_response(200, {"PING": "PONG!"})
        if request.path != "/api/1.0/messages/search.json":
            return error(404, "Unknown_Method", "no such method")
        self.searches.append(asked)
        hits = [_hit(one) for one in reversed(self.taken) if self._matches(one, asked)]
        return json_response(200, hits[: min(asked["limit"], self.max_hits)])

    def _matches(self, one: Taken, asked: Mapping[str, Any]) -> bool:
        if one.delivery_id in self.unindexed or not set(asked["tags"]) & set(one.message["tags"]):
            return False
        ids = re.findall(r'u_delivery_id:"([^"]*)"', asked["query"])
        return asked["query"] == "*" or (self.indexes_metadata and one.delivery_id in ids)


def _hit(one: Taken) -> dict[str, Any]:
    shown = {"_id": one.provider_id, "state": "sent", "email": one.address, "tags": one.message["tags"]}
    return shown | {"metadata": one.message["metadata"]}


def _problems(call: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    message = call["message"]
    for name in (set(call) - FIELDS) | (set(message) - MESSAGE_FIELDS):
        yield {name: "is unknown"}
    for number, to in enumerate(message["to"]):
        if "@" not in to["email"]:
            yield {"message": {"to": {number: {"email": "An email address must contain a single @"}}}}
        if to.get("name") == "" or set(to) - {"email", "name", "type"}:
            yield {"message": {"to": {number: {"name": "is empty"}}}}
    for name, value in message.get("headers", {}).items():
        if not isinstance(value, str) or not value.isascii():
            yield {"message": {"headers": {name: "is no ASCII"}}}
    if any(len(tag) > 50 or tag.startswith("_") for tag in message.get("tags", ())):
        yield {"message": {"tags": "at most 50 characters, not beginning with an underscore"}}
    if len(json.dumps(message.get("metadata", {}))) > MAX_METADATA_BYTES:
        yield {"message": {"metadata": "is too large"}}


# --- what the recipient gets, with an account that has everything on --------------------------------------------


def _taken(message: dict[str, Any], to: Mapping[str, str], message_id: str) -> Taken:
    everybody = [formataddr((one.get("name", ""), one["email"])) for one in message["to"]]
    own = formataddr((to.get("name", ""), to["email"]))
    headers = dict(message.get("headers", {}))
    headers["From"] = formataddr((message.get("from_name", ""), message["from_email"]))
    headers["To"] = ", ".join(everybody) if message.get("preserve_recipients", True) else own
    html, text = _merged(message, message["html"]), _merged(message, message["text"])
    if message.get("track_clicks", True):
        html = html.replace('href="', 'href="https://mandrillapp.com/track/click/')
    if message.get("track_opens", True):
        html += '<img src="https://mandrillapp.com/track/open.php">'
    if message["view_content_link"]:
        html += "<p>View this email in your browser</p>"
    return Taken(
        delivery_id=message["metadata"]["delivery_id"],
        address=to["email"],
        subject=_merged(message, message["subject"]),
        html=html,
        text=text,
        headers=headers,
        message=message,
        provider_id=message_id,
    )


def _merged(message: Mapping[str, Any], text: str) -> str:
    return MERGE_TAG.sub("", text) if message.get("merge", True) else text
