"""SparkPost's documented API: transmissions with inline content, and the search for events."""

from __future__ import annotations

import html
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from email.utils import formataddr
from typing import Any

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

KEY = "key-of-the-loopback-of-sparkpost"
MAX_BODY_BYTES = 300_000_000
MAX_CONTENT_BYTES = 20_000_000
MAX_METADATA_BYTES = 1000
MAX_VALUES_BYTES = 100_000
MAX_CAMPAIGN_BYTES = 64

FIELDS = {
    "": {
        "options",
        "recipients",
        "content",
        "campaign_id",
        "description",
        "metadata",
        "substitution_data",
        "return_path",
    },
    "options": {"start_time", "open_tracking", "click_tracking", "initial_open", "transactional", "sandbox", "ip_pool"}
    | {"skip_suppression", "inline_css", "perform_substitutions"},
    "content": {"from", "subject", "html", "text", "amp_html", "reply_to", "headers", "attachments", "inline_images"},
    "recipient": {"address", "return_path", "tags", "metadata", "substitution_data"},
}
FORBIDDEN_HEADERS = {"subject", "from", "to", "reply-to", "content-type", "content-transfer-encoding"}
RESERVED = frozenset(
    {"address", "email", "email_id", "env_from", "return_path", "and", "break", "do", "else", "elseif", "end", "false"}
    | {"for", "function", "if", "local", "nil", "not", "or", "each", "return", "then", "true", "until", "while"}
)
MAILBOX = re.compile(r"[^\s@<>]+@[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
KEYWORD = re.compile(r"(if|each|end|else|elseif)\b")
NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)*", re.ASCII)


def errors(status: int, message: str, code: str, description: str = "") -> Response:
    error = {"message": message, "code": code} | ({"description": description} if description else {})
    return json_response(status, {"errors": [error]})


class SyntaxProblem(Exception):
    """The template cannot be compiled."""


