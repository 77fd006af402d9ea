"""Brevo: up to 1,000 finished messages a call (`messageVersions`), taken or refused as a whole.

What is known of the API comes from developers.brevo.com (reference "Send a transactional email", guides "Batch send",
"Idempotency for batch emails", "Rate limits"; read 2026-11), from brevo-python 5.1 and from django-anymail 15.2. What
decides how this is written:

- A content is a template of Brevo's: `{{`, `{%` and `{#` are interpreted. The guides write `{{params.name}}` into
  `htmlContent`; a parameter's value is put in as it is. So a brace that would begin something comes from a parameter.
- A call may carry an idempotency key. Its repetition is not answered with the first answer but with an error, which
  does not say what became of the first; the events of the call do, and a tag of its own finds them.
- Tags belong to a call, not to a message, and events repeat nothing else of ours. So no delivery can be asked for
  later; each says its id to webhooks in the header `X-Mailin-custom`.
- Header values beyond ASCII go out as raw bytes; a name that is not ASCII and holds a comma or the like is dropped.
- Pictures within the mail are not possible, only attachments.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from newsletter import clock
from newsletter.errors import Unsupported
from newsletter.models import Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.brevo_names import fit_mailbox, fit_name
from newsletter.providers.http import Http, Reply, pause_s, refusal
from newsletter.providers.keys import keys_of, unused
from newsletter.providers.lots import left_to_halve, listed, single_out
from newsletter.providers.message import parts_of, reader_first, with_fit_name
from newsletter.providers.reasons import tidy_reason
from newsletter.settings import Settings

API_URL = "https://api.brevo.com"
MAX_VERSIONS = 1000
MAX_BODY_BYTES = 20_000_000
"""Not published; what Brevo's help centre gives as the most for one mail with its attachments."""
CALLS_PER_S = 6000 / 3600
KEY_VALID_S = 15 * 60.0
"""The guide says 30 minutes, the changelog that announced the keys 15: repeating too late would mail people twice."""
MAX_EVENTS = 5000
RATE_HEADERS = "x-sib-ratelimit-"
SEEN_BEFORE = frozenset({"duplicate_parameter", "duplicate_request"})
"""The guide names the first for a key that was used before; the SDK lists both and says nothing of either."""

BRACE = "{{params.brace}}"
PARAMS = {"brace": "{"}
BEGINS = "[{%#]"
"""With a brace before it, what Brevo would interpret."""

ABOUT_RECIPIENT = re.compile(r"\bin to\b|\bto[.\[]|recipient", re.IGNORECASE)
ABOUT_US = re.compile(r"sender|reply|header|subject|content|param|tag", re.IGNORECASE)


