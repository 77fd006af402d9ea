"""Mailjet's documented Send API v3.1, and its list of sent messages (dev.mailjet.com, read 2026-11)."""

from __future__ import annotations

import base64
import itertools
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

KEY, SECRET = "key-of-the-loopback", "secret-of-the-loopback"
MAX_MESSAGES = 50
MAX_BODY_BYTES = 15_000_000

FIELDS = frozenset(
    {"From", "Sender", "To", "Cc", "Bcc", "ReplyTo", "Subject", "TextPart", "HTMLPart", "TemplateID", "Headers"}
    | {"TemplateLanguage", "TemplateErrorReporting", "TemplateErrorDeliver", "CustomID", "EventPayload", "URLTags"}
    | {"CustomCampaign", "DeduplicateCampaign", "Priority", "TrackOpens", "TrackClicks", "Variables", "Attachments"}
    | {"InlinedAttachments"}
)
FORBIDDEN_HEADERS = frozenset(
    {"from", "sender", "subject", "to", "cc", "bcc", "return-path", "delivered-to", "dkim-signature"}
    | {"domainkey-status", "received-spf", "authentication-results", "received", "x-mailjet-prio"}
    | {"x-mailjet-debug", "user-agent", "x-mailer", "x-mj-customid", "x-mj-eventpayload", "x-mj-vars"}
    | {"x-mj-templateerrordeliver", "x-mj-templateerrorreporting", "x-mj-templatelanguage"}
    | {"x-mailjet-trackopen", "x-mailjet-trackclick", "x-mj-templateid", "x-mj-workflowid", "x-feedback-id"}
    | {"x-mailjet-segmentation", "list-id", "x-mj-mid", "x-mj-errormessage", "date", "x-csa-complaints"}
    | {"message-id", "x-mailjet-campaign", "x-mj-statisticscontactslistid"}
)
ADDRESS = re.compile(r"[^\s@,;<>\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
VARIABLE = re.compile(r"\{\{(?:var|data):([^}:]+)(?::\"([^\"]*)\")?\}\}")

Problem = tuple[int, str, str, str]
"""StatusCode, ErrorCode, ErrorMessage and what it relates to."""


class MailjetApi(Api):
    key = f"{KEY}:{SECRET}"

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, Problem] = {}
        self.unindexed: set[str] = set()
        """Delivery ids that the list of messages does not show yet."""
        self.ignores_filter = False
        self._ids = itertools.count(70_650_219_165_027_410)

    def is_send(self, request: Request) -> bool:
        return request.method == "POST"

    def refuse_call(self, request: Request) -> Response | None:
        if request.path != "/v3.1/send":
            return _global_error(404, "mj-0018", "Object not found")
        if not self._knows(request):
            return _global_error(401, "mj-0015", "API key authentication/authorization failure.")
        if len(request.body) > MAX_BODY_BYTES:
            return _global_error(400, "mj-0011", "The payload is too large.")
        try:
            call = request.json()
        except ValueError:
            return _global_error(400, "mj-0002", "Malformed JSON, please review the syntax and properties types.")
        if not isinstance(call, dict) or set(call) - {"Messages", "Globals", "SandboxMode"} or "Messages" not in call:
            return _global_error(400, "mj-0003", "Messages is mandatory but missing from the input")
        if not 1 <= len(call["Messages"]) <= MAX_MESSAGES:
            return _global_error(400, "mj-0008", "Messages holds more elements than allowed (50).")
        return None

    def _knows(self, request: Request) -> bool:
        login = base64.b64encode(self.key.encode()).decode()
        return request.headers.get("authorization") == f"Basic {login}"

    def take(self, request: Request) -> Response:
        entries = [self._take_one(message) for message in request.json()["Messages"]]
        is_whole = all(entry["Status"] == "success" for entry in entries)
        return json_response(200 if is_whole else 400, {"Messages": entries})

    def _take_one(self, message: dict[str, Any]) -> dict[str, Any]:
        problem = self._problem(message)
        if problem:
            status, code, words, related = problem
            error = {"ErrorIdentifier": str(uuid.uuid4()), "ErrorCode": code, "StatusCode": status}
            return {"Status": "error", "Errors": [error | {"ErrorMessage": words, "ErrorRelatedTo": [related]}]}
        message_id = next(self._ids)
        self.accept([_taken(message, str(message_id))])
        href = f"https://api.mailjet.com/v3/REST/message/{message_id}"
        shown = {"Email": message["To"][0]["Email"], "MessageUUID": str(uuid.uuid4())}
        to = [shown | {"MessageID": message_id, "MessageHref": href}]
        return {"Status": "success", "CustomID": message.get("CustomID", ""), "To": to, "Cc": [], "Bcc": []}

    def _problem(self, message: dict[str, Any]) -> Problem | None:
        if unknown := set(message) - FIELDS:
            return 400, "mj-0002", f"unknown property {sorted(unknown)[0]}", sorted(unknown)[0]
        for name in message.get("Headers", {}):
            if name.lower() in FORBIDDEN_HEADERS:
                return 400, "send-0011", f'Header "{name}" cannot be customized.', f'Headers["{name}"]'
        if message.get("TrackOpens", "account_default") not in ("account_default", "disabled", "enabled"):
            return 400, "mj-0005", "TrackOpens holds a value that is not allowed", "TrackOpens"
        if not message.get("HTMLPart") and not message.get("TextPart"):
            return 400, "send-0003", 'At least "HTMLPart", "TextPart" or "TemplateID" must be provided.', "HTMLPart"
        sender, address = message["From"]["Email"], message["To"][0]["Email"]
        if self.senders is not None and sender not in self.senders:
            words = f'"{sender}" is not an authorized sender email address for your account.'
            return 403, "send-0008", words, "From"
        if len(message["To"]) != 1 or not ADDRESS.fullmatch(address) or self.chance_of_refusal():
            return 400, "mj-0013", f'"{address}" is an invalid email address.', "To[0].Email"
        return self.refused.get(address)

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            return _global_error(429, "mj-0017", "Too many requests.")
        if misdeed is Misdeed.DENIED:
            return _global_error(401, "mj-0015", "API key authentication/authorization failure.")
        if misdeed is Misdeed.QUOTA:
            return _global_error(401, "mj-0001", "Your account has been temporarily blocked.")
        if misdeed is Misdeed.TOO_LARGE:
            return _global_error(400, "mj-0011", "The payload is too large.")
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return json_response(
            status, {"ErrorIdentifier": str(uuid.uuid4()), "StatusCode": status, "ErrorMessage": "Ouch"}
        )

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        entries = json.loads(response.body)["Messages"]
        return json_response(response.status, {"Messages": entries[:-1] if misdeed is Misdeed.SHORT else entries[::-1]})

    # --- questions ---

    def answer(self, request: Request) -> Response:
        if not self._knows(request):
            return _global_error(401, "mj-0015", "API key authentication/authorization failure.")
        if request.path == "/v3/REST/sender":
            return json_response(
                200, {"Count": 1, "Data": [{"Email": "*@example.org", "Status": "Active"}], "Total": 1}
            )
        if request.path != "/v3/REST/message":
            return _global_error(404, "mj-0018", "Object not found")
        return json_response(200, self._search(request.query))

    def _search(self, query: Mapping[str, str]) -> dict[str, Any]:
        wanted = None if self.ignores_filter else query.get("CustomID")
        hits = [
            {"ID": int(one.provider_id), "Status": "sent", "Subject": ""}
            | ({"CustomID": one.delivery_id} if query.get("ShowCustomID") == "true" else {})
            for one in self.taken
            if wanted in (None, one.delivery_id) and one.delivery_id not in self.unindexed
        ][: int(query.get("Limit", "10"))]
        return {"Count": len(hits), "Data": hits, "Total": len(hits)}


