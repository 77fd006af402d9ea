"""Postmark: up to 500 finished messages a call, an answer for each.

What is known of the API comes from postmarkapp.com/developer (Email, Messages and Overview pages) and from the source
of django-anymail 15.2. Three things there decide how this is written:

- HTTP 200 says nothing: each entry of the answer has its own `ErrorCode`.
- There is no idempotency key. Our delivery id travels in `Metadata`, and a look-up asks for it.
- In a broadcast stream Postmark adds its own unsubscribe link and headers until its support has switched on "Manage
  unsubscribes on your own" for the stream. It also fills in `{{{ pm:unsubscribe }}}`; nothing else in a text is merged.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from email.utils import parseaddr
from typing import Any

from newsletter import clock
from newsletter.models import ASSET_TYPES, Asset, Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.http import Http, Reply, refusal
from newsletter.providers.keys import keys_of, unused
from newsletter.providers.lots import listed, single_out
from newsletter.providers.message import FIELDS_OF_THEIR_OWN
from newsletter.providers.reasons import tidy_reason
from newsletter.settings import Settings

API_URL = "https://api.postmarkapp.com"
DIGEST_STREAM = "broadcast"
SYSTEM_STREAM = "outbound"
"""Postmark's own transactional stream: confirmations must not carry the unsubscribe link of a broadcast."""

MAX_MESSAGES = 500
MAX_BODY_BYTES = 50_000_000 - MAX_MESSAGES - 2
LOOK_UP_LAG_S = 30.0
"""Guessed: nothing is published about how far the search lags behind."""
MAX_QUESTIONS = 50
"""So many deliveries are looked up one by one; after a broken call the search by issue has found most of them."""
MAX_SEARCHED = 10_000
"""No search shows more, whatever its offset."""

INVALID_REQUEST = 300
RECIPIENT_CODES = frozenset({INVALID_REQUEST, 406})
"""300: the address is none; 406: suppressed after a bounce or complaint."""
ABOUT_US = re.compile(
    r"'(?:From|Reply-?To|Subject|Tag)'|metadata|header|HtmlBody|TextBody|attachment|MessageStream|Track", re.IGNORECASE
)
"""What else a 300 may be about, by words that django-anymail has collected, and our own fields."""
WAIT_CODES = frozenset({100, 429})
"""100: maintenance; 429: too many calls."""


