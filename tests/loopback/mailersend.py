"""MailerSend's documented API for one mail, for bulks and for what was sent (developers.mailersend.com, 2026-11)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

from jinja2.sandbox import SandboxedEnvironment

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

TOKEN = "mlsn.token-of-the-loopback"
DOMAIN_ID = "7nxe3yjmeq28vp0k"
MAX_MESSAGES = 500
FIELDS = frozenset(
    {"from", "to", "cc", "bcc", "reply_to", "subject", "text", "html", "attachments", "template_id", "tags"}
    | {"personalization", "precedence_bulk", "send_at", "in_reply_to", "references", "settings", "headers"}
    | {"list_unsubscribe", "variables"}
)
OWN_HEADERS = frozenset(
    {"from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "list-unsubscribe"}
    | {"list-unsubscribe-post"}
)
"""Those that cannot be overridden."""
ADDRESS = re.compile(r"[^\s@,;<>\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
Errors = dict[str, list[str]]


class MailerSendApi(Api):
    key = TOKEN

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, str] = {}
        """Suppressed recipients, and why."""
        self.bulks: dict[str, dict[str, Any]] = {}
        self.polls_until_completed = 0
        """So often a bulk is asked for before it has been worked off."""
        self.flat_errors = False
        self.unindexed: set[str] = set()
        self.ignores_tag_filter = False
        self._ids = itertools.count(0x614470D1588B866D0454F3E2)

    def is_send(self, request: Request) -> bool:
        return request.method == "POST"

    def refuse_call(self, request: Request) -> Response | None:
        if request.path not in ("/v1/email", "/v1/bulk-email"):
            return json_response(404, {"message": "Not Found"})
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return json_response(401, {"message": "Unauthenticated."})
        try:
            call = request.json()
        except ValueError:
            return json_response(400, {"message": "Bad Request"})
        if request.path == "/v1/email":
            errors = self._errors(call)
            return _invalid(errors) if errors else None
        if not isinstance(call, list) or not 1 <= len(call) <= MAX_MESSAGES:
            return _invalid({"message": ["The message must have between 1 and 500 items. #MS42209"]})
        if any(message["to"][0]["email"] in self.invalid for message in call):
            return _invalid({"0.to.0.email": ["The to.0.email must be a valid email address. #MS42214"]})
        return None

    def _errors(self, message: dict[str, Any]) -> Errors:
        if unknown := set(message) - FIELDS:
            return {sorted(unknown)[0]: ["The field is not known."]}
        sender = message["from"]["email"]
        if self.senders is not None and sender not in self.senders:
            return {"from.email": ["The from.email domain must be verified in your account to send emails. #MS42207"]}
        if len(message["to"]) != 1:
            return {"to": ["one recipient for this test"]}
        to = message["to"][0]
        if not ADDRESS.fullmatch(to["email"]) or to["email"] in self.invalid or self.chance_of_refusal():
            return {"to.0.email": ["The to.0.email must be a valid email address. #MS42214"]}
        if "name" in to and (not to["name"] or re.search("[,;]", to["name"])):
            return {"to.0.name": ["The to.0.name may not contain ; or ,. #MS42215"]}
        if len(message.get("tags", [])) > 5:
            return {"tags": ["The tags may not have more than 5 items. #MS42216"]}
        for header in message.get("headers", []):
            if set(header) != {"name", "value"} or not HEADER_NAME.fullmatch(header["name"]):
                return {"headers.0.name": ["The name has to be alphanumeric. #MS42217"]}
            if header["name"].lower() in OWN_HEADERS:
                return {"headers.0.name": ["This header cannot be overridden. #MS42218"]}
        return {}

    def take(self, request: Request) -> Response:
        call = request.json()
        return self._take_single(call) if request.path == "/v1/email" else self._take_bulk(call)

    def _take_single(self, message: dict[str, Any]) -> Response:
        address = message["to"][0]["email"]
        if address in self.refused:
            recipient = {"email": address, "name": "", "reasons": [self.refused[address]]}
            warning = {
                "type": "ALL_SUPPRESSED",
                "warning": "All of the recipients have been suppressed.",
                "recipients": [recipient],
            }
            return json_response(202, {"message": "There are some warnings.", "warnings": [warning]})
        message_id = f"{next(self._ids):x}"
        self.accept([_taken(message, message_id)])
        return Response(202, b"", {"X-Message-Id": message_id, "Content-Type": "text/html; charset=utf-8"})

    def _take_bulk(self, messages: list[dict[str, Any]]) -> Response:
        bulk_id = f"{next(self._ids):x}"
        state: dict[str, Any] = {"id": bulk_id, "state": "completed", "total_recipients_count": len(messages)}
        invalid: dict[str, Any] = {}
        suppressed: dict[str, Any] = {}
        taken = []
        for number, message in enumerate(messages):
            place, address = f"message.{number}", message["to"][0]["email"]
            if errors := self._errors(message):
                invalid |= {f"{place}.{f}": e for f, e in errors.items()} if self.flat_errors else {place: errors}
            elif address in self.refused:
                suppressed[place] = {"to": [{"email": address, "reasons": [self.refused[address]]}]}
            else:
                taken.append(_taken(message, f"{next(self._ids):x}"))
        self.accept(taken)
        self.bulks[bulk_id] = state | {
            "suppressed_recipients_count": len(suppressed),
            "suppressed_recipients": suppressed or None,
            "validation_errors_count": len(invalid),
            "validation_errors": invalid or None,
            "messages_id": [one.provider_id for one in taken] or None,
        }
        return json_response(202, {"message": "The bulk email is being processed.", "bulk_email_id": bulk_id})

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            return json_response(429, {"message": "Your account reached its rate limit of 10 requests/min. #MS42903"})
        if misdeed is Misdeed.DENIED:
            return json_response(401, {"message": "Unauthenticated."})
        if misdeed is Misdeed.QUOTA:
            words = {"message": "Your account reached its API daily quota limit. #MS42901"}
            return json_response(429, words, **{"x-apiquota-remaining": "0"})
        if misdeed is Misdeed.TOO_LARGE:
            return Response(413)
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return json_response(status, {"message": "Server Error"})

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        """The results are those of the bulk's state."""
        state = self.bulks[next(reversed(self.bulks))]
        ids = state["messages_id"]
        state["messages_id"] = ids[:-1] if misdeed is Misdeed.SHORT else ids[::-1]
        return response

    # --- questions ---

    def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return json_response(401, {"message": "Unauthenticated."})
        if request.path == "/v1/api-quota":
            return json_response(200, {"quota": 1000, "remaining": 999, "reset": "2026-11-26T00:00:00Z"})
        if request.path == "/v1/domains":
            return json_response(200, {"data": [{"id": "other", "name": "x.example"}, _domain("example.org")]})
        if request.path == "/v1/emails":
            return self._list(request.query)
        bulk = self.bulks.get(request.path.removeprefix("/v1/bulk-email/"))
        if bulk is None:
            return json_response(404, {"message": "Not Found"})
        if self.polls_until_completed > 0:
            self.polls_until_completed -= 1
            return json_response(200, {"data": bulk | {"state": "processing", "messages_id": None}})
        return json_response(200, {"data": bulk})

    def _list(self, query: Mapping[str, str]) -> Response:
        if query.get("domain_id") != DOMAIN_ID or not int(query["date_from"]) < int(query["date_to"]):
            return _invalid({"domain_id": ["The domain_id is invalid. #MS42230"]})
        rows = [
            {"id": one.provider_id, "message_id": one.provider_id, "to": one.address, "subject": one.subject}
            | {"tags": one.message["tags"], "status": "sent"}
            for one in reversed(self.taken)
            if (self.ignores_tag_filter or query["tag"] in one.message["tags"])
            and one.delivery_id not in self.unindexed
        ]
        return json_response(200, {"data": rows[: int(query["limit"])]})


