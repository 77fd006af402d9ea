"""Postal's API as its source has it: `send/raw`, `send/message`, `messages/message`. It knows no status but 200."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses, parseaddr
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

KEY = "postal-key-of-the-loopback"
SENDING = ("/api/v1/send/raw", "/api/v1/send/message")
RAW_FIELDS = {"rcpt_to", "mail_from", "data", "bounce"}
MESSAGE_FIELDS = {"to", "cc", "bcc", "from", "sender", "subject", "tag", "reply_to", "plain_body", "html_body"} | {
    "headers",
    "attachments",
    "bounce",
}


def success(data: Mapping[str, Any]) -> Response:
    return json_response(200, {"status": "success", "time": 0.02, "flags": {}, "data": data})


def error(code: str, **data: str) -> Response:
    return json_response(200, {"status": "error", "time": 0.0, "flags": {}, "data": {"code": code, **data}})


def parameter_error(message: str) -> Response:
    return json_response(200, {"status": "parameter-error", "time": 0.0, "flags": {}, "data": {"message": message}})


class PostalApi(Api):
    """Nobody is refused: whom it will not mail it holds."""

    key = KEY

    def __init__(self) -> None:
        super().__init__()
        self.tracks = True
        """The sender's domain has a tracking domain."""
        self._ids = itertools.count(4711)

    def is_send(self, request: Request) -> bool:
        return request.path in SENDING

    def refuse_call(self, request: Request) -> Response | None:
        if denied := self._denied(request):
            return denied
        if not request.headers.get("content-type", "").startswith("application/json"):
            return parameter_error("`rcpt_to` parameter is required but is missing")
        call = request.json()
        is_raw = request.path.endswith("raw")
        if unknown := set(call) - (RAW_FIELDS if is_raw else MESSAGE_FIELDS):
            return parameter_error(f"{sorted(unknown)[0]} is unknown")  # stricter than Postal, which takes no notice
        sender = str(_mime(call)["From"]) if is_raw else call["from"]
        if self.senders is not None and parseaddr(sender)[1] not in self.senders:
            return error("UnauthenticatedFromAddress")
        if is_raw:
            missing = [name for name in ("rcpt_to", "mail_from", "data") if not call.get(name)]
            return parameter_error(f"`{missing[0]}` parameter is required but is missing") if missing else None
        return None if call.get("to") else error("NoRecipients")

    def _denied(self, request: Request) -> Response | None:
        given = request.headers.get("x-server-api-key")
        if not given:
            return error("AccessDenied", message="Must be authenticated as a server.")
        if given != self.key:
            words = "The API token provided in X-Server-API-Key was not valid."
            return error("InvalidServerAPIKey", message=words, token=given)
        return None

    def take(self, request: Request) -> Response:
        call = request.json()
        is_raw = request.path.endswith("raw")
        recipients = call["rcpt_to"] if is_raw else [address for _, address in getaddresses(call["to"])]
        made = {address: {"id": next(self._ids), "token": "t0ken"} for address in dict.fromkeys(recipients)}
        taken = self._raw if is_raw else self._written
        self.accept([taken(call, address, str(entry["id"])) for address, entry in made.items()])
        return success({"message_id": "made@rp.postal.example.org", "messages": made})

    def _raw(self, call: Mapping[str, Any], address: str, message_id: str) -> Taken:
        content = base64.b64decode(call["data"], validate=True)
        message = _mime(call)
        headers = {name: str(value) for name, value in message.items()}
        html, text = (_part(message, kind) for kind in ("html", "plain"))
        return self._taken(call, address, message_id, headers, (html, text))._replace(mime=content)

    def _written(self, call: Mapping[str, Any], address: str, message_id: str) -> Taken:
        headers = {**call.get("headers", {}), "From": call["from"], "To": ", ".join(call["to"])}
        headers |= {"Subject": call["subject"], "Message-ID": "<made@rp.postal.example.org>"}
        if "reply_to" in call:
            headers["Reply-To"] = call["reply_to"]
        return self._taken(call, address, message_id, headers, (call["html_body"], call["plain_body"]))

    def _taken(
        self,
        call: Mapping[str, Any],
        address: str,
        message_id: str,
        headers: Mapping[str, str],
        parts: Sequence[str],
    ) -> Taken:
        html, text = parts
        if self.tracks and headers.get("X-AMP") != "skip":
            html = (
                html.replace('href="', 'href="https://click.example.org/') + "<img src='https://click.example.org/img'>"
            )
            text = text.replace("https://", "https://click.example.org/")
        return Taken(headers["X-Delivery-ID"], address, headers["Subject"], html, text, headers, call, message_id)

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):  # of a proxy before it: Postal itself has no such answer
            return Response(429, b"", {"Retry-After": "0"} if misdeed is Misdeed.BUSY else {})
        if misdeed is Misdeed.DENIED:
            return error("InvalidServerAPIKey", message="The API token was not valid.", token=self.key)
        if misdeed is Misdeed.QUOTA:
            return error("ServerSuspended")
        if misdeed is Misdeed.TOO_LARGE:
            return Response(413, b"<html>413 Request Entity Too Large</html>")
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return Response(status, b"<html>We're sorry, but something went wrong.</html>")

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        return (
            success({"message_id": "made@rp.postal.example.org", "messages": {}})
            if misdeed is Misdeed.SHORT
            else response
        )

    def answer(self, request: Request) -> Response:
        if denied := self._denied(request):
            return denied
        if request.path == "/api/v1/messages/message":
            return error("MessageNotFound", message="No message found matching provided ID", id=request.json()["id"])
        return Response(404, b"<html>404</html>")


def _mime(call: Mapping[str, Any]) -> EmailMessage:
    message = message_from_bytes(base64.b64decode(call["data"]), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")
