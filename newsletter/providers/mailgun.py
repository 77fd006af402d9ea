"""Mailgun: up to 1000 recipients a call, each with values that Mailgun puts into one common message.

What is known of the API comes from documentation.mailgun.com (Messages, Batch Sending, Events) and from the source of
django-anymail 15.2, read in November 2026. What decides how this is written:

- With `recipient-variables` each person of `to` gets a copy of his own; without, all would see each other.
- `%recipient.key%` is replaced wherever it stands, in headers and in other people's text too. So an email that holds
  Mailgun's syntax goes as finished MIME messages, one a call, and a person whose name holds it gets a call alone.
- A call is taken or refused as a whole, for one bad address too; and it has one id for all its copies.
- There is no idempotency key. Our delivery id travels as a user variable, and the events can be searched for it.
- A wrong path is answered with 200 and a greeting.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from urllib.parse import quote

from newsletter import clock
from newsletter.models import Email
from newsletter.providers import mailgun_form
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.http import Http, Reply, basic_auth, refusal
from newsletter.providers.keys import keys_of, region_place
from newsletter.providers.lots import MAX_ONE_BY_ONE, apart, in_turn, one_by_one, single_out
from newsletter.providers.message import parts_of
from newsletter.providers.reasons import tidy_reason
from newsletter.settings import Settings

API_URLS = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}

MAX_RECIPIENTS = 1000
MAX_BODY_BYTES = 25_000_000
LOOK_UP_LAG_S = 60.0
"""Guessed: the events are "eventually consistent", and the last half hour of them may be incomplete."""
EVENTS_A_PAGE = 300
MAX_PAGES = 20

OWN_SYNTAX = re.compile(r"%(?:recipient|unsubscribe|tag_unsubscribe|mailing_list)")
"""Recipient variables, and those that Mailgun defines itself."""
OWN_SYNTAX_IN_BYTES = re.compile(OWN_SYNTAX.pattern.encode())
NEXT_PAGE = re.compile(r"/v3/[^/]+/events\b[^#]*")
VARIABLE = re.compile(rb"%recipient\.(\w+)%")

_ABOUT_RECIPIENT = re.compile(r"'?to'? parameter")

UNTRACKED = (("o:tracking", "no"), ("o:tracking-clicks", "no"), ("o:tracking-opens", "no"))


class Mailgun(Provider):
    name = "mailgun"
    calls_for_each = True

    def __init__(self, settings: Settings, key: str, *, domain: str) -> None:
        chosen = settings.provider
        self._path = f"/v3/{quote(domain)}"
        authorization = basic_auth("api", key)
        self._http = Http(
            chosen.base_url or API_URLS[chosen.region or "us"],
            headers={"Authorization": authorization, "Accept": "application/json"},
            timeout_s=chosen.timeout.total_seconds(),
            hide=(key, authorization.partition(" ")[2]),
        )
        self._most = min(chosen.batch_size or MAX_RECIPIENTS, MAX_RECIPIENTS)
        alone = min(self._most, MAX_ONE_BY_ONE)
        self.abilities = Abilities(alone, MAX_BODY_BYTES, can_look_up=True, look_up_lag_s=LOOK_UP_LAG_S)

    @classmethod
    def open(cls, settings: Settings) -> Mailgun:
        wanted = {"api_key": "Mailgun's API key"}
        places = region_place(settings.provider.region, API_URLS)
        where = "from the domain's page `Sending keys` at Mailgun"
        (key,) = keys_of(settings, "Mailgun", wanted, where=where, places=places)
        return cls(settings, key, domain=settings.provider.domain or settings.sender.email.rpartition("@")[2])

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        texts = (email.subject, email.html, email.text, *(value for _, value in email.headers))
        if not may_merge or any(OWN_SYNTAX.search(text) for text in texts):
            return super().form(email, markers)
        named = list(_fields(email, markers))
        written = [(name, markers.as_variables(value, "%recipient.{}%".format)) for name, value in named]
        pictures = [asset for asset in email.assets if asset.content_id]
        shared = mailgun_form.fields(email.nonce, written) + mailgun_form.pictures(email.nonce, pictures)
        values = markers.values(*(value for _, value in named))
        letter = {"to": markers("to"), "variables": {markers("address"): values}}
        return Form(letter, self._most, MAX_BODY_BYTES, shared)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        """Repeats nothing: a call that is refused for one bad address was taken for nobody."""
        if not letters or letters[0].shared is None:
            return one_by_one(letters, lambda letter: self._send_finished(letter, issue))
        lots = list(_lots(letters))
        answers = in_turn(lots, self._send_lot)
        if len(lots) == 1:
            return answers
        by_id = {letter.delivery_id: answer for letter, answer in zip(chain(*lots), answers, strict=True)}
        return [by_id[letter.delivery_id] for letter in letters]

    def _send_lot(self, letters: Sequence[Letter]) -> list[Answer]:
        if _would_be_merged(letters[0]):
            return [self._send_alone(letters[0])]
        return single_out(letters, self._send_merged)

    def _send_merged(self, letters: Sequence[Letter]) -> list[Answer] | Answer:
        """An answer for each letter, or one for the whole call."""
        shared = letters[0].shared or b""
        body = mailgun_form.merged(shared, [letter.parts for letter in letters])
        answer = self._call("messages", body, mailgun_form.boundary_of(shared))
        if answer.outcome is not Outcome.ACCEPTED:
            return answer
        if len(letters) == 1:
            return [answer]
        return [Answer(Outcome.ACCEPTED, f"{answer.provider_id}#{n}") for n in range(1, len(letters) + 1)]

    def _send_alone(self, letter: Letter) -> Answer:
        """For whom merging would do harm: the values are put in here, and without variables nothing is replaced."""
        said, shared = json.loads(b"".join(letter.parts)), letter.shared or b""
        values = said["variables"][letter.email]
        filled = VARIABLE.sub(lambda found: str(values[found[1].decode()]).encode(), shared)
        return self._call("messages", mailgun_form.single(filled, said["to"]), mailgun_form.boundary_of(shared))

    def _send_finished(self, letter: Letter, issue: str) -> Answer:
        """A MIME message as it is; it has all its headers in itself."""
        named = [("to", letter.email), ("o:tag", issue), *UNTRACKED, ("v:delivery_id", letter.delivery_id)]
        boundary = secrets.token_hex(16)  # in this message nobody can have foreseen it
        return self._call("messages.mime", mailgun_form.finished(boundary, named, letter.parts), boundary)

    def _call(self, what: str, body: list[Sequence[bytes]], boundary: str) -> Answer:
        reply = self._http.post(f"{self._path}/{what}", body, headers=_content_type(boundary))
        return reply if isinstance(reply, Answer) else read_reply(reply)

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        """Finds what the events show, newest first; what they do not show (yet) is left out."""
        wanted, found = set(delivery_ids), dict[str, Answer]()
        for delivery_id, message_id in self._accepted_of(issue):
            if delivery_id in wanted:
                found[delivery_id] = Answer(Outcome.ACCEPTED, provider_id=message_id)
                if len(found) == len(wanted):
                    break
        return found

    def _accepted_of(self, issue: str) -> Iterator[tuple[str, str]]:
        path: str = f"{self._path}/events"
        query: dict[str, str] = {"event": "accepted", "tags": issue, "limit": str(EVENTS_A_PAGE), "ascending": "no"}
        for _ in range(MAX_PAGES):
            reply = self._http.get(path, query)
            page = reply.json() if reply and reply.status == 200 else None
            if not isinstance(page, dict) or not page.get("items"):
                return
            yield from read_events(page)
            path, query = next_page(page), {}
            if not path:
                return

    def verify(self) -> Answer | None:
        """By a call that names no recipient: with the right key and domain Mailgun calls it incomplete (400).

        A sending key may ask no other question.
        """
        boundary = secrets.token_hex(16)
        body = mailgun_form.single(mailgun_form.fields(boundary, [("o:testmode", "yes")]), "")
        reply = self._http.post(f"{self._path}/messages", body, headers=_content_type(boundary))
        if isinstance(reply, Answer):
            return Answer(Outcome.BUSY, reason="Mailgun cannot be reached")
        return Answer(Outcome.ACCEPTED) if reply.status == 400 else read_reply(reply)

    def close(self) -> None:
        self._http.close()


def _content_type(boundary: str) -> dict[str, str]:
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def _fields(email: Email, markers: Markers) -> Iterator[tuple[str, str]]:
    """What all recipients have in common, with markers where they differ.

    Message-ID is not among it: whether Mailgun puts variables into that header is not documented, and one Message-ID
    for all issues would have mailboxes take each issue for a copy of the first.
    """
    known = {name.lower(): value for name, value in email.headers}
    yield from (("from", known["from"]), ("subject", email.subject), ("html", email.html), ("text", email.text))
    yield from (("o:tag", email.issue), *UNTRACKED, ("v:delivery_id", markers("delivery_id")))
    headers = parts_of(email, without={"message-id"}).headers
    if "reply-to" in known:
        headers["Reply-To"] = known["reply-to"]
    yield from ((f"h:{name}", value) for name, value in headers.items())


def _lots(letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    """The letters in calls: no address twice in one, and who would suffer from merging alone at the end."""
    if b"%" not in b"".join([b"".join(letter.parts) for letter in letters]):  # as mostly; one look at all of them
        yield from apart(letters)
        return
    together, alone = list[Letter](), list[Letter]()
    for letter in letters:
        (alone if _would_be_merged(letter) else together).append(letter)
    yield from apart(together)
    yield from ([letter] for letter in alone)


def _would_be_merged(letter: Letter) -> bool:
    """Something of this person's own, as a name, holds Mailgun's syntax."""
    written = b"".join(letter.parts)
    return b"%" in written and OWN_SYNTAX_IN_BYTES.search(written) is not None


# --- reading answers; pure --------------------------------------------------------------------------------------


def read_reply(reply: Reply) -> Answer:
    """The answer for the whole call; REFUSED means that one recipient of it is the reason."""
    said = reply.json()
    message = str(said.get("message", "")) if isinstance(said, dict) else ""
    refused = refusal(reply, now=clock.now(), said=message)
    if refused:
        about_recipient = reply.status == 400 and _ABOUT_RECIPIENT.match(message)
        return refused._replace(outcome=Outcome.REFUSED) if about_recipient else refused
    if message.startswith("Queued") and isinstance(said.get("id"), str):
        return Answer(Outcome.ACCEPTED, provider_id=said["id"])
    if b"Magnificent API" in reply.body:
        return Answer(
            Outcome.DENIED, reason="Mailgun only greeted us: nothing is sent at this address; look at provider.base_url"
        )
    return Answer(Outcome.UNSURE, reason=tidy_reason(f"Mailgun did not say that it is queued: {message}"))


def read_events(page: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Delivery id and message id of each event that has our variable."""
    for item in page["items"] if isinstance(page["items"], list) else []:
        variables = item.get("user-variables") if isinstance(item, dict) else None
        if isinstance(variables, dict) and isinstance(variables.get("delivery_id"), str):
            yield variables["delivery_id"], _message_id(item)


def _message_id(item: Mapping[str, Any]) -> str:
    try:
        return f"<{item['message']['headers']['message-id']}>"
    except (KeyError, TypeError):
        return ""


def next_page(page: Mapping[str, Any]) -> str:
    """The path of the page after this, with its query if it has one; what stands before it is left out, because we are
    at `base_url`."""
    paging = page.get("paging")
    address = paging.get("next") if isinstance(paging, dict) else None
    found = NEXT_PAGE.search(address) if isinstance(address, str) else None
    return found[0] if found else ""
