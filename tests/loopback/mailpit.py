"""Mailpit's documented API for sending a message, searching and telling about itself."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Mapping
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

PASSWORD = "password-of-the-loopback"
USERNAME = "editor"

FIELDS = frozenset({"From", "To", "Cc", "Bcc", "ReplyTo", "Subject", "Text", "HTML", "Attachments", "Tags", "Headers"})
ATTACHMENT_FIELDS = frozenset({"Content", "Filename", "ContentType", "ContentID"})
RESTRICTED = ("To", "From", "Cc", "Bcc", "Reply-To", "Date", "Subject", "Content-Type", "Mime-Version")
MAILBOX = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+")


class MailpitApi(Api):
    key = PASSWORD

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, str] = {}
        self.login: tuple[str, str] | None = (USERNAME, self.key)
        """None: everybody is let in."""

    def is_send(self, request: Request) -> bool:
        return request.method == "POST"

    def refuse_call(self, request: Request) -> Response | None:
        if refused := self._refuse_login(request):
            return refused
        if request.path != "/api/v1/send":
            return Response(404, b"404 page not found")
        try:
            problem = self._problem(request.json())
        except ValueError as error:
            problem = str(error)
        return json_response(400, {"Error": problem}) if problem else None

    def _refuse_login(self, request: Request) -> Response | None:
        wanted = base64.b64encode(":".join(self.login or ()).encode()).decode()
        if self.login is None or request.headers.get("authorization") == f"Basic {wanted}":
            return None
        return Response(401, b"Unauthorised.\n", {"WWW-Authenticate": 'Basic realm="Login"'})

    def _problem(self, message: Mapping[str, Any]) -> str | None:
        if not FIELDS.issuperset(message):
            return "unknown field"
        if self.senders is not None and message["From"]["Email"] not in self.senders:
            return f"sender not allowed: {message['From']['Email']}"
        for person in message["To"]:
            address = person["Email"]
            if not MAILBOX.fullmatch(address) or address in self.refused or self.chance_of_refusal():
                return f"invalid To address: {address}"
        restricted = next((name for name in message.get("Headers", {}) if name in RESTRICTED), None)
        if restricted:
            return f'cannot overwrite header: "{restricted}"'
        known = all(ATTACHMENT_FIELDS.issuperset(one) for one in message.get("Attachments", []))
        return None if known else "unknown field in an attachment"

    def take(self, request: Request) -> Response:
        taken = _taken(request.json())
        self.accept([taken])
        return json_response(200, {"ID": taken.provider_id})

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            return Response(429, b"", {"Retry-After": "0"} if misdeed is Misdeed.BUSY else {})
        statuses = {Misdeed.DENIED: 401, Misdeed.QUOTA: 402, Misdeed.TOO_LARGE: 413}
        is_away = misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER)
        return Response(statuses.get(misdeed, 503 if is_away else 500))

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        return json_response(200, {}) if misdeed is Misdeed.SHORT else response

    def answer(self, request: Request) -> Response:
        if refused := self._refuse_login(request):
            return refused
        if request.path == "/api/v1/info":
            return json_response(200, {"Version": "v1.27.0", "Messages": len(self.taken)})
        if request.path != "/api/v1/search":
            return Response(404, b"404 page not found")
        wanted = request.query["query"].removeprefix("message-id:").lower()
        hits = [one for one in reversed(self.taken) if wanted in one.headers.get("Message-ID", "").lower()]
        shown = [{"ID": one.provider_id, "MessageID": one.headers["Message-ID"].strip("<>")} for one in hits]
        return json_response(200, {"messages": shown[: int(request.query["limit"])], "total": len(self.taken)})


def _mailbox(person: Mapping[str, str]) -> str:
    name = person.get("Name", "").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{person["Email"]}>' if name else person["Email"]


def _taken(message: Mapping[str, Any]) -> Taken:
    headers = dict(message.get("Headers", {}))
    own = {"From": _mailbox(message["From"]), "To": ", ".join(map(_mailbox, message["To"]))}
    own["Reply-To"] = ", ".join(map(_mailbox, message.get("ReplyTo", [])))
    return Taken(
        delivery_id=headers.get("X-Delivery-ID", ""),
        address=message["To"][0]["Email"],
        subject=message["Subject"],
        html=message.get("HTML", ""),
        text=message.get("Text", ""),
        headers=headers | {name: value for name, value in own.items() if value},
        message=message,
        provider_id=uuid.uuid4().hex,
    )