class SparkpostApi(Api):
    key = KEY

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, str] = {}
        """Description of the error by recipient; `{address}` in it is the address."""
        self.unindexed: set[str] = set()
        """Delivery ids whose event cannot be found yet."""
        self.events_a_page = 1000

    def is_send(self, request: Request) -> bool:
        return request.method == "POST"

    def refuse_call(self, request: Request) -> Response | None:
        if request.path.rstrip("/") != "/api/v1/transmissions":
            return errors(404, "invalid URI", "1101")
        if request.headers.get("authorization") != self.key:
            return errors(401, "Unauthorized.", "1303")
        if len(request.body) > MAX_BODY_BYTES:
            return errors(413, "Request Entity Too Large", "")
        if "application/json" not in request.headers.get("content-type", ""):
            return errors(415, "Unsupported Media Type", "")
        try:
            call = request.json()
        except ValueError:
            return errors(400, "invalid data format/type", "1300")
        for problem in _problems(call):
            return errors(422, "invalid data format/type", "1300", problem)
        if self.senders is not None and _mailbox(call["content"]["from"])[1] not in self.senders:
            return errors(400, "Invalid domain", "7001", "Unconfigured or unverified sending domain.")
        try:
            _compile_all(call)
        except SyntaxProblem as error:
            return errors(422, "substitution language syntax error in template content", "3000", str(error))
        if all(self._problem(person) for person in call["recipients"]):
            return errors(400, "At least one valid recipient is required", "5002")
        return None

    def _problem(self, person: Mapping[str, Any]) -> str:
        address = person["address"]["email"]
        if not MAILBOX.fullmatch(address) or self.chance_of_refusal():
            return f"address {address} is invalid"
        return self.refused.get(address, "").format(address=address)

    def take(self, request: Request) -> Response:
        call, transmission_id = request.json(), str(uuid.uuid4().int)[:17]
        problems = [self._problem(person) for person in call["recipients"]]
        good = [person for person, problem in zip(call["recipients"], problems, strict=True) if not problem]
        self.accept([_taken(call, person, f"{transmission_id}.{n}") for n, person in enumerate(good)])
        found = [{"message": "invalid data format/type", "code": "1300", "description": one} for one in problems if one]
        results: dict[str, Any] = {"total_rejected_recipients": len(found), "total_accepted_recipients": len(good)}
        said: dict[str, Any] = {"results": results | {"id": transmission_id}}
        if found:
            said["results"]["rcpt_to_errors"] = found
            said["errors"] = [{"message": "transmission created, but with validation errors", "code": "2000"}]
        return json_response(200, said)

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            wait = {"Retry-After": "0"} if misdeed is Misdeed.BUSY else {}
            return json_response(429, {"errors": [{"message": "Too many requests"}]}, **wait)
        if misdeed is Misdeed.DENIED:
            return errors(401, "Unauthorized.", "1303")
        if misdeed is Misdeed.QUOTA:
            return errors(420, "Exceed Sending Limit (daily)", "2102")
        if misdeed is Misdeed.TOO_LARGE:
            return errors(413, "Request Entity Too Large", "")
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return errors(status, "Internal Server Error", "1500")

    # --- questions ---

    def answer(self, request: Request) -> Response:
        if request.headers.get("authorization") != self.key:
            return errors(401, "Unauthorized.", "1303")
        if request.path == "/api/v1/account":
            return json_response(200, {"results": {"company_name": "Loopback"}})
        if request.path != "/api/v1/events/message":
            return errors(404, "invalid URI", "1101")
        return json_response(200, self._events(request.query))

    def _events(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Newest first, in pages that a cursor leads through."""
        shown = [
            _event(one)
            for one in reversed(self.taken)
            if one.message["campaign_id"] in query["campaigns"].split(",") and one.delivery_id not in self.unindexed
        ]
        size = min(int(query.get("per_page", 1000)), self.events_a_page)
        first = 0 if query["cursor"] == "initial" else int(query["cursor"])
        links = {"next": f"/api/v1/events/message?cursor={first + size}&per_page={size}"}
        page = {"results": shown[first : first + size], "total_count": len(shown)}
        return page | {"links": links if first + size < len(shown) else {}}


def _event(one: Taken) -> dict[str, Any]:
    (person,) = one.message["recipients"]
    shown = {"type": "injection", "rcpt_to": one.address, "rcpt_meta": person.get("metadata", {})}
    return shown | {"campaign_id": one.message["campaign_id"], "message_id": one.provider_id}


# --- what it checks ---------------------------------------------------------------------------------------------


def _problems(call: dict[str, Any]) -> Iterator[str]:
    content, people = call["content"], call["recipients"]
    for name, part in [("", call), ("options", call.get("options", {})), ("content", content)]:
        if unknown := set(part) - FIELDS[name]:
            yield f"unknown field {sorted(unknown)[0]}"
    if len(call.get("campaign_id", "").encode()) > MAX_CAMPAIGN_BYTES:
        yield "campaign_id is too long"
    if not content.get("subject") or not (content.get("html") or content.get("text")):
        yield "subject, and html or text, are required"
    if forbidden := {name for name in content.get("headers", {}) if name.lower() in FORBIDDEN_HEADERS}:
        yield f"header {sorted(forbidden)[0]} is not allowed"
    if len(json.dumps(content)) > MAX_CONTENT_BYTES * 4 // 3:
        yield "the content is too large"
    for person in people:
        yield from _person_problems(person, call.get("metadata", {}))


def _person_problems(person: dict[str, Any], metadata: dict[str, Any]) -> Iterator[str]:
    if unknown := set(person) - FIELDS["recipient"]:
        yield f"unknown field {sorted(unknown)[0]}"
    if not person["address"].get("email"):
        yield "address.email is required for each recipient"
    if len(json.dumps(metadata | person.get("metadata", {}))) > MAX_METADATA_BYTES:
        yield "metadata is limited to 1000 bytes"
    values = person.get("substitution_data", {})
    if len(json.dumps(values)) > MAX_VALUES_BYTES:
        yield "substitution_data is limited to 100 KB"
    for key in {**values, **person.get("metadata", {})}:
        if not NAME.fullmatch(key) or key in RESERVED:
            yield f"{key} is no name for a value"


# --- the template language, as far as it is needed to be harmed by it -------------------------------------------


def _compile_all(call: dict[str, Any]) -> None:
    if call.get("options", {}).get("perform_substitutions", True):
        content = call["content"]
        for text in [
            content["subject"],
            content.get("html", ""),
            content.get("text", ""),
            *content["headers"].values(),
        ]:
            _rendered(text, {}, escapes=False)


def _rendered(template: str, values: Mapping[str, Any], *, escapes: bool) -> str:
    """Expressions replaced; whatever else begins with two braces is a mistake. A text's link attributes vanish."""
    written, rest = "", re.sub(r'\[\[data-msys-\w+="[^"]*"\]\]', "", template)
    while "{{" in rest:
        before, rest = rest.split("{{", 1)
        closing = "}}}" if rest.startswith("{") else "}}"
        inner, found, after = rest.removeprefix("{" if closing == "}}}" else "").partition(closing)
        name = inner.strip()
        if not found or not NAME.fullmatch(name) or KEYWORD.match(name):
            raise SyntaxProblem(f"syntax error near {name[:20]!r}")
        value = str(values.get(name, ""))
        written += before + (html.escape(value) if escapes and closing == "}}" else value)
        rest = after
    return written + rest


def _taken(call: dict[str, Any], person: dict[str, Any], message_id: str) -> Taken:
    content, options = call["content"], call.get("options", {})
    metadata = call.get("metadata", {}) | person.get("metadata", {})
    values = metadata | call.get("substitution_data", {}) | person.get("substitution_data", {})
    merges = options.get("perform_substitutions", True)

    def written(text: str, *, escapes: bool = False) -> str:
        return _rendered(text, values, escapes=escapes) if merges else text

    headers = {name: written(value) for name, value in content["headers"].items()}
    headers |= {"From": written(formataddr(_mailbox(content["from"]))), "To": _to(person["address"])}
    if "reply_to" in content:
        headers["Reply-To"] = written(content["reply_to"])
    if not options.get("transactional", False):
        headers.setdefault("List-Unsubscribe", "<mailto:unsubscribe@unsub.spmta.com>")
    tracked = '<img src="https://spgo.io/q/open">' if options.get("open_tracking", True) else ""
    body = written(content["html"], escapes=True)
    if options.get("click_tracking", True):
        body = body.replace('href="', 'href="https://spgo.io/f/a/')
    return Taken(
        delivery_id=metadata["delivery_id"],
        address=person["address"]["email"],
        subject=written(content["subject"]),
        html=body + tracked,
        text=written(content["text"]),
        headers=headers,
        message={**call, "recipients": [person]},
        provider_id=message_id,
    )


def _to(address: Mapping[str, str]) -> str:
    shown = address.get("header_to", address["email"])
    return f'"{address["name"]}" <{shown}>' if address.get("name") else shown


def _mailbox(written: str | Mapping[str, str]) -> tuple[str, str]:
    if isinstance(written, str):
        name, _, address = written.rpartition("<")
        return name.strip(' "'), address.rstrip(">")
    return written.get("name", ""), written["email"]
