"""SparkPost: one mail for many people a call, each with values of their own that SparkPost puts in.

What is known of the API comes from its own description (github.com/SparkPost/developers.sparkpost.com: `transmissions`,
`template-language`, `recipient-lists`, `events`) and from the source of django-anymail 15.2; read 2026-11. Decisive:

- Every text is a template: subject, bodies, headers, From. An email that holds `{{` therefore goes letter by letter,
  with `perform_substitutions` off, which leaves everything as it is.
- `{{{v}}}` puts a value in as it is; with two braces it would be escaped for HTML, and percent-encoded in links.
- The answer counts who was taken; who was not it names only now and then. Those whom SparkPost will not mail (bounced
  before, unsubscribed) are taken all the same and show as a bounce (since 2018).
- Mail that is not transactional gets a List-Unsubscribe of SparkPost's. Ours stands in `content.headers`, where one's
  own headers belong; django-anymail's documentation says that it was seen replaced. Only an account can tell.
- There is no idempotency key. Our `delivery_id` travels in the metadata and comes back in events, kept for ten days.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import quote
from typing import Any
from urllib.parse import parse_qs, urlsplit

from newsletter import clock
from newsletter.errors import Place
from newsletter.models import Asset, Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.http import Http, Reply, refusal
from newsletter.providers.keys import keys_of, region_place
from newsletter.providers.lots import MAX_ONE_BY_ONE, apart, in_turn, left_open, listed, one_by_one, single_out
from newsletter.providers.message import Mailbox, Parts, as_base64, media_type, parts_of
from newsletter.providers.reasons import tidy_reason
from newsletter.providers.sizes import refuse_larger
from newsletter.settings import Settings

API_URLS = {"": "https://api.sparkpost.com", "eu": "https://api.eu.sparkpost.com"}
USUAL_PEOPLE = 1000
MAX_PEOPLE = 10_000
"""SparkPost advises up to 10,000; a smaller call leaves fewer people in doubt when it breaks."""
MAX_CONTENT_BYTES = 20_000_000
MAX_BODY_BYTES = 50_000_000
"""As advised; 300 MB are taken."""
MAX_CAMPAIGN_BYTES = 64

EVENTS_KEPT = timedelta(days=9)
"""A day less than they are."""
LOOK_UP_LAG_S = 300.0
"""Guessed: events are said to show within minutes."""
EVENTS_A_PAGE, MAX_PAGES = "1000", 10
"""Newest first, so those of a call that broke a moment ago are on the first."""

SYNTAX = ("{{", "[[data-msys-")
"""What the template language begins with; the second says something of a link in the text part."""
VALUE = "\ue000"
"""Stands for a value while it is judged whether a text is free of syntax: a brace beside ours would make a fourth."""

NO_VALID_RECIPIENT = "5002"
HOURLY_LIMIT = "2101"
ADDRESS = re.compile(r"[^\s<>\"',;:()\[\]]+@[^\s<>\"',;:()\[\]]+")


class SparkPost(Provider):
    name = "sparkpost"

    def __init__(self, settings: Settings, key: str) -> None:
        chosen = settings.provider
        self._ip_pool = chosen.stream
        self._http = Http(
            chosen.base_url or API_URLS[chosen.region],
            headers={"Authorization": key, "Accept": "application/json", "Content-Type": "application/json"},
            timeout_s=chosen.timeout.total_seconds(),
            hide=(key,),
        )
        batch_size = min(chosen.batch_size or USUAL_PEOPLE, MAX_PEOPLE)
        self.abilities = Abilities(batch_size, MAX_BODY_BYTES, can_look_up=True, look_up_lag_s=LOOK_UP_LAG_S)

    @classmethod
    def open(cls, settings: Settings) -> SparkPost:
        chosen = settings.provider
        places = region_place(chosen.region, filter(None, API_URLS))
        if chosen.domain:
            places.append(Place("provider.domain", "SparkPost knows its domains by the sender; take it away"))
        where = "from SparkPost's page `API Keys` (it needs Transmissions: Read/Write, and Events Search: Read-only)"
        (key,) = keys_of(settings, "SparkPost", {"api_key": "the API key"}, where=where, places=places)
        return cls(settings, key)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        parts = parts_of(email)
        person: dict[str, Any] = {
            "address": {"email": markers("address"), "header_to": markers("to")},
            "metadata": {"delivery_id": markers("delivery_id")},
        }
        if not may_merge or not all(is_free_of_syntax(text, markers) for text in _texts(email, parts)):
            size = min(self.abilities.batch_size, MAX_ONE_BY_ONE)
            alone = {"recipients": [person], **self._message(email, parts, str, merges=False)}
            return Form(alone, size, one_by_one=True)
        message = self._message(email, parts, lambda text: markers.as_variables(text, _merged), merges=True)
        shared = left_open(message, "recipients")
        values = markers.values(*_texts(email, parts)).items()
        person["substitution_data"] = {_variable(name): marker for name, marker in values}
        return Form(person, self.abilities.batch_size, MAX_BODY_BYTES - len(shared), shared)

    def _message(self, email: Email, parts: Parts, written: Callable[[str], str], *, merges: bool) -> dict[str, Any]:
        options: dict[str, Any] = {
            "transactional": email.issue == "system",
            "open_tracking": False,
            "click_tracking": False,
            "inline_css": False,
            "perform_substitutions": merges,
        }
        if self._ip_pool:
            options["ip_pool"] = self._ip_pool
        content = _content(email, parts, written)
        return {"options": options, "campaign_id": campaign_of(email.issue), "content": content}

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        if letters and letters[0].shared is None:
            return one_by_one(letters, self._call_for_one)
        return in_turn(apart(letters), lambda lot: single_out(lot, self._call))

    def _call(self, letters: Sequence[Letter]) -> list[Answer] | Answer:
        return self._post(listed(letters, before=letters[0].shared or b"", after=b"]}"), letters)

    def _call_for_one(self, letter: Letter) -> Answer:
        answer = self._post([letter.parts], [letter])
        return answer if isinstance(answer, Answer) else answer[0]

    def _post(self, chunks: Sequence[Sequence[bytes]], letters: Sequence[Letter]) -> list[Answer] | Answer:
        reply = self._http.post("/api/v1/transmissions", chunks)
        if isinstance(reply, Answer):
            return reply
        return read_refusal(reply, now=clock.now()) or read_results(reply.json(), letters)

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        """Finds those that SparkPost has made a mail of; what its events do not show yet is left out."""
        wanted, found, cursor = set(delivery_ids), dict[str, Answer](), "initial"
        query = {"campaigns": campaign_of(issue), "events": "injection", "per_page": EVENTS_A_PAGE}
        query["from"] = (clock.now() - EVENTS_KEPT).strftime("%Y-%m-%dT%H:%M")
        for _ in range(MAX_PAGES):
            reply = self._http.get("/api/v1/events/message", query | {"cursor": cursor})
            if reply is None or reply.status != 200:
                break
            shown, cursor = read_events(reply.json())
            found |= {key: answer for key, answer in shown.items() if key in wanted}
            if not cursor or len(found) == len(wanted):
                break
        return found

    def verify(self) -> Answer | None:
        """A key that may only send gets a 403 here, which says nothing."""
        reply = self._http.get("/api/v1/account")
        if reply is None:
            return Answer(Outcome.BUSY, reason="SparkPost cannot be reached")
        if reply.status == 403:
            return None
        return read_refusal(reply, now=clock.now()) or Answer(Outcome.ACCEPTED)

    def close(self) -> None:
        self._http.close()


# --- how a mail is written --------------------------------------------------------------------------------------


def is_free_of_syntax(text: str, markers: Markers) -> bool:
    """Whether this text, with our own variables in it, holds nothing else that the template language reads."""
    probe = markers.as_variables(text, lambda _: VALUE)
    return not any(sign in probe for sign in (*SYNTAX, "{" + VALUE, VALUE + "}"))


def campaign_of(issue: str) -> str:
    return issue.encode()[:MAX_CAMPAIGN_BYTES].decode("utf-8", "ignore")


def _variable(name: str) -> str:
    """The name of a value in the template; the template language keeps some plain ones (`email`) for itself."""
    return f"v_{name}"


def _merged(name: str) -> str:
    return "{{{" + _variable(name) + "}}}"


def _texts(email: Email, parts: Parts) -> list[str]:
    """Everything that SparkPost takes for a template."""
    mailboxes = [_written(mailbox) for mailbox in (parts.sender, parts.reply_to) if mailbox]
    return [email.subject, email.text, email.html, *parts.headers.values(), *mailboxes]


def _content(email: Email, parts: Parts, written: Callable[[str], str]) -> dict[str, Any]:
    content: dict[str, Any] = {
        "from": parts.sender.as_json(),
        "subject": written(email.subject),
        "text": written(email.text),
        "html": written(email.html),
        "headers": {name: written(value) for name, value in parts.headers.items()},
    }
    if parts.reply_to:
        content["reply_to"] = _written(parts.reply_to)
    if parts.pictures:
        content["inline_images"] = [_picture(picture) for picture in parts.pictures]
    refuse_larger(len(json.dumps(content, ensure_ascii=False).encode()), MAX_CONTENT_BYTES, "SparkPost")
    return content


def _written(mailbox: Mailbox) -> str:
    """In plain Unicode: SparkPost encodes it."""
    return f'"{quote(mailbox.name)}" <{mailbox.address}>' if mailbox.name else mailbox.address


def _picture(picture: Asset) -> dict[str, str]:
    return {"name": picture.content_id or "", "type": media_type(picture), "data": as_base64(picture)}


# --- reading answers; pure --------------------------------------------------------------------------------------


def read_refusal(reply: Reply, *, now: datetime) -> Answer | None:
    """The answer for the whole call, REFUSED where no recipient in it was fit; None for 2xx."""
    said = reply.json()
    errors = _errors(said.get("errors") if isinstance(said, dict) else None)
    codes = {str(error.get("code")) for error in errors}
    own: dict[int, Outcome] = {}
    if codes == {NO_VALID_RECIPIENT}:
        own = {400: Outcome.REFUSED, 422: Outcome.REFUSED}
    elif codes == {HOURLY_LIMIT}:
        own = {420: Outcome.BUSY}
    return refusal(reply, now=now, said="; ".join(map(_words, errors)), own=own)


def read_results(said: object, letters: Sequence[Letter]) -> list[Answer] | Answer:
    """An answer a letter from the body of a 200, or one for the whole call."""
    results = said.get("results") if isinstance(said, dict) else None
    if not isinstance(results, dict):
        return Answer(Outcome.UNSURE, reason="SparkPost answered 200 with something that is no result")
    counts = results.get("total_accepted_recipients"), results.get("total_rejected_recipients")
    errors = _errors(results.get("rcpt_to_errors"))
    words = tidy_reason("SparkPost: " + ("; ".join(map(_words, errors)) or "recipient rejected"))
    if counts == (0, len(letters)):
        return Answer(Outcome.REFUSED, reason=words)
    refused = _named(errors, letters) if errors else {}
    if counts != (len(letters) - len(refused), len(refused)):
        taken, not_taken = counts
        return Answer(Outcome.UNSURE, reason=f"SparkPost took {taken} and not {not_taken}, and does not say whom")
    taken_as = str(results.get("id", ""))
    return [
        refused.get(number) or Answer(Outcome.ACCEPTED, provider_id=f"{taken_as}#{number}" if taken_as else None)
        for number in range(len(letters))
    ]


def _named(errors: Sequence[Mapping[str, Any]], letters: Sequence[Letter]) -> dict[int, Answer]:
    """Which letters were refused, by number; none where an error does not name exactly one of them."""
    numbers = {letter.email.lower(): number for number, letter in enumerate(letters)}
    refused = {}
    for error in errors:
        meant = {numbers[address] for address in ADDRESS.findall(_words(error).lower()) if address in numbers}
        if len(meant) != 1:
            return {}
        refused[meant.pop()] = Answer(Outcome.REFUSED, reason=tidy_reason(f"SparkPost {_words(error)}"))
    return refused


def _errors(errors: object) -> list[Mapping[str, Any]]:
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _words(error: Mapping[str, Any]) -> str:
    return ": ".join(str(error[key]) for key in ("code", "message", "description") if error.get(key))


def read_events(page: object) -> tuple[dict[str, Answer], str]:
    """Which deliveries a page of events shows as taken, and the cursor of the next page ("": there is none)."""
    page = page if isinstance(page, dict) else {}
    events, links = page.get("results"), page.get("links")
    found = {}
    for event in events if isinstance(events, list) else []:
        metadata = event.get("rcpt_meta") if isinstance(event, dict) else None
        if isinstance(metadata, dict) and isinstance(metadata.get("delivery_id"), str):
            found[metadata["delivery_id"]] = Answer(Outcome.ACCEPTED, provider_id=str(event.get("message_id", "")))
    return found, parse_qs(urlsplit(_following(links)).query).get("cursor", [""])[0]


def _following(links: object) -> str:
    """The address of the next page: by name, or in a list of `{href, rel}`. SparkPost's description shows the list,
    programs that read its answers know both."""
    if isinstance(links, list):
        links = {str(link.get("rel")): link.get("href") for link in links if isinstance(link, dict)}
    return str(links.get("next") or "") if isinstance(links, dict) else ""