def _domain(name: str) -> dict[str, str]:
    return {"id": DOMAIN_ID, "name": name}


def _invalid(errors: Errors) -> Response:
    first = next(iter(errors.values()))[0]
    return json_response(422, {"message": first, "errors": errors})


def _merged(message: Mapping[str, Any], text: str) -> str:
    """A template is compiled only where the call brings personalization; `{$var}` only where it brings variables."""
    if "personalization" in message:
        values = message["personalization"][0]["data"]
        text = SandboxedEnvironment(keep_trailing_newline=True).from_string(text).render(values)
    for one in message.get("variables", []):
        for pair in one["substitutions"]:
            text = text.replace(f"{{${pair['var']}}}", pair["value"])
    return text


def _taken(message: dict[str, Any], message_id: str) -> Taken:
    headers = {header["name"]: header["value"] for header in message.get("headers", [])}
    own = {"From": _mailbox(message["from"]), "To": _mailbox(message["to"][0])}
    if "reply_to" in message:
        own["Reply-To"] = _mailbox(message["reply_to"])
    if "list_unsubscribe" in message:
        own["List-Unsubscribe"] = f"<{message['list_unsubscribe']}>"
        own["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Taken(
        delivery_id=message["tags"][1],
        address=message["to"][0]["email"],
        subject=_merged(message, message["subject"]),
        html=_merged(message, message["html"]),
        text=_merged(message, message["text"]),
        headers=headers | own,
        message=message,
        provider_id=message_id,
    )


def _mailbox(one: Mapping[str, str]) -> str:
    return f'"{one["name"]}" <{one["email"]}>' if one.get("name") else one["email"]
