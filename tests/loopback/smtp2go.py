"""SMTP2GO's documented API for one mail (developers.smtp2go.com, read 2026-11)."""

from __future__ import annotations

import json
import re
import uuid
from email.header import decode_header, make_header
from email.utils import getaddresses
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

KEY = "api-of-the-loopback"
FIELDS = frozenset(
    {"sender", "to", "cc", "bcc", "subject", "html_body", "text_body", "custom_headers", "attachments", "inlines"}
    | {"template_id", "template_data", "version"}
)
ADDRESS = re.compile(r"[^\s@,;<>\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class Smtp2goApi(Api):
    key = KEY

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, str] = {}
        """What `failures` says, by recipient."""

    def is_send(self, request: Request) -> bool:
        return request.path == "/v3/email/send"

    def refuse_call(self, request: Request) -> Response | None:
        if request.headers.get("x-smtp2go-api-key") != self.key:
            return _error(401, "ENDPOINT_PERMISSION_DENIED", "An API User matching the passed 'api_key' was not found")
        try:
            message = request.json()
        except ValueError:
            return _invalid("json", "the data is no JSON")
        if unknown := set(message) - FIELDS:
            return _invalid(sorted(unknown)[0], "the field is not known")
        if not all(isinstance(message.get(field), kind) for field, kind in (("sender", str), ("to", list))):
            return _invalid("sender", "sender, to and subject are required")
        sender = getaddresses([message["sender"]])[0][1]
        if self.senders is not None and sender not in self.senders:
            return _error(400, "API_EXCEPTION", f"Sender {sender} is not verified")
        (recipient,) = getaddresses(message["to"])
        if not ADDRESS.fullmatch(recipient[1]) or recipient[1] in self.invalid:
            return _invalid("to", "The field 'to' was expecting a valid RFC-822 formatted address")
        return None

    def take(self, request: Request) -> Response:
        message = request.json()
        address = getaddresses(message["to"])[0][1]
        if address in self.refused or self.chance_of_refusal():
            words = self.refused.get(address, "the recipient is blocked")
            return _counts(0, [f"{address}: {words}"])
        email_id = uuid.uuid4().hex[:16]
        self.accept([_taken(message, address, email_id)])
        return _counts(1, [], email_id=email_id)

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            return _error(429, "RATE_LIMIT", "Too many requests")
        if misdeed is Misdeed.DENIED:
            return _error(401, "ENDPOINT_PERMISSION_DENIED", "You do not have permission to access this API endpoint")
        if misdeed is Misdeed.QUOTA:
            return _error(402, "API_EXCEPTION", "Your monthly quota is used up")
        if misdeed is Misdeed.TOO_LARGE:
            return Response(413)
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return _error(status, "API_EXCEPTION", "Something went wrong")

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        """There is one result; SHORT takes its counts away."""
        if misdeed is Misdeed.SHUFFLED:
            return response
        return json_response(200, {"request_id": json.loads(response.body)["request_id"], "data": {}})


def _counts(succeeded: int, failures: list[str], **more: str) -> Response:
    data = {"succeeded": succeeded, "failed": len(failures), "failures": failures, **more}
    return json_response(200, {"request_id": str(uuid.uuid4()), "data": data})


def _error(status: int, code: str, words: str) -> Response:
    data = {"error": words, "error_code": f"E_ApiResponseCodes.{code}"}
    return json_response(status, {"request_id": str(uuid.uuid4()), "data": data})


def _invalid(field: str, words: str) -> Response:
    data = {
        "error": "An error occurred processing the json data you sent",
        "error_code": "E_ApiResponseCodes.NON_VALIDATING_IN_PAYLOAD",
        "field_validation_errors": {"fieldname": field, "message": words},
    }
    return json_response(400, {"request_id": str(uuid.uuid4()), "data": data})


def _taken(message: dict[str, Any], address: str, email_id: str) -> Taken:
    given = {one["header"]: str(make_header(decode_header(one["value"]))) for one in message["custom_headers"]}
    return Taken(
        delivery_id=given["X-Delivery-ID"],
        address=address,
        subject=message["subject"],
        html=message["html_body"],
        text=message["text_body"],
        headers=given | {"From": message["sender"], "To": message["to"][0]},
        message=message,
        provider_id=email_id,
    )
