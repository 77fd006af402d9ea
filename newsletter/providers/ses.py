"""Amazon SES, version 2 of its API: 50 recipients a call, each with values that SES puts into one common message.

What is known of the API comes from botocore's model of `sesv2` (1.44.8), the API Reference V2 and the Developer Guide,
read in November 2026, and from the source of django-anymail 15.2. What decides how this is written:

- SendBulkEmail takes the common message in the call (`TemplateContent`) and merges `{{name}}` into it, as it stands and
  without escaping. An issue that holds `{{` goes as finished MIME messages by SendEmail, one a call.
- Each recipient has headers of his own (`ReplacementHeaders`); the others are taken from the template.
- HTTP 200 says nothing: each entry of the answer has its own `Status`, in the order of the recipients and unnamed.
- There is neither a key nor a look-up. Our delivery id travels as a message tag, which events repeat.
- SES takes no address with characters beyond ASCII before the `@`, and names beyond ASCII only as encoded words.
- SES writes Message-ID and Date itself. How fast an account may send only it knows; over its rate the call is refused.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Sequence

from newsletter import clock
from newsletter.errors import Place, Unsupported
from newsletter.models import Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.header_values import ascii_value, by_sharing, in_ascii
from newsletter.providers.http import Http, Reply
from newsletter.providers.keys import keys_of
from newsletter.providers.lots import MAX_ONE_BY_ONE, one_by_one, single_out
from newsletter.providers.message import parts_of
from newsletter.providers.ses_answers import read_account, read_refusal, read_results, read_sent
from newsletter.providers.sigv4 import Credentials, Scope, body_sha256, signed
from newsletter.providers.tags import as_tag
from newsletter.settings import Settings

API_URL = "https://email.{}.amazonaws.com"
BULK_PATH = "/v2/email/outbound-bulk-emails"
SINGLE_PATH = "/v2/email/outbound-emails"
ACCOUNT_PATH = "/v2/email/account"
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")

MAX_ENTRIES = 50
MAX_BODY_BYTES = 40_000_000
MAX_HEADERS = 15
MAX_HEADER_CHARS = 995

UNTRACKED = {"Tracking": {"OpenTrackingEnabled": "DISABLED", "ClickTrackingEnabled": "DISABLED"}}
"""Whatever the account and the configuration set say."""


class Ses(Provider):
    name = "ses"
    calls_for_each = True

    def __init__(self, settings: Settings, by: Credentials) -> None:
        chosen = settings.provider
        self._by, self._scope = by, Scope(chosen.region, "ses")
        self._url = (chosen.base_url or API_URL.format(chosen.region)).rstrip("/")
        self._http = Http(
            self._url,
            headers={"Accept": "application/json"},
            timeout_s=chosen.timeout.total_seconds(),
            hide=[secret for secret in by if secret],
        )
        self._options = {"ConfigurationOverrides": UNTRACKED} | (
            {"ConfigurationSetName": chosen.stream} if chosen.stream else {}
        )
        self._most = min(chosen.batch_size or MAX_ENTRIES, MAX_ENTRIES)
        self.abilities = Abilities(min(self._most, MAX_ONE_BY_ONE), MAX_BODY_BYTES)

    @classmethod
    def open(cls, settings: Settings) -> Ses:
        chosen = settings.provider
        wanted = {"api_key": "the access key id", "api_secret": "the secret access key"}
        if chosen.session_token:
            wanted |= {"session_token": "the session token"}
        region = Place("provider.region", "wanted: the AWS region, like eu-west-1")
        places = [] if REGION.fullmatch(chosen.region) else [region]
        where = "of a user that may ses:SendEmail, ses:SendRawEmail, ses:SendBulkEmail and ses:GetAccount"
        return cls(settings, Credentials(*keys_of(settings, "Amazon SES", wanted, where=where, places=places)))

    # --- how an email is written ---

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        parts = parts_of(email, without={"message-id"})
        if not parts.sender.address.isascii():
            raise Unsupported(
                "Amazon SES sends for no address with characters beyond ASCII before the @",
                fix="set sender.email to another address",
            )
        common, own = by_sharing(parts.headers, markers)
        common = in_ascii(common)
        texts = (email.subject, email.html, email.text)
        if not may_merge or parts.pictures or _holds_syntax(texts, markers) or not (_fit(common) and _fit(own)):
            return super().form(email, markers)
        values = markers.values(*texts)
        letter = {"to": markers("to"), "values": values, "headers": own}
        shared = self._opening(email, markers, headers=common, variables=list(values))
        return Form(letter, self._most, MAX_BODY_BYTES, shared)

    def _opening(self, email: Email, markers: Markers, *, headers: dict[str, str], variables: list[str]) -> bytes:
        """The body of a call up to its first recipient."""
        subject, html, text = (
            markers.as_variables(part, "{{{{{}}}}}".format) for part in (email.subject, email.html, email.text)
        )
        template = {
            "TemplateContent": {"Subject": subject, "Html": html, "Text": text},
            # A value that is missing would be an event long after the answer: every variable has one, if an empty one.
            "TemplateData": json.dumps(dict.fromkeys(variables, "")),
            "Headers": _named(headers),
        }
        call = {
            **_mailboxes(email),
            **self._options,
            "DefaultEmailTags": [{"Name": "issue", "Value": as_tag(email.issue)}],
            "DefaultContent": {"Template": template},
            "BulkEmailEntries": [],
        }
        return json.dumps(call, ensure_ascii=False, separators=(",", ":")).encode().removesuffix(b"]}")

    # --- sending ---

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        """What is halved because SES refused the whole of it repeats nothing: such a refusal comes first of all."""
        possible = [letter for letter in letters if letter.email.isascii()]
        if possible and possible[0].shared is not None:
            answers = iter(single_out(possible, self._send_bulk))
        else:
            answers = iter(one_by_one(possible, lambda letter: self._send_finished(letter, issue)))
        return [next(answers) if letter.email.isascii() else NO_SUCH_ADDRESS for letter in letters]

    def _send_bulk(self, letters: Sequence[Letter]) -> list[Answer] | Answer:
        """An answer for each letter, or one for the whole call."""
        entries = b",".join(_entry(letter) for letter in letters)
        reply = self._post(BULK_PATH, [(letters[0].shared or b"",), (entries, b"]}")])
        if isinstance(reply, Answer):
            return reply
        return read_refusal(reply, now=clock.now()) or read_results(reply.json(), len(letters))

    def _send_finished(self, letter: Letter, issue: str) -> Answer:
        """A MIME message as it is; it has all its headers in itself."""
        tags = [("issue", issue), ("delivery_id", letter.delivery_id)]
        call = {
            "Destination": {"ToAddresses": [letter.email]},
            **self._options,
            "EmailTags": [{"Name": name, "Value": as_tag(value)} for name, value in tags],
        }
        opening = json.dumps(call).encode().removesuffix(b"}") + b',"Content":{"Raw":{"Data":"'
        reply = self._post(SINGLE_PATH, [(opening,), (b64encode(b"".join(letter.parts)), b'"}}}')])
        if isinstance(reply, Answer):
            return reply
        return read_refusal(reply, now=clock.now()) or read_sent(reply.json())

    def _post(self, path: str, chunks: list[Sequence[bytes]]) -> Reply | Answer:
        headers = {"Content-Type": "application/json"}
        return self._http.post(path, chunks, headers=self._signed("POST", path, body_sha256(chunks), headers))

    def _signed(self, method: str, path: str, sha256: str, headers: dict[str, str]) -> dict[str, str]:
        by, scope = self._by, self._scope
        return signed(method, self._url + path, sha256, headers=headers, by=by, scope=scope, now=clock.now())

    def verify(self) -> Answer | None:
        """Asks what the account may do, and says it."""
        reply = self._http.get(ACCOUNT_PATH, headers=self._signed("GET", ACCOUNT_PATH, body_sha256([]), {}))
        if reply is None:
            return Answer(Outcome.BUSY, reason="Amazon SES cannot be reached")
        return read_account(reply, now=clock.now())

    def close(self) -> None:
        self._http.close()


NO_SUCH_ADDRESS = Answer(
    Outcome.REFUSED, reason="Amazon SES takes no address with characters beyond ASCII before the @"
)


def _mailboxes(email: Email) -> dict[str, str | list[str]]:
    known = {name.lower(): value for name, value in email.headers}
    reply_to = {"ReplyToAddresses": [ascii_value(known["reply-to"])]} if "reply-to" in known else {}
    return {"FromEmailAddress": ascii_value(known["from"]), **reply_to}


def _named(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in headers.items()]


def _fit(headers: dict[str, str]) -> bool:
    """SES takes these headers by themselves. A marker is shorter than its value: half the room is left for that."""
    return len(headers) <= MAX_HEADERS and all(len(value) <= MAX_HEADER_CHARS // 2 for value in headers.values())


def _holds_syntax(texts: Sequence[str], markers: Markers) -> bool:
    """`{{` stands in somebody's text, or comes about where a brace meets a variable of ours."""
    without = "".join(markers.as_variables(text, lambda _: "x") for text in texts)
    written = "".join(markers.as_variables(text, "{{{{{}}}}}".format) for text in texts)
    return "{{" in without or "{{{" in written or "}}}" in written


def _entry(letter: Letter) -> bytes:
    """One recipient of a call. The values are JSON within a string of JSON, which no constant parts can spare us."""
    said = json.loads(b"".join(letter.parts))
    values = json.dumps(said["values"], ensure_ascii=False, separators=(",", ":"))
    entry = {
        "Destination": {"ToAddresses": [ascii_value(said["to"])]},
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": values}},
        "ReplacementHeaders": _named(said["headers"]),
        "ReplacementTags": [{"Name": "delivery_id", "Value": as_tag(letter.delivery_id)}],
    }
    return json.dumps(entry, separators=(",", ":")).encode()
