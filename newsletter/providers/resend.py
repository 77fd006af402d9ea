"""Resend: up to 100 finished messages a call, and a key with which a call may be repeated for a day.

What is known of the API comes from resend.com/docs (Send Batch Emails, Errors, Rate Limit), its changelog of 2025-06-05
(keys for batches) and 2025-09-19 (permissive batches), the SDK resend 2.52 and the source of django-anymail 15.2. What
decides how this is written:

- A batch is strict by itself: one bad message and none is taken. With `x-batch-validation: permissive` the good ones
  are, `errors` names the others by their index, and `data` holds ids for the rest in order.
- A call with an `Idempotency-Key` that was used before gets the answer of the first, for 24 hours.
- A batch takes no attachments: an issue with pictures within goes one by one.
- Tags hold no dots, so our delivery id is written without (`tags.py`); webhooks repeat the tags.
- Opens and clicks are tracked as the domain's settings at Resend say; a message cannot say otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from newsletter import clock
from newsletter.models import Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.http import Http, Reply, pause_s, refusal
from newsletter.providers.keys import keys_of
from newsletter.providers.lots import MAX_ONE_BY_ONE, left_to_halve, listed, one_by_one, single_out
from newsletter.providers.message import as_base64, parts_of
from newsletter.providers.reasons import tidy_reason
from newsletter.providers.tags import as_tag
from newsletter.settings import Settings

API_URL = "https://api.resend.com"

MAX_MESSAGES = 100
CALLS_PER_S = 2.0
"""The default of a team; the rate headers tell when it is another."""
KEY_VALID_S = 24 * 3600.0

WITH_PICTURES = b'{"attachments":'
"""How a letter begins that no batch may hold."""
TAGS = b'{"tags":[{"name":"issue","value":"%s"},{"name":"delivery_id","value":"%s"}],'
"""How it begins once it has its tags."""
QUOTAS = frozenset({"daily_quota_exceeded", "monthly_quota_exceeded"})
_ABOUT_RECIPIENT = re.compile(r"[`'\"]to[`'\"]")
_ABOUT_ALL = re.compile(r"\b(?:from|sender|domain|reply_?to|subject|html|text|headers?|tags?)\b", re.IGNORECASE)


class Resend(Provider):
    name = "resend"

    def __init__(self, settings: Settings, key: str) -> None:
        chosen = settings.provider
        self._http = Http(
            chosen.base_url or API_URL,
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            timeout_s=chosen.timeout.total_seconds(),
            hide=(key,),
        )
        self._domain = settings.sender.email.rpartition("@")[2].lower()
        batch_size = min(chosen.batch_size or MAX_MESSAGES, MAX_MESSAGES)
        self.abilities = Abilities(batch_size, key_valid_s=KEY_VALID_S, calls_per_s=CALLS_PER_S)

    @classmethod
    def open(cls, settings: Settings) -> Resend:
        (key,) = keys_of(settings, "Resend", {"api_key": "the API key"}, where="from the page `API Keys` at Resend")
        return cls(settings, key)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        parts = parts_of(email, without={"message-id"})  # Resend always writes its own
        pictures = [
            {"filename": picture.name, "content": as_base64(picture), "content_id": picture.content_id}
            for picture in parts.pictures
        ]
        letter: dict[str, Any] = {"attachments": pictures} if pictures else {}
        letter |= {"from": _header(email, "from"), "to": [markers("to")]}
        if reply_to := _header(email, "reply-to"):
            letter["reply_to"] = [reply_to]
        letter |= {"subject": email.subject, "html": email.html, "text": email.text, "headers": parts.headers}
        if pictures:
            return Form(letter, min(self.abilities.batch_size, MAX_ONE_BY_ONE), one_by_one=True)
        return Form(letter, self.abilities.batch_size)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        """A batch that Resend refuses for one bad address is halved until that letter stands alone; one with a key by
        the run."""
        tagged = [_tagged(letter, issue) for letter in letters]
        if any(letter.parts[0].startswith(WITH_PICTURES) for letter in letters):
            return one_by_one(tagged, lambda letter: self._send_alone(letter, _key_of(key, [letter])))
        divided = left_to_halve if key else single_out
        return divided(tagged, lambda some: self._send_batch(some, key))

    def _send_batch(self, letters: Sequence[Letter], key: str) -> list[Answer] | Answer:
        """An answer for each letter, or one for the whole call."""
        headers = {"x-batch-validation": "permissive"} | ({"Idempotency-Key": key} if key else {})
        reply = self._http.post("/emails/batch", listed(letters), headers=headers)
        if isinstance(reply, Answer):
            return reply
        wait_s = pause_s(reply.headers, now=clock.now(), prefix="ratelimit-")
        refused = read_refusal(reply)
        if refused:
            return refused._replace(pause_s=wait_s)
        return [answer._replace(pause_s=wait_s) for answer in read_batch(reply.json(), len(letters))]

    def _send_alone(self, letter: Letter, key: str) -> Answer:
        reply = self._http.post("/emails", [letter.parts], headers={"Idempotency-Key": key} if key else None)
        if isinstance(reply, Answer):
            return reply
        answer = read_refusal(reply) or read_sent(reply.json())
        return answer._replace(pause_s=pause_s(reply.headers, now=clock.now(), prefix="ratelimit-"))

    def verify(self) -> Answer | None:
        """Asks for the domains. A key that may only send is told that it may not, and so is known."""
        reply = self._http.get("/domains")
        if reply is None:
            return Answer(Outcome.BUSY, reason="Resend cannot be reached")
        if _words(reply).get("name") == "restricted_api_key":
            return Answer(Outcome.ACCEPTED)
        return read_refusal(reply) or read_domains(reply.json(), self._domain)

    def close(self) -> None:
        self._http.close()


def _header(email: Email, name: str) -> str:
    return next((value for known, value in email.headers if known.lower() == name), "")


def _tagged(letter: Letter, issue: str) -> Letter:
    """The letter with its tags, which cannot be merged: a delivery id is no tag as it is."""
    first, *others = letter.parts
    values = as_tag(issue).encode(), as_tag(letter.delivery_id).encode()
    return letter._replace(parts=(TAGS % values + first[1:], *others))


def _key_of(key: str, letters: Sequence[Letter]) -> str:
    """The key of a letter of the call that `key` names: the same whenever the call is repeated."""
    return f"{key}.{len(letters)}.{letters[0].delivery_id}" if key else ""


# --- reading answers; pure --------------------------------------------------------------------------------------


def _words(reply: Reply) -> Mapping[str, Any]:
    said = reply.json()
    return said if isinstance(said, dict) else {}


def read_refusal(reply: Reply) -> Answer | None:
    """The answer for the whole call, or None where the body must be read; REFUSED: because of one recipient in it."""
    words = _words(reply)
    name, message = str(words.get("name", "")), str(words.get("message", ""))
    answer = refusal(reply, now=clock.now(), said=f"{name}: {message}" if name else message, own=_meaning_of(name))
    if answer and reply.status in (400, 422) and _ABOUT_RECIPIENT.search(message):
        return answer._replace(outcome=Outcome.REFUSED)
    return answer


def _meaning_of(name: str) -> Mapping[int, Outcome]:
    """409: a call with this key is under way, or was another; either may have been taken."""
    return {409: Outcome.UNSURE} | ({429: Outcome.DENIED} if name in QUOTAS else {})


def read_sent(said: object) -> Answer:
    """The answer of a message by itself, or of one in `data`."""
    provider_id = said.get("id") if isinstance(said, dict) else None
    if isinstance(provider_id, str) and provider_id:
        return Answer(Outcome.ACCEPTED, provider_id=provider_id)
    return Answer(Outcome.UNSURE, reason="Resend gave no id for this message")


def read_batch(said: object, count: int) -> list[Answer]:
    """An answer for each of so many messages. Which id is whose only the count proves, for `data` names nobody."""
    words = said if isinstance(said, dict) else {}
    errors = _errors(words.get("errors"), count)
    ids = words.get("data")
    left = [index for index in range(count) if index not in errors]
    if not isinstance(ids, list) or len(ids) != len(left):
        ids = [None] * len(left)
    answers = {index: read_sent(one) for index, one in zip(left, ids, strict=True)}
    others_taken = any(answer.outcome is Outcome.ACCEPTED for answer in answers.values())
    answers |= {index: _judge(message, others_taken=others_taken) for index, message in errors.items()}
    return [answers[index] for index in range(count)]


def _errors(errors: object, count: int) -> dict[int, str]:
    found = {}
    for error in errors if isinstance(errors, list) else []:
        index = error.get("index") if isinstance(error, dict) else None
        if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < count:
            found[index] = str(error.get("message", ""))
    return found


def _judge(message: str, *, others_taken: bool) -> Answer:
    """Of a message that was left out of a batch. What is not about its recipient is wrong with all of them; but where
    others were taken it is about him, unless it names what they have in common."""
    is_his = _ABOUT_RECIPIENT.search(message) or (others_taken and not _ABOUT_ALL.search(message))
    return Answer(Outcome.REFUSED if is_his else Outcome.DENIED, reason=tidy_reason(f"Resend: {message}"))


def read_domains(said: object, domain: str) -> Answer:
    """Whether the sender's domain may send, as far as the list of domains tells."""
    domains = said.get("data") if isinstance(said, dict) else None
    for one in domains if isinstance(domains, list) else []:
        if isinstance(one, dict) and one.get("name") == domain and one.get("status") != "verified":
            return Answer(Outcome.DENIED, reason=tidy_reason(f"at Resend the domain {domain} is {one.get('status')}"))
    return Answer(Outcome.ACCEPTED)
