"""Postmark's documented API for batches and for searching sent messages."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from email.utils import getaddresses
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

TOKEN = "server-token-of-the-loopback"
MAX_MESSAGES = 500
MAX_BODY_BYTES = 50_000_000
STREAMS = ("outbound", "broadcast")

FIELDS = frozenset(
    {"From", "To", "Cc", "Bcc", "ReplyTo", "Subject", "Tag", "HtmlBody", "TextBody", "Headers", "Metadata"}
    | {"Attachments", "MessageStream", "TrackOpens", "TrackLinks"}
)
MAILBOX = re.compile(r"[a-z0-9.!#$%&'`*+\-/=^_{}|~]+@(\.?[a-z0-9-])+", re.IGNORECASE)
"""As Postmark's support page on error 300 gives it."""
DENIED = 401, {"ErrorCode": 10, "Message": "The Server Token you provided is not valid."}


class PostmarkApi(Api):
    key = TOKEN

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, tuple[int, str]] = {}
        """ErrorCode and Message by recipient."""
        self.unindexed: set[str] = set()
        """Delivery ids that the search does not show yet."""
        self.ignores_metadata_filter = False

    def is_send(self, request: Request) -> bool:
        return request.method == "POST"

    def refuse_call(self, request: Request) -> Response | None:
        if request.path != "/email/batch":
            return json_response(404, {"ErrorCode": 404, "Message": "no such resource"})
        if request.headers.get("x-postmark-server-token") != self.key:
            return json_response(*DENIED)
        if len(request.body) > MAX_BODY_BYTES:
            return json_response(413, {"ErrorCode": 413, "Message": "too large"})
        if "application/json" not in request.headers["content-type"]:
            return json_response(422, {"ErrorCode": 409, "Message": "JSON required"})
        try:
            messages = request.json()
        except ValueError:
            return json_response(422, {"ErrorCode": 402, "Message": "Invalid JSON"})
        if not all(isinstance(message, dict) and FIELDS.issuperset(message) for message in messages):
            return json_response(422, {"ErrorCode": 403, "Message": "Incompatible JSON"})
        if len(messages) > MAX_MESSAGES:
            return json_response(422, {"ErrorCode": 410, "Message": "Too many batch messages"})
        if any(message["To"] in self.invalid for message in messages):
            return json_response(422, {"ErrorCode": 300, "Message": "Error parsing 'To': Illegal email address."})
        return None

    def take(self, request: Request) -> Response:
        return json_response(200, [self._take_one(message) for message in request.json()])

    def _take_one(self, message: dict[str, Any]) -> dict[str, Any]:
        addresses = [address for _, address in getaddresses([message["To"]])]
        problem = self._problem(message, addresses)
        if problem:
            return {"ErrorCode": problem[0], "Message": problem[1]}
        message_id = str(uuid.uuid4())
        self.accept([_taken(message, addresses[0], message_id)])
        shown = {"To": message["To"], "SubmittedAt": "2026-11-19T09:00:00.0000000-05:00", "MessageID": message_id}
        return shown | {"ErrorCode": 0, "Message": "OK"}

    def _problem(self, message: dict[str, Any], addresses: Sequence[str]) -> tuple[int, str] | None:
        sender = getaddresses([message.get("From", "")])[0][1]
        if self.senders is not None and sender not in self.senders:
            return 400, f"The 'From' address you supplied ({sender}) is not a Sender Signature on your account."
        if message.get("MessageStream", "outbound") not in STREAMS:
            return 1235, "The 'MessageStream' provided does not exist on this server."
        for address in addresses:
            if not MAILBOX.fullmatch(address):
                return 300, f"Error parsing 'To': Illegal email address '{address}'."
        if not message.get("HtmlBody") and not message.get("TextBody"):
            return 300, "Provide either email TextBody or HtmlBody or both."
        if self.chance_of_refusal():
            return 406, "You tried to send to a recipient that has been marked as inactive."
        return next((self.refused[address] for address in addresses if address in self.refused), None)

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            return Response(429, b"", {"Retry-After": "0"} if misdeed is Misdeed.BUSY else {})
        if misdeed is Misdeed.DENIED:
            return json_response(*DENIED)
        if misdeed is Misdeed.QUOTA:
            return json_response(422, {"ErrorCode": 405, "Message": "Your account has run out of credits."})
        if misdeed is Misdeed.TOO_LARGE:
            return Response(413)
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return json_response(status, {"ErrorCode": status, "Message": "Internal server error"})

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        results = json.loads(response.body)
        return json_response(200, results[:-1] if misdeed is Misdeed.SHORT else results[::-1])

    # --- searching ---

    def answer(self, request: Request) -> Response:
        if request.headers.get("x-postmark-server-token") != self.key:
            return json_response(*DENIED)
        if request.path == "/server":
            return json_response(200, {"ID": 1, "Name": "Loopback"})
        if request.path != "/messages/outbound":
            return json_response(404, {"ErrorCode": 404, "Message": "no such resource"})
        return json_response(200, self._search(request.query))

    def _search(self, query: Mapping[str, str]) -> dict[str, Any]:
        """`GET /messages/outbound`: newest first, filtered by tag, stream and metadata."""
        metadata = {key.removeprefix("metadata_"): value for key, value in query.items() if key.startswith("metadata_")}
        hits = [one for one in reversed(self.taken) if self._matches(one, query, metadata)]
        offset, count = int(query["offset"]), min(int(query["count"]), MAX_MESSAGES)
        keys = ("Tag", "Subject", "Metadata", "MessageStream")
        shown = [
            {key: hit.message.get(key) for key in keys} | {"MessageID": hit.provider_id, "Status": "Sent"}
            for hit in hits[offset : offset + count]
        ]
        return {"TotalCount": len(hits), "Messages": shown}

    def _matches(self, one: Taken, query: Mapping[str, str], metadata: Mapping[str, str]) -> bool:
        message = one.message
        return (
            one.delivery_id not in self.unindexed
            and message.get("MessageStream", "outbound") == query.get("messagestream", "outbound")
            and query.get("tag", message.get("Tag")) == message.get("Tag")
            and (self.ignores_metadata_filter or metadata.items() <= message["Metadata"].items())
        )


def _taken(message: dict[str, Any], address: str, message_id: str) -> Taken:
    headers = {header["Name"]: header["Value"] for header in message["Headers"]}
    own = {"From": message["From"], "To": message["To"], "Reply-To": message.get("ReplyTo", "")}
    return Taken(
        delivery_id=message["Metadata"]["delivery_id"],
        address=address,
        subject=message["Subject"],
        html=message["HtmlBody"],
        text=message["TextBody"],
        headers=headers | {name: value for name, value in own.items() if value},
        message=message,
        provider_id=message_id,
    )
