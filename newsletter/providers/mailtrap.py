"""Mailtrap: up to 500 finished messages a call, an answer for each.

What is known of the API comes from Mailtrap's OpenAPI files (github.com/mailtrap/mailtrap-openapi) and its pages on
rate limits and sending limits (read 2026-11), mailtrap-python 2.11 and django-anymail 15.2. What decides how this is
written:

- Digests go through the bulk stream and everything else through the transactional one, each a host of its own.
- HTTP 200 says nothing: each of `responses`, in the order of the requests, has its own `success`.
- What a request says stands in place of what `base` says, headers as a whole too.
- Nothing in a text is merged unless a stored template is named.
- The log of sent mail shows our delivery id in `custom_variables`. It belongs to an account, which the token names if
  it may see one only.
- Tracking is a setting of the domain, not of a message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from newsletter import clock
from newsletter.models import Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.header_values import in_ascii
from newsletter.providers.http import Http, Reply, pause_s, refusal
from newsletter.providers.keys import keys_of, unused
from newsletter.providers.lots import listed, single_out
from newsletter.providers.message import as_base64, media_type, parts_of, reader_first, with_fit_name
from newsletter.providers.reasons import tidy_reason, without_addresses
from newsletter.settings import Settings

BULK_URL = "https://bulk.api.mailtrap.io"
TRANSACTIONAL_URL = "https://send.api.mailtrap.io"
ACCOUNT_URL = "https://mailtrap.io"

MAX_MESSAGES = 500
MAX_BODY_BYTES = 50_000_000
CALLS_PER_S = 150 / 10
LOOK_UP_LAG_S = 30.0
"""Guessed: nothing is published about how far the log lags behind."""
MAX_PAGES = 20
"""Of the log, newest first; 60 may be asked for in a minute."""
LOOK_BACK = timedelta(days=1)

ABOUT_RECIPIENT = re.compile(r"'to'|\bto[.\[]|\bto address|recipient|suppress", re.IGNORECASE)
ABOUT_US = re.compile(r"\bfrom\b|sender|domain|reply|subject|limit|html|text|header|category|token", re.IGNORECASE)


class Mailtrap(Provider):
    name = "mailtrap"

    def __init__(self, settings: Settings, token: str) -> None:
        chosen = settings.provider

        def http(url: str) -> Http:
            return Http(
                chosen.base_url or url,
                headers={"Api-Token": token, "Accept": "application/json", "Content-Type": "application/json"},
                timeout_s=chosen.timeout.total_seconds(),
                hide=(token,),
            )

        self._bulk, self._transactional, self._account = http(BULK_URL), http(TRANSACTIONAL_URL), http(ACCOUNT_URL)
        self.abilities = Abilities(
            batch_size=min(chosen.batch_size or MAX_MESSAGES, MAX_MESSAGES),
            batch_bytes=MAX_BODY_BYTES,
            can_look_up=True,
            look_up_lag_s=LOOK_UP_LAG_S,
            calls_per_s=CALLS_PER_S,
        )

    @classmethod
    def open(cls, settings: Settings) -> Mailtrap:
        where = "from the page `API Tokens` at Mailtrap"
        places = unused(settings, "Mailtrap", "region", "domain", "stream")
        (token,) = keys_of(settings, "Mailtrap", {"api_key": "the API token"}, where=where, places=places)
        return cls(settings, token)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        shared = json.dumps(_base(email), ensure_ascii=False, separators=(",", ":")).encode()
        return Form(_request(email, markers), self.abilities.batch_size, self.abilities.batch_bytes, shared)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        """A call that Mailtrap refuses as a whole for one bad address is halved until that letter stands alone."""
        stream = self._transactional if issue == "system" else self._bulk
        return single_out(letters, lambda lot: self._call(stream, lot))

    def _call(self, stream: Http, letters: Sequence[Letter]) -> list[Answer] | Answer:
        """An answer for each letter, or one for the whole call."""
        before = b'{"base":' + (letters[0].shared or b"{}") + b',"requests":['
        named = [with_fit_name(letter) for letter in letters]
        reply = stream.post("/api/batch", listed(named, before=before, after=b"]}"))
        if isinstance(reply, Answer):
            return reply
        pause = pause_s(reply.headers, now=clock.now())
        return _refusal(reply) or read_responses(reply.json(), letters, pause_s=pause)

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        """Finds what the log shows of the issue, newest first; what it does not show yet is left out."""
        account = read_account(_page(self._account.get("/api/accounts")))
        if account is None:
            return {}
        wanted, found = set(delivery_ids), dict[str, Answer]()
        query = {
            "filters[sent_after]": (clock.now() - LOOK_BACK).isoformat(),
            "filters[category][operator]": "equal",
            "filters[category][value]": issue,
        }
        for _ in range(MAX_PAGES):
            page = _page(self._account.get(f"/api/accounts/{account}/email_logs", query))
            found |= {name: answer for name, answer in read_log(page).items() if name in wanted}
            cursor = page.get("next_page_cursor") if isinstance(page, dict) else None
            if not isinstance(cursor, str) or not cursor or wanted <= found.keys():
                break
            query["search_after"] = cursor
        return found

    def verify(self) -> Answer | None:
        reply = self._account.get("/api/accounts")
        if reply is None:
            return Answer(Outcome.BUSY, reason="Mailtrap cannot be reached")
        return _refusal(reply) or Answer(Outcome.ACCEPTED)

    def close(self) -> None:
        for http in (self._bulk, self._transactional, self._account):
            http.close()


def _page(reply: Reply | None) -> object:
    return reply.json() if reply is not None and reply.status == 200 else None


# --- writing ----------------------------------------------------------------------------------------------------


def _base(email: Email) -> dict[str, Any]:
    """What is the same for all readers."""
    parts = parts_of(email)
    base: dict[str, Any] = {"from": parts.sender.as_json(), "subject": email.subject, "category": email.issue}
    if parts.reply_to:
        base["reply_to"] = parts.reply_to.as_json()
    if parts.pictures:
        base["attachments"] = [
            {
                "filename": picture.name,
                "type": media_type(picture),
                "content": as_base64(picture),
                "disposition": "inline",
                "content_id": picture.content_id,
            }
            for picture in parts.pictures
        ]
    return base


def _request(email: Email, markers: Markers) -> dict[str, Any]:
    parts = parts_of(email, without={"message-id"})
    return {
        **reader_first(markers),
        "html": email.html,
        "text": email.text,
        "headers": in_ascii(parts.headers),
        "custom_variables": {"delivery_id": markers("delivery_id")},
    }


# --- reading answers; pure but for the clock --------------------------------------------------------------------


def _refusal(reply: Reply) -> Answer | None:
    """The answer for the whole call; REFUSED where it says that an address is none."""
    words = _words(reply.json())
    answer = refusal(reply, now=clock.now(), said=words)
    if answer is None or answer.outcome is not Outcome.DENIED or reply.status not in (400, 422):
        return answer
    return Answer(judge(words), reason=answer.reason)


def _words(said: object) -> str:
    """`errors` is a list where mail is sent, one text elsewhere; some answers call it `error`."""
    errors = (said.get("errors") or said.get("error") or "") if isinstance(said, dict) else ""
    return "; ".join(map(str, errors)) if isinstance(errors, list) else str(errors)


def judge(words: str) -> Outcome:
    """What an error about one message means. Mailtrap has no codes, so its words decide; what is not clearly about the
    recipient stops the run, or a mistake of ours would mark everybody as refused for good."""
    words = without_addresses(words)
    return Outcome.REFUSED if ABOUT_RECIPIENT.search(words) and not ABOUT_US.search(words) else Outcome.DENIED


def read_responses(body: object, letters: Sequence[Letter], *, pause_s: float | None = None) -> list[Answer]:
    """One answer a letter from the body of a 2xx. Nothing in a response names its recipient, so with one missing nobody
    can tell whose the others are."""
    responses = body.get("responses") if isinstance(body, dict) else None
    if not isinstance(responses, list) or len(responses) != len(letters):
        words = f"Mailtrap gave no result for each message {_words(body)}"
        return [Answer(Outcome.UNSURE, reason=tidy_reason(words), pause_s=pause_s)] * len(letters)
    return [_read_response(response, pause_s) for response in responses]


def _read_response(response: object, pause_s: float | None) -> Answer:
    success = response.get("success") if isinstance(response, dict) else None
    if isinstance(response, dict) and success is True:
        return Answer(Outcome.ACCEPTED, provider_id=_first_id(response), pause_s=pause_s)
    words = _words(response)
    outcome = judge(words) if success is False and words else Outcome.UNSURE
    return Answer(outcome, reason=tidy_reason(f"Mailtrap: {words or 'a result without meaning'}"), pause_s=pause_s)


def _first_id(response: Mapping[str, Any]) -> str | None:
    ids = response.get("message_ids")
    return ids[0] if isinstance(ids, list) and ids and isinstance(ids[0], str) else None


def read_account(page: object) -> int | None:
    """The account of this token; None where it sees several and nobody can tell which one sends."""
    ids = [one.get("id") for one in page if isinstance(one, dict)] if isinstance(page, list) else []
    return ids[0] if len(ids) == 1 and isinstance(ids[0], int) else None


def read_log(page: object) -> dict[str, Answer]:
    """Delivery id → taken, of each message of the log that carries one."""
    messages = page.get("messages") if isinstance(page, dict) else None
    found: dict[str, Answer] = {}
    for message in messages if isinstance(messages, list) else []:
        variables = message.get("custom_variables") if isinstance(message, dict) else None
        delivery_id = variables.get("delivery_id") if isinstance(variables, dict) else None
        if isinstance(delivery_id, str):
            found[delivery_id] = Answer(Outcome.ACCEPTED, provider_id=str(message.get("message_id", "")) or None)
    return found