class Brevo(Provider):
    name = "brevo"

    def __init__(self, settings: Settings, key: str) -> None:
        chosen = settings.provider
        self._http = Http(
            chosen.base_url or API_URL,
            headers={"api-key": key, "Accept": "application/json", "Content-Type": "application/json"},
            timeout_s=chosen.timeout.total_seconds(),
            hide=(key,),
        )
        batch_size = min(chosen.batch_size or MAX_VERSIONS, MAX_VERSIONS)
        self.abilities = Abilities(batch_size, MAX_BODY_BYTES, key_valid_s=KEY_VALID_S, calls_per_s=CALLS_PER_S)

    @classmethod
    def open(cls, settings: Settings) -> Brevo:
        where = "from the page `SMTP & API` at Brevo"
        places = unused(settings, "Brevo", "region", "domain", "stream")
        (key,) = keys_of(settings, "Brevo", {"api_key": "the API key"}, where=where, places=places)
        return cls(settings, key)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        shared = json.dumps(_shared(email), ensure_ascii=False, separators=(",", ":")).encode()
        letter = _version(email, markers)
        return Form(letter, self.abilities.batch_size, self.abilities.batch_bytes, shared)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        """A call that Brevo refuses for one bad address is halved until that letter stands alone; one with a key by the
        run."""
        divided = left_to_halve if key else single_out
        return divided(letters, lambda lot: self._call(lot, issue, key))

    def _call(self, letters: Sequence[Letter], issue: str, key: str) -> list[Answer] | Answer:
        """An answer for each letter, or one for the whole call."""
        call_id = _call_id(key, letters) if key else ""
        before = (letters[0].shared or b"{}")[:-1] + _call_fields(issue, call_id) + b',"messageVersions":['
        guarded = [with_fit_name(_guarded(letter), fit_name) for letter in letters]
        reply = self._http.post("/v3/smtp/email", listed(guarded, before=before, after=b"]}"))
        if isinstance(reply, Answer):
            return reply
        pause = pause_s(reply.headers, now=clock.now(), prefix=RATE_HEADERS)
        if call_id and _code(reply) in SEEN_BEFORE:
            return self._answers_of_first(call_id, letters)
        if refused := _refusal(reply):
            return _with_pause(refused, pause)
        return [_with_pause(answer, pause) for answer in read_ids(reply.json(), letters)]

    def _answers_of_first(self, call_id: str, letters: Sequence[Letter]) -> list[Answer]:
        """What became of the call that first had this key: its events name the addresses that it took."""
        query = {"tags": json.dumps([call_id]), "event": "requests", "limit": str(MAX_EVENTS)}
        reply = self._http.get("/v3/smtp/statistics/events", query)
        page = reply.json() if reply is not None and reply.status == 200 else None
        return read_events(page, call_id, letters)

    def verify(self) -> Answer | None:
        reply = self._http.get("/v3/account")
        if reply is None:
            return Answer(Outcome.BUSY, reason="Brevo cannot be reached")
        return _refusal(reply) or Answer(Outcome.ACCEPTED)

    def close(self) -> None:
        self._http.close()


# --- writing ----------------------------------------------------------------------------------------------------


def _shared(email: Email) -> dict[str, Any]:
    """What each version has to replace, and what is the same for all. A version may have contents of its own only
    where there is one to replace."""
    parts = parts_of(email)
    shared: dict[str, Any] = {"sender": fit_mailbox(parts.sender).as_json(), "subject": "-"}
    if parts.reply_to:
        shared["replyTo"] = fit_mailbox(parts.reply_to).as_json()
    return shared | {"htmlContent": "<html><body></body></html>"}


def _version(email: Email, markers: Markers) -> dict[str, Any]:
    parts = parts_of(email, without={"message-id"})
    if parts.pictures:
        raise Unsupported(
            "Brevo cannot send pictures within the mail, only as attachments",
            fix='set images to "hosted" or "linked" for the digest, or choose another provider',
        )
    custom = json.dumps({"delivery_id": markers("delivery_id"), "issue": email.issue})
    # A reader's own value may begin with a brace, too.
    after = "|".join([BEGINS, *markers.values(email.subject, email.html, email.text).values()])
    return {
        **reader_first(markers),
        "subject": _guard(email.subject, after),
        "htmlContent": _guard(email.html, after),
        "textContent": _guard(email.text, after),
        "headers": {name: _ascii_header(name, value) for name, value in parts.headers.items()}
        | {"X-Mailin-custom": custom},
        "params": PARAMS,
    }


def _guard(text: str, after: str) -> str:
    return re.sub(rf"\{{(?={after})", BRACE, text)


def _guarded(letter: Letter) -> Letter:
    """The same for a name that readers gave themselves, where the email prints it. The recipient's own field is no
    template."""
    parts, name = letter.parts, letter.parts[1]
    if b"{" not in name:
        return letter
    plain: str = json.loads(b'"%s"' % name)
    as_html = json.dumps(escape(plain))[1:-1].encode()
    by_form = {form: _guard(form.decode(), f"{BEGINS}|$").encode() for form in (name, as_html)}
    return letter._replace(parts=[*parts[:4], *(by_form.get(part, part) for part in parts[4:])])


