"""Mailgun's documented API for messages, MIME messages and events, for one domain."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from email import message_from_bytes
from email.policy import default
from email.utils import getaddresses, parseaddr
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response
from tests.loopback.forms import Field, read_form

KEY = "key-of-the-loopback"
DOMAIN = "example.org"
MAX_RECIPIENTS = 1000
MAX_BODY_BYTES = 25 * 1024 * 1024
MAX_OPTION_BYTES = 16 * 1024
MAX_PAGE = 300

ONCE = frozenset({"from", "subject", "text", "html", "amp-html", "template", "recipient-variables", "message"})
OFTEN = frozenset({"to", "cc", "bcc", "attachment", "inline"})
OPTIONS = frozenset(
    {"o:tag", "o:dkim", "o:deliverytime", "o:testmode", "o:tracking", "o:tracking-clicks", "o:tracking-opens"}
    | {"o:require-tls", "o:skip-verification", "o:sending-ip", "o:tracking-pixel-location-top"}
)
MAILBOX = re.compile(r"[^\s@<>,;\"]+@(?:[a-z0-9-]+\.)+[a-z0-9-]+", re.IGNORECASE)
BAD_TO = "'to' parameter is not a valid address. please check documentation"
GREETING = Response(200, b"Mailgun Magnificent API", {"Content-Type": "text/plain"})
FORBIDDEN = Response(401, b"Forbidden", {"Content-Type": "text/plain"})


class MailgunApi(Api):
    key = KEY

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, str] = {}
        self.unindexed: set[str] = set()
        """Delivery ids that the events do not show yet."""

    def is_send(self, request: Request) -> bool:
        return request.method == "POST"

    def refuse_call(self, request: Request) -> Response | None:
        known = re.fullmatch(r"/v3/([^/]+)/messages(\.mime)?", request.path)
        if not known:
            return GREETING
        if not self._may(request):
            return FORBIDDEN
        if known[1] != DOMAIN:
            return json_response(404, {"message": f"Domain not found: {known[1]}"})
        if len(request.body) > MAX_BODY_BYTES:
            return Response(413)
        try:
            fields = read_form(request.headers, request.body)
        except ValueError as error:
            return json_response(400, {"message": str(error)})
        problem = _wrong_form(fields, is_mime=bool(known[2])) or self._wrong_people(fields)
        return json_response(400, {"message": problem}) if problem else None

    def _may(self, request: Request) -> bool:
        return request.headers.get("authorization") == "Basic " + base64.b64encode(f"api:{self.key}".encode()).decode()

    def _wrong_people(self, fields: Sequence[Field]) -> str | None:
        addresses = [address for _, address in _people(fields)]
        if not all(MAILBOX.fullmatch(address) for address in addresses) or self._refuses(addresses):
            return BAD_TO
        if len(addresses) > MAX_RECIPIENTS:
            return "Too many recipients; max is 1000"
        sender = _sender(fields)
        if self.senders is not None and sender not in self.senders:
            return f"'from' parameter is not a valid address. please check documentation ({sender})"
        return None

    def _refuses(self, addresses: Iterable[str]) -> bool:
        return any(address in self.refused or address in self.invalid for address in addresses)

    def take(self, request: Request) -> Response:
        fields = read_form(request.headers, request.body)
        if any(self.chance_of_refusal() for _ in _people(fields)):
            return json_response(400, {"message": BAD_TO})
        message_id = f"{uuid.uuid4()}@{DOMAIN}"
        if request.path.endswith(".mime"):
            taken = [_finished(fields, address, message_id) for _, address in _people(fields)]
        else:
            taken = _merged(fields, message_id)
        self.accept(taken)
        return json_response(200, {"id": f"<{message_id}>", "message": "Queued. Thank you."})

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            headers = {"Retry-After": "0"} if misdeed is Misdeed.BUSY else {}
            return json_response(429, {"message": "Too many requests"}, **headers)
        if misdeed is Misdeed.DENIED:
            return FORBIDDEN
        if misdeed is Misdeed.QUOTA:
            words = f"Domain {DOMAIN} is not allowed to send: recipient limit exceeded, try again after 1 hour"
            return json_response(403, {"message": words})
        if misdeed is Misdeed.TOO_LARGE:
            return Response(413)
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return json_response(status, {"message": "Internal Server Error"})

    # --- events ---

    def answer(self, request: Request) -> Response:
        if not self._may(request):
            return FORBIDDEN
        known = re.fullmatch(rf"/v3/{re.escape(DOMAIN)}/events(?:/(.+))?", request.path)
        if not known:
            return GREETING
        query, start = (request.query, 0) if known[1] is None else _token_read(known[1])
        if "ascending" not in query and "end" not in query:
            return json_response(400, {"message": "ascending must be given where there is no end"})
        hits = [one for one in self.taken if one.delivery_id not in self.unindexed and _matches(one, query)]
        hits = hits if query.get("ascending") == "yes" else hits[::-1]
        stop = start + min(int(query.get("limit", "100")), MAX_PAGE)
        following = f"https://api.mailgun.net/v3/{DOMAIN}/events/{_token(query, stop)}"
        items = [_event(one) for one in hits[start:stop]]
        return json_response(200, {"items": items, "paging": {"next": following, "first": "", "last": ""}})


def _token(query: Mapping[str, str], start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([dict(query), start]).encode()).decode()


def _token_read(token: str) -> tuple[Mapping[str, str], int]:
    query, start = json.loads(base64.urlsafe_b64decode(token))
    return query, start


def _matches(one: Taken, query: Mapping[str, str]) -> bool:
    return query.get("event", "accepted") == "accepted" and query.get("tags", "") in ("", *one.message["tags"])


def _event(one: Taken) -> dict[str, Any]:
    return {
        "event": "accepted",
        "recipient": one.address,
        "tags": one.message["tags"],
        "user-variables": one.message["variables"],
        "message": {"headers": {"message-id": one.provider_id, "to": one.address}},
    }


# --- checking a form -------------------------------------------------------------------------------------------


def _wrong_form(fields: Sequence[Field], *, is_mime: bool) -> str | None:
    names = [field.name for field in fields]
    needed = ("to", "message") if is_mime else ("from", "to", "subject")
    missing = next((name for name in needed if name not in names), None)
    if missing:
        return f"{missing} parameter is missing"
    unknown = next((name for name in names if not _is_known(name)), None)
    if unknown:
        return f"unknown parameter {unknown}"
    if any(names.count(name) > 1 for name in ONCE):
        return "a parameter is there twice"
    if is_mime:
        return None if _field(fields, "message").filename else "'message' parameter is not a file"
    if "text" not in names and "html" not in names:
        return "Need at least one of 'text' or 'html' parameters specified"
    options = [field for field in fields if field.name[:2] in ("o:", "h:", "v:")]
    if sum(len(one.name) + len(one.content) for one in options) > MAX_OPTION_BYTES:
        return "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total"
    return (
        None if _are_variables(_values(fields).get("recipient-variables", "{}")) else "recipient-variables is no JSON"
    )


def _is_known(name: str) -> bool:
    return name in ONCE | OFTEN | OPTIONS or (name[:2] in ("h:", "v:") and name.isascii() and len(name) > 2)


def _are_variables(text: str) -> bool:
    try:
        variables = json.loads(text)
    except ValueError:
        return False
    return isinstance(variables, dict) and all(isinstance(own, dict) for own in variables.values())


def _field(fields: Sequence[Field], name: str) -> Field:
    return next(field for field in fields if field.name == name)


def _values(fields: Sequence[Field]) -> dict[str, str]:
    return {field.name: field.text for field in fields if field.filename is None}


def _sender(fields: Sequence[Field]) -> str:
    written = _values(fields).get("from")
    return parseaddr(written or str(message_from_bytes(_field(fields, "message").content)["From"]))[1]


def _people(fields: Sequence[Field]) -> list[tuple[str, str]]:
    return getaddresses([field.text for field in fields if field.name == "to"])


# --- what its recipients get -----------------------------------------------------------------------------------


def _finished(fields: Sequence[Field], address: str, message_id: str) -> Taken:
    content = _field(fields, "message").content
    message = message_from_bytes(content, policy=default)
    bodies = {kind: message.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("html", "plain")}  # type: ignore[union-attr]
    headers = {name: str(value) for name, value in message.items()}
    return Taken(
        delivery_id=_values(fields)["v:delivery_id"],
        address=address,
        subject=headers["Subject"],
        html=bodies["html"],
        text=bodies["plain"],
        headers=headers,
        message=_told(fields, lambda text: text),
        provider_id=message_id,
        mime=content,
    )


def _merged(fields: Sequence[Field], message_id: str) -> list[Taken]:
    """A copy for each person if there are recipient variables; else one that shows everybody."""
    values = _values(fields)
    variables = json.loads(values.get("recipient-variables", "null"))
    people = _people(fields)
    if variables is None:
        everybody = ", ".join(map(_mailbox, people))
        return [_copy(fields, everybody, address, message_id, lambda text: text) for _, address in people]
    return [
        _copy(fields, _mailbox((name, address)), address, message_id, _merging(address, variables.get(address, {})))
        for name, address in people
    ]


def _mailbox(person: tuple[str, str]) -> str:
    name, address = person
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>' if name else address


def _merging(address: str, own: Mapping[str, str]) -> Callable[[str], str]:
    """Replaces variables wherever they stand, in values too; one that has no value is empty."""

    def merge(text: str) -> str:
        for _ in range(2):
            text = re.sub(r"%recipient\.([^%\s]+)%", lambda found: str(own.get(found[1], "")), text)
            text = text.replace("%recipient%", address).replace("%unsubscribe_url%", "https://mailgun.example/u")
        return text

    return merge


def _copy(fields: Sequence[Field], to: str, address: str, message_id: str, merge: Callable[[str], str]) -> Taken:
    values = _values(fields)
    headers = {name[2:]: merge(value) for name, value in values.items() if name.startswith("h:")}
    told = _told(fields, merge)
    return Taken(
        delivery_id=told["variables"].get("delivery_id", ""),
        address=address,
        subject=merge(values["subject"]),
        html=merge(values.get("html", "")),
        text=merge(values.get("text", "")),
        headers=headers | {"From": values["from"], "To": merge(to), "Message-Id": f"<{message_id}>"},
        message=told,
        provider_id=message_id,
    )


def _told(fields: Sequence[Field], merge: Callable[[str], str]) -> dict[str, Any]:
    values = _values(fields)
    return {
        "tags": [field.text for field in fields if field.name == "o:tag"],
        "options": {name: value for name, value in values.items() if name.startswith("o:")},
        "variables": {name[2:]: merge(value) for name, value in values.items() if name.startswith("v:")},
        "inline": {field.filename: field.content for field in fields if field.name == "inline"},
        "fields": values,
    }