class Postmark(Provider):
    name = "postmark"

    def __init__(self, settings: Settings, token: str) -> None:
        chosen = settings.provider
        self._stream = chosen.stream or DIGEST_STREAM
        self._system_stream = SYSTEM_STREAM
        self._http = Http(
            chosen.base_url or API_URL,
            headers={
                "X-Postmark-Server-Token": token,
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
            timeout_s=chosen.timeout.total_seconds(),
            hide=(token,),
        )
        batch_size = min(chosen.batch_size or MAX_MESSAGES, MAX_MESSAGES)
        self.abilities = Abilities(batch_size, MAX_BODY_BYTES, can_look_up=True, look_up_lag_s=LOOK_UP_LAG_S)

    @classmethod
    def open(cls, settings: Settings) -> Postmark:
        wanted = {"api_key": "the server's API token"}
        where = "from the server's page `API Tokens` at Postmark"
        places = unused(settings, "Postmark", "region", "domain")
        (token,) = keys_of(settings, "Postmark", wanted, where=where, places=places)
        return cls(settings, token)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        return Form(self._message(email, markers), self.abilities.batch_size, self.abilities.batch_bytes)

    def _message(self, email: Email, markers: Markers) -> dict[str, Any]:
        known = {name.lower(): value for name, value in email.headers}
        headers = [
            {"Name": name, "Value": value} for name, value in email.headers if name.lower() not in FIELDS_OF_THEIR_OWN
        ]
        if "message-id" in known:
            # Without it Postmark puts its own Message-ID in place of ours.
            headers.append({"Name": "X-PM-KeepID", "Value": "true"})
        message: dict[str, Any] = {"From": known["from"], "To": markers("to")}
        if "reply-to" in known:
            message["ReplyTo"] = known["reply-to"]
        if pictures := [_picture(asset) for asset in email.assets if asset.content_id]:
            message["Attachments"] = pictures
        return message | {
            "Subject": email.subject,
            "Tag": email.issue,
            "HtmlBody": email.html,
            "TextBody": email.text,
            "Headers": headers,
            "Metadata": {"delivery_id": markers("delivery_id")},
            "MessageStream": self._system_stream if email.issue == "system" else self._stream,
            "TrackOpens": False,
            "TrackLinks": "None",
        }

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        """A call that Postmark refuses as a whole for one bad letter is halved until that letter stands alone.

        That repeats nothing: such a refusal (422) comes before any message of the call is taken.
        """
        return single_out(letters, self._call)

    def _call(self, letters: Sequence[Letter]) -> list[Answer] | Answer:
        """An answer for each letter, or one for the whole call."""
        reply = self._http.post("/email/batch", listed(letters))
        if isinstance(reply, Answer):
            return reply
        refused = self._refusal(reply)
        return refused or read_entries(reply.json(), letters)

    def _refusal(self, reply: Reply) -> Answer | None:
        said = reply.json()
        words = said if isinstance(said, dict) else {}
        code, message = _code(words), str(words.get("Message", ""))
        answer = refusal(reply, now=clock.now(), said=message)
        if answer is None or answer.outcome is not Outcome.DENIED or code is None:
            return answer
        return judge(code, message)

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        """Finds what the search shows. It lags behind, so what it does not show is left out, not called untaken.

        First the issue's own mail, newest first, which after a broken call are the ones in question; when a sending
        has gone on since, they are further back. Then the last few one by one.
        """
        wanted, found = set(delivery_ids), dict[str, Answer]()
        query = {"messagestream": self._system_stream if issue == "system" else self._stream}
        pages = range(0, MAX_SEARCHED, MAX_MESSAGES)
        of_issue = [{"tag": issue, "count": str(MAX_MESSAGES), "offset": str(offset)} for offset in pages]
        for page in of_issue:
            shown = self._shown(query | page)
            if shown is None:
                return found
            found |= _among(wanted, shown)
            if len(shown) < MAX_MESSAGES or len(wanted - found.keys()) <= MAX_QUESTIONS:
                break
        for delivery_id in sorted(wanted - found.keys())[:MAX_QUESTIONS]:
            shown = self._shown(query | {"metadata_delivery_id": delivery_id, "count": "50", "offset": "0"})
            if shown is None:
                break
            found |= _among(wanted, shown)
        return found

    def _shown(self, query: Mapping[str, str]) -> list[tuple[str, str]] | None:
        """Delivery id and Postmark's id of what this search shows; None where there was no result to read."""
        reply = self._http.get("/messages/outbound", query)
        return None if reply is None or reply.status != 200 else list(read_search(reply.json()))

    def verify(self) -> Answer | None:
        reply = self._http.get("/server")
        if reply is None:
            return Answer(Outcome.BUSY, reason="Postmark cannot be reached")
        return self._refusal(reply) or Answer(Outcome.ACCEPTED)

    def close(self) -> None:
        self._http.close()


def _picture(asset: Asset) -> dict[str, str]:
    return {
        "Name": asset.name,
        "Content": b64encode(asset.content).decode("ascii"),
        "ContentType": ASSET_TYPES[asset.name.rpartition(".")[2]],
        "ContentID": f"cid:{asset.content_id}",
    }


# --- reading answers; pure --------------------------------------------------------------------------------------


def judge(code: int, message: str) -> Answer:
    """What an `ErrorCode` other than 0 means for the caller. An unknown one stops the run: better a person looks than
    that a mistake of ours marks everybody as refused for good."""
    if code in WAIT_CODES:
        outcome = Outcome.BUSY
    elif code in RECIPIENT_CODES and not _is_about_us(code, message):
        outcome = Outcome.REFUSED
    else:
        outcome = Outcome.DENIED
    return Answer(outcome, reason=tidy_reason(f"Postmark {code}: {message}"))


def _is_about_us(code: int, message: str) -> bool:
    """300 also says `Error parsing 'Reply-To'`, `Invalid metadata content` and the like, which is true of every message
    we could send."""
    return code == INVALID_REQUEST and "'To'" not in message and ABOUT_US.search(message) is not None


def read_entries(entries: object, letters: Sequence[Letter]) -> list[Answer]:
    """One answer a letter from the body of a 200."""
    if not isinstance(entries, list) or len(entries) > len(letters):
        unreadable = Answer(Outcome.UNSURE, reason="Postmark answered 200 with something that is no list of results")
        return [unreadable] * len(letters)
    if len(entries) < len(letters):
        return _read_short(entries, letters)
    return [_read_entry(entry) for entry in entries]


def _read_entry(entry: object) -> Answer:
    if not isinstance(entry, dict):
        return Answer(Outcome.UNSURE, reason="Postmark gave no result for this message")
    code, message, message_id = _code(entry), str(entry.get("Message", "")), entry.get("MessageID")
    provider_id = message_id if isinstance(message_id, str) and message_id else None
    if code is None and (provider_id or "delayed" in message):
        # On a delay of its service Postmark leaves the code out and says that delivery may be delayed: it is queued.
        code = 0
    if code is None:
        return Answer(Outcome.UNSURE, reason=tidy_reason(f"Postmark gave no code: {message}"))
    if code == 0:
        return Answer(Outcome.ACCEPTED, provider_id=provider_id)
    return judge(code, message)


def _read_short(entries: Sequence[object], letters: Sequence[Letter]) -> list[Answer]:
    """With results missing, the order proves nothing; only an entry that names its recipient, and him alone, counts."""
    named = [entry for entry in entries if isinstance(entry, dict) and entry.get("To")]
    by_address = {parseaddr(str(entry["To"]))[1].lower(): entry for entry in named}
    missing = Answer(Outcome.UNSURE, reason="Postmark's answer is shorter than the batch")
    if len({letter.email.lower() for letter in letters}) < len(letters):
        by_address = {}  # as with `redirect_to`
    entry_by_letter = [by_address.get(letter.email.lower()) for letter in letters]
    return [_read_entry(entry) if entry else missing for entry in entry_by_letter]


def _code(entry: Mapping[str, Any]) -> int | None:
    code = entry.get("ErrorCode")
    if isinstance(code, str) and code.isdecimal():
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _among(wanted: Set[str], shown: Iterable[tuple[str, str]]) -> dict[str, Answer]:
    """A hit counts only if it carries the delivery id in its own `Metadata`: whether the filter on metadata works on
    every account is not known, and where it is ignored the search shows other people's mail."""
    return {one: Answer(Outcome.ACCEPTED, provider_id=message_id) for one, message_id in shown if one in wanted}


def read_search(page: object) -> Iterator[tuple[str, str]]:
    """Delivery id and Postmark's id of each message of a search that has both."""
    messages = page.get("Messages") if isinstance(page, dict) else None
    for message in messages if isinstance(messages, list) else []:
        metadata = message.get("Metadata") if isinstance(message, dict) else None
        if isinstance(metadata, dict) and isinstance(metadata.get("delivery_id"), str):
            yield metadata["delivery_id"], str(message.get("MessageID", ""))
