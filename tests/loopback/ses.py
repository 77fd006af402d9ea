"""Amazon SES's documented API (version 2) for bulk mail, single mail and the account, with botocore's own signer."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.loopback.api import Api, Misdeed, Request, Response, Taken, json_response

ACCESS_KEY_ID = "AKIALOOPBACK"
SECRET = "secret/of+the-loopback="
REGION = "eu-west-1"
BULK, SINGLE, ACCOUNT = "/v2/email/outbound-bulk-emails", "/v2/email/outbound-emails", "/v2/email/account"
BAD_ADDRESS = "INVALID_PARAMETER", "Local address contains control or whitespace"
MAX_ENTRIES = 50
MAX_HEADERS = 15
MAX_DATA_CHARS = 262_144

CALL_FIELDS = frozenset(
    {"FromEmailAddress", "ReplyToAddresses", "FeedbackForwardingEmailAddress", "ConfigurationSetName"}
    | {"ConfigurationOverrides", "TenantName", "EndpointId"}
)
BULK_FIELDS = CALL_FIELDS | {"DefaultEmailTags", "DefaultContent", "BulkEmailEntries"}
SINGLE_FIELDS = CALL_FIELDS | {"EmailTags", "Content", "Destination", "ListManagementOptions"}
TEMPLATE_FIELDS = frozenset(
    {"TemplateContent", "TemplateData", "Headers", "TemplateName", "TemplateArn", "Attachments"}
)
ENTRY_FIELDS = frozenset({"Destination", "ReplacementEmailContent", "ReplacementHeaders", "ReplacementTags"})
TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
HEADER_NAME = re.compile(r"[!-9;-@A-~]{1,126}")
HEADER_VALUE = re.compile(r"[ -~]{1,995}")
VARIABLE = re.compile(r"\{\{\{?\s*([\w.]+)\s*\}?\}\}")
MAILBOX = re.compile(r"[\x21-\x7e]+@(?:[a-z0-9-]+\.)+[a-z0-9-]+", re.IGNORECASE)


def failure(status: int, kind: str, message: str) -> Response:
    return json_response(status, {"message": message}, **{"x-amzn-ErrorType": f"{kind}:http://internal.amazon.com/"})


class SesApi(Api):
    key = SECRET

    def __init__(self) -> None:
        super().__init__()
        self.refused: dict[str, tuple[str, str]] = {}
        """Status and words by recipient."""
        self.session_token = ""
        self.configuration_sets = ("digests",)
        self.account: dict[str, Any] = {
            "SendingEnabled": True,
            "ProductionAccessEnabled": True,
            "EnforcementStatus": "HEALTHY",
            "SendQuota": {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 12.0},
        }

    def is_send(self, request: Request) -> bool:
        return request.method == "POST"

    def refuse_call(self, request: Request) -> Response | None:
        if request.path not in (BULK, SINGLE):
            return failure(404, "UnknownOperationException", "")
        if refused := self._refuse_signature(request):
            return refused
        try:
            call = request.json()
        except ValueError:
            return failure(400, "SerializationException", "")
        if call.get("ConfigurationSetName", "digests") not in self.configuration_sets:
            words = f"Configuration set <{call['ConfigurationSetName']}> does not exist."
            return failure(404, "NotFoundException", words)
        problem = _wrong_bulk(call) if request.path == BULK else _wrong_single(call)
        if problem:
            return failure(400, "BadRequestException", problem)
        if any(address in self.invalid for address in map(_address, _people(call))):
            return failure(400, "BadRequestException", "Missing final '@domain'")
        return self._refuse_sender(call)

    def _refuse_signature(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "")
        parts = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\S+, SignedHeaders=(\S+), Signature=(\w+)", given)
        if not parts or not {"host", "x-amz-date"} <= set(parts[2].split(";")):
            return failure(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        if parts[1] != ACCESS_KEY_ID or request.headers.get("x-amz-security-token", "") != self.session_token:
            return failure(403, "UnrecognizedClientException", "The security token in the request is invalid.")
        if given != self._authorization(request, parts[2].split(";")):
            words = "The request signature we calculated does not match the signature you provided."
            return failure(403, "SignatureDoesNotMatch", words)
        return None

    def _authorization(self, request: Request, names: Sequence[str]) -> str:
        """What botocore would have written for this request at its own time."""
        signer = SigV4Auth(Credentials(ACCESS_KEY_ID, self.key, self.session_token or None), "ses", REGION)
        headers = {name: request.headers[name] for name in names}
        url = f"http://{request.headers['host']}{request.path}"
        copy = AWSRequest(method=request.method, url=url, data=request.body, headers=headers)
        copy.context["timestamp"] = request.headers["x-amz-date"]
        signature = signer.signature(signer.string_to_sign(copy, signer.canonical_request(copy)), copy)
        scope = f"Credential={signer.scope(copy)}"
        return f"AWS4-HMAC-SHA256 {scope}, SignedHeaders={';'.join(names)}, Signature={signature}"

    def _refuse_sender(self, call: Mapping[str, Any]) -> Response | None:
        raw = call.get("Content", {}).get("Raw")
        written = message_from_bytes(base64.b64decode(raw["Data"]))["From"] if raw else call["FromEmailAddress"]
        sender = parseaddr(str(written))[1]
        if self.senders is None or sender in self.senders:
            return None
        words = "Email address is not verified. The following identities failed the check in region EU-WEST-1: "
        return failure(400, "MessageRejected", words + sender)

    def take(self, request: Request) -> Response:
        call = request.json()
        return self._take_bulk(call) if request.path == BULK else self._take_single(call)

    def _take_bulk(self, call: Mapping[str, Any]) -> Response:
        return json_response(
            200, {"BulkEmailEntryResults": [self._take_entry(call, e) for e in call["BulkEmailEntries"]]}
        )

    def _take_entry(self, call: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, str]:
        address = _address(entry["Destination"]["ToAddresses"][0])
        if self.chance_of_refusal():
            return {"Status": BAD_ADDRESS[0], "Error": BAD_ADDRESS[1]}
        if address in self.refused or not MAILBOX.fullmatch(address):
            status, words = self.refused.get(
                address, ("INVALID_PARAMETER", "Local address contains control or whitespace")
            )
            return {"Status": status, "Error": words}
        message_id = str(uuid.uuid4())
        copy = _merged(call, entry, message_id)
        self.accept([copy] if copy else [])
        return {"Status": "SUCCESS", "MessageId": message_id}

    def _take_single(self, call: Mapping[str, Any]) -> Response:
        (to,) = call["Destination"]["ToAddresses"]
        if _address(to) in self.refused or not MAILBOX.fullmatch(_address(to)) or self.chance_of_refusal():
            return failure(400, "BadRequestException", BAD_ADDRESS[1])
        taken = _finished(call, str(uuid.uuid4()))
        self.accept([taken])
        return json_response(200, {"MessageId": taken.provider_id})

    def say(self, misdeed: Misdeed) -> Response:
        if misdeed in (Misdeed.BUSY, Misdeed.BUSY_UNTOLD):
            return failure(429, "TooManyRequestsException", "Maximum sending rate exceeded.")
        if misdeed is Misdeed.DENIED:
            return failure(403, "UnrecognizedClientException", "The security token in the request is invalid.")
        if misdeed is Misdeed.QUOTA:
            return failure(429, "TooManyRequestsException", "Daily message quota exceeded.")
        if misdeed is Misdeed.TOO_LARGE:
            return failure(413, "RequestEntityTooLargeException", "")
        status = 503 if misdeed in (Misdeed.UNAVAILABLE_BEFORE, Misdeed.UNAVAILABLE_AFTER) else 500
        return failure(status, "InternalFailure", "")

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        results = json.loads(response.body).get("BulkEmailEntryResults")
        if results is None:
            return json_response(200, {}) if misdeed is Misdeed.SHORT else response
        kept = results[:-1] if misdeed is Misdeed.SHORT else results[::-1]
        return json_response(200, {"BulkEmailEntryResults": kept})

    def answer(self, request: Request) -> Response:
        if request.path != ACCOUNT:
            return failure(404, "UnknownOperationException", "")
        return self._refuse_signature(request) or json_response(200, self.account)


# --- checking a call -------------------------------------------------------------------------------------------


def _people(call: Mapping[str, Any]) -> list[str]:
    entries = call.get("BulkEmailEntries", [call])
    return [to for entry in entries for to in entry["Destination"]["ToAddresses"]]


def _address(mailbox: str) -> str:
    return parseaddr(mailbox)[1]


def _wrong_bulk(call: Mapping[str, Any]) -> str | None:
    template = call.get("DefaultContent", {}).get("Template", {})
    entries = call.get("BulkEmailEntries", [])
    if not BULK_FIELDS.issuperset(call) or not TEMPLATE_FIELDS.issuperset(template) or not call.get("FromEmailAddress"):
        return "Unknown or missing field"
    if not 1 <= len(entries) <= MAX_ENTRIES:
        return "The number of destinations must be between 1 and 50"
    if set(template.get("TemplateContent", {})) != {"Subject", "Html", "Text"}:
        return "Template content is missing"
    if not _are_headers(template.get("Headers", [])) or not _are_tags(call.get("DefaultEmailTags", [])):
        return "Invalid header or tag in the template"
    if not _is_data(template.get("TemplateData", "{}")) or not call["FromEmailAddress"].isascii():
        return "Invalid template data"
    return next(filter(None, map(_wrong_entry, entries)), None)


def _wrong_entry(entry: Mapping[str, Any]) -> str | None:
    if not ENTRY_FIELDS.issuperset(entry) or len(entry["Destination"]["ToAddresses"]) != 1:
        return "Unknown field in an entry, or several recipients, who would see each other"
    if not _are_headers(entry.get("ReplacementHeaders", [])) or not _are_tags(entry.get("ReplacementTags", [])):
        return "Invalid header or tag in an entry"
    if not _is_data(_data_of(entry)):
        return "Invalid replacement data"
    return None if entry["Destination"]["ToAddresses"][0].isascii() else "Non-ASCII characters in a destination"


def _wrong_single(call: Mapping[str, Any]) -> str | None:
    if not SINGLE_FIELDS.issuperset(call) or set(call.get("Content", {})) != {"Raw"}:
        return "Unknown or missing field"
    if len(_people(call)) != 1 or not _are_tags(call.get("EmailTags", [])):
        return "Several recipients, or an invalid tag"
    content = base64.b64decode(call["Content"]["Raw"]["Data"], validate=True)
    return None if message_from_bytes(content)["From"] else "Missing required header 'From'."


def _are_headers(headers: Sequence[Mapping[str, str]]) -> bool:
    return len(headers) <= MAX_HEADERS and all(
        set(one) == {"Name", "Value"} and HEADER_NAME.fullmatch(one["Name"]) and HEADER_VALUE.fullmatch(one["Value"])
        for one in headers
    )


def _are_tags(tags: Sequence[Mapping[str, str]]) -> bool:
    return all(set(tag) == {"Name", "Value"} and all(map(TAG.fullmatch, tag.values())) for tag in tags)


def _is_data(text: str) -> bool:
    try:
        return len(text) <= MAX_DATA_CHARS and isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _data_of(entry: Mapping[str, Any]) -> str:
    template = entry.get("ReplacementEmailContent", {}).get("ReplacementTemplate", {})
    data: str = template.get("ReplacementTemplateData", "{}")
    return data


# --- what its recipients get -----------------------------------------------------------------------------------


def _pairs(named: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in named}


def _decoded(value: str) -> str:
    return str(make_header(decode_header(value)))


def _merged(call: Mapping[str, Any], entry: Mapping[str, Any], message_id: str) -> Taken | None:
    """The copy of one recipient; None where a variable has no value: a Rendering Failure, told by an event alone."""
    template, (to,) = call["DefaultContent"]["Template"], entry["Destination"]["ToAddresses"]
    values = json.loads(template.get("TemplateData", "{}")) | json.loads(_data_of(entry))
    content = template["TemplateContent"]
    if any(found[1] not in values for text in content.values() for found in VARIABLE.finditer(text)):
        return None
    merged = {part: VARIABLE.sub(lambda found: str(values[found[1]]), text) for part, text in content.items()}
    tags = _pairs(call.get("DefaultEmailTags", [])) | _pairs(entry.get("ReplacementTags", []))
    shown = {"From": _decoded(call["FromEmailAddress"]), "To": _decoded(to)}
    shown["Reply-To"] = ", ".join(map(_decoded, call.get("ReplyToAddresses", [])))
    own = _pairs(template.get("Headers", [])) | _pairs(entry.get("ReplacementHeaders", []))
    return Taken(
        delivery_id=tags.get("delivery_id", "").replace("_", "."),
        address=_address(to),
        subject=merged["Subject"],
        html=merged["Html"],
        text=merged["Text"],
        headers={name: _decoded(value) for name, value in own.items()} | shown,
        message={"call": call, "entry": entry, "tags": tags},
        provider_id=message_id,
    )


def _finished(call: Mapping[str, Any], message_id: str) -> Taken:
    content = base64.b64decode(call["Content"]["Raw"]["Data"])
    message = message_from_bytes(content, policy=default)
    bodies = {kind: message.get_body((kind,)).get_content().replace("\r\n", "\n") for kind in ("html", "plain")}  # type: ignore[union-attr]
    tags = _pairs(call.get("EmailTags", []))
    return Taken(
        delivery_id=tags.get("delivery_id", "").replace("_", "."),
        address=_people(call)[0],
        subject=str(message["Subject"]),
        html=bodies["html"],
        text=bodies["plain"],
        headers={name: str(value) for name, value in message.items()},
        message={"call": call, "tags": tags},
        provider_id=message_id,
        mime=content,
    )