def _global_error(status: int, code: str, words: str) -> Response:
    error = {"ErrorIdentifier": str(uuid.uuid4()), "ErrorCode": code, "ErrorMessage": words, "StatusCode": status}
    return json_response(status, error)


def _merged(message: Mapping[str, Any], text: str) -> str:
    """Only where the message asks for it."""
    if message.get("TemplateLanguage") is not True:
        return text
    variables = message.get("Variables", {})
    return VARIABLE.sub(lambda found: str(variables.get(found[1], found[2] or "")), text)


def _taken(message: dict[str, Any], message_id: str) -> Taken:
    own = {"From": _mailbox(message["From"]), "To": _mailbox(message["To"][0])}
    if "ReplyTo" in message:
        own["Reply-To"] = _mailbox(message["ReplyTo"])
    return Taken(
        delivery_id=message["CustomID"],
        address=message["To"][0]["Email"],
        subject=_merged(message, message["Subject"]),
        html=_merged(message, message["HTMLPart"]),
        text=_merged(message, message["TextPart"]),
        headers=message.get("Headers", {}) | own,
        message=message,
        provider_id=message_id,
    )


def _mailbox(one: Mapping[str, str]) -> str:
    return f'"{one["Name"]}" <{one["Email"]}>' if one.get("Name") else one["Email"]