def _ascii_header(name: str, value: str) -> str:
    if value.isascii():
        return value
    if name.lower() == "list-id":
        return value[value.rindex("<") :]  # what stands before it is only for people to read (RFC 2919)
    raise Unsupported(
        f"Brevo sends header values beyond ASCII as raw bytes, and {name} is one: {value!r}",
        fix="use plain ASCII in what makes this header, or choose another provider",
    )


def _call_id(key: str, letters: Sequence[Letter]) -> str:
    """A UUID, as Brevo wants it; each half of a call that was refused is a call of its own."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{key} {letters[0].delivery_id} {len(letters)}"))


def _call_fields(issue: str, call_id: str) -> bytes:
    fields: dict[str, Any] = {"tags": [issue, call_id] if call_id else [issue]}
    if call_id:
        fields["headers"] = {"idempotencyKey": call_id}
    return b"," + json.dumps(fields, separators=(",", ":")).encode()[1:-1]


# --- reading answers --------------------------------------------------------------------------------------------


def _words(reply: Reply) -> Mapping[str, Any]:
    said = reply.json()
    return said if isinstance(said, dict) else {}


def _code(reply: Reply) -> str:
    return str(_words(reply).get("code", ""))


def _refusal(reply: Reply) -> Answer | None:
    """The answer for the whole call; REFUSED where it says that an address is none."""
    message = str(_words(reply).get("message", ""))
    answer = refusal(reply, now=clock.now(), said=f"{_code(reply)} {message}".strip())
    if answer is None or answer.outcome is not Outcome.DENIED or reply.status != 400:
        return answer
    return Answer(judge(_code(reply), message), reason=answer.reason)


def judge(code: str, message: str) -> Outcome:
    """What a 400 means. Brevo has no code for a bad address, so its words decide; what is not clearly about the
    recipient stops the run, or a mistake of ours would mark everybody as refused for good."""
    is_theirs = code == "invalid_parameter" and ABOUT_RECIPIENT.search(message) and not ABOUT_US.search(message)
    return Outcome.REFUSED if is_theirs else Outcome.DENIED


def _with_pause(answer: Answer, pause: float | None) -> Answer:
    if pause is None:
        return answer
    # Brevo has no Retry-After; when calls are welcome again stands in its rate headers.
    wait_s = pause if answer.outcome is Outcome.BUSY and answer.retry_after_s is None else answer.retry_after_s
    return answer._replace(retry_after_s=wait_s, pause_s=pause)


def read_ids(body: object, letters: Sequence[Letter]) -> list[Answer]:
    """One answer a letter from the body of a 2xx: an id for each version, in order. With ids missing nobody can tell
    whose they are."""
    said = body if isinstance(body, dict) else {}
    ids = said.get("messageIds", [said["messageId"]] if "messageId" in said else None)
    if not isinstance(ids, list) or len(ids) != len(letters) or not all(isinstance(one, str) and one for one in ids):
        return [Answer(Outcome.UNSURE, reason="Brevo answered without an id for each message")] * len(letters)
    return [Answer(Outcome.ACCEPTED, provider_id=one) for one in ids]


def read_events(page: object, call_id: str, letters: Sequence[Letter]) -> list[Answer]:
    """One answer a letter from the events of a call. They lag behind, so what they do not show stays in doubt."""
    events = page.get("events") if isinstance(page, dict) else None
    found = [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []
    ids = {
        str(event.get("email", "")).lower(): str(event.get("messageId", "")) or None
        for event in found
        if call_id in str(event.get("tag", ""))
    }
    addresses = [letter.email.lower() for letter in letters]
    doubt = Answer(Outcome.UNSURE, reason=tidy_reason("Brevo has seen this call before and does not show it yet"))
    if len(set(addresses)) < len(addresses):  # as with `redirect_to`
        return [doubt] * len(letters)
    return [Answer(Outcome.ACCEPTED, provider_id=ids[one]) if one in ids else doubt for one in addresses]
