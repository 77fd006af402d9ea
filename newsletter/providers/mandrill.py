"""Mandrill (Mailchimp Transactional): one call for each reader, because its headers hold for a whole call.

What is known of the API comes from mailchimp.com/developer/transactional, mandrillapp.com/api/docs/messages.html,
Mailchimp's own client 1.4.1 and the source of django-anymail 15.2; read 2026-11. Decisive:

- The key travels in the body. It is put in at the last moment, so that no letter holds it.
- `merge: false` leaves `*|X|*` and `{{x}}` as they are. All else that could change a mail (tracking, inlining of CSS,
  made-up text parts) is switched off by name, because an account may have it on.
- A 200 says for the recipient: sent, queued, scheduled, rejected or invalid. Queued is taken, but an account that is
  suspended or has used up its month queues everything: after the first such mail the run stops.
- An error has a `name`. Its status tells little: a key that is not taken was a 500 for years.
- There is no idempotency key. Our `delivery_id` travels in the metadata, and a search finds it: by the issue's tag, or
  by itself once the account's page "Custom Metadata" has it as an indexed field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from newsletter import clock
from newsletter.errors import Place
from newsletter.models import Asset, Email
from newsletter.providers.base import Abilities, Answer, Form, Letter, Markers, Outcome, Provider
from newsletter.providers.header_values import ascii_value, in_ascii
from newsletter.providers.http import Http, Reply, refusal
from newsletter.providers.keys import keys_of
from newsletter.providers.lots import MAX_ONE_BY_ONE, one_by_one
from newsletter.providers.message import Parts, as_base64, media_type, parts_of, reader_first, with_fit_name
from newsletter.providers.reasons import tidy_reason
from newsletter.providers.sizes import refuse_larger
from newsletter.settings import Settings

API_URL = "https://mandrillapp.com"
MAX_MESSAGE_BYTES = 25_000_000
MAX_TAG_CHARS = 50

SEARCHED = timedelta(days=29)
"""Mandrill keeps thirty days."""
LOOK_UP_LAG_S = 120.0
"""Guessed: the index is said to lag behind, not how far."""
HITS = 1000
IDS_A_SEARCH, MAX_SEARCHES = 50, 5
"""Twenty searches a minute are allowed."""

TAKEN = frozenset({"sent", "queued", "scheduled"})
STUCK = frozenset(
    {"free-trial-sends-exhausted", "monthly-limit-reached", "sending-paused", "sending-suspended", "account-suspended"}
)
"""Why a mail is queued that will not leave before somebody acts."""
ABOUT_RECIPIENT = frozenset({"hard-bounce", "soft-bounce", "spam", "unsub", "custom", "invalid"})
"""Why a mail is rejected that is the recipient's alone; any other reason is ours, or of tomorrow."""
NOT_TAKEN = frozenset({"Invalid_Key", "ValidationError", "PaymentRequired", "Unknown_Subaccount", "PoorReputation"})
"""Names of errors that say for certain, whatever the status, that nothing was taken."""
VALIDATION = re.compile(r"[^{]*(?P<fields>\{.*\})\s*", re.DOTALL)


class Mandrill(Provider):
    name = "mandrill"

    def __init__(self, settings: Settings, key: str) -> None:
        chosen = settings.provider
        self._key = json.dumps(key).encode()
        self._subaccount = chosen.stream
        self._http = Http(
            chosen.base_url or API_URL,
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            timeout_s=chosen.timeout.total_seconds(),
            hide=(key,),
        )
        size = min(chosen.batch_size or MAX_ONE_BY_ONE, MAX_ONE_BY_ONE)
        self.abilities = Abilities(size, can_look_up=True, look_up_lag_s=LOOK_UP_LAG_S)

    @classmethod
    def open(cls, settings: Settings) -> Mandrill:
        unused = [name for name in ("region", "domain") if getattr(settings.provider, name)]
        places = [Place(f"provider.{name}", "Mandrill has no use for it; take it away") for name in unused]
        where = "from Mandrill's page `SMTP & API Info`"
        (key,) = keys_of(settings, "Mandrill", {"api_key": "the API key"}, where=where, places=places)
        return cls(settings, key)

    def form(self, email: Email, markers: Markers, *, may_merge: bool = True) -> Form:
        message = {**reader_first(markers), **self._message(email, parts_of(email))}
        refuse_larger(len(json.dumps(message, ensure_ascii=False).encode()), MAX_MESSAGE_BYTES, "Mandrill")
        message |= {"metadata": {"delivery_id": markers("delivery_id")}}
        return Form(message, self.abilities.batch_size, one_by_one=True)

    def _message(self, email: Email, parts: Parts) -> dict[str, Any]:
        message: dict[str, Any] = {
            "from_email": parts.sender.address,
            "subject": email.subject,
            "html": email.html,
            "text": email.text,
            "headers": _headers(email, parts),
            "tags": [tag_of(email.issue)],
            "merge": False,
            "preserve_recipients": False,
            **dict.fromkeys(("track_opens", "track_clicks", "auto_text", "auto_html", "inline_css"), False),
            **dict.fromkeys(("url_strip_qs", "view_content_link"), False),
        }
        if parts.sender.name:
            message["from_name"] = parts.sender.name
        if parts.pictures:
            message["images"] = [_picture(picture) for picture in parts.pictures]
        if self._subaccount:
            message["subaccount"] = self._subaccount
        return message

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        stuck: list[Answer] = []

        def call(letter: Letter) -> Answer:
            if stuck:
                return Answer(Outcome.DENIED, reason=f"Mandrill took one and keeps it: {stuck[0].reason}")
            answer = self._send_one(letter)
            stuck.extend([answer] if is_stuck(answer) else [])
            return answer

        return one_by_one(letters, call)

    def _send_one(self, letter: Letter) -> Answer:
        reply = self._post("send", b'"async":false,"message":', *with_fit_name(letter).parts)
        if isinstance(reply, Answer):
            return reply
        return read_refusal(reply, now=clock.now()) or read_status(reply.json())

    def _post(self, method: str, *pieces: bytes) -> Reply | Answer:
        """A call of `messages`; `pieces` are the fields of its JSON object, without the key."""
        return self._http.post(f"/api/1.0/messages/{method}.json", [(b'{"key":', self._key, b",", *pieces, b"}")])

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        """Finds what the search shows. It lags behind, so what it does not show is left out, not called untaken.

        A hit counts only by the delivery id in its own metadata: whether that can be searched for depends on the
        account, so the issue's tag is asked for first.
        """
        wanted = set(delivery_ids)
        found = self._shown(issue, "*") if wanted else None
        if found is None:
            return {}
        missing = sorted(wanted - found.keys())[: IDS_A_SEARCH * MAX_SEARCHES]
        for first in range(0, len(missing), IDS_A_SEARCH):
            ids = missing[first : first + IDS_A_SEARCH]
            more = self._shown(issue, " OR ".join(f'u_delivery_id:"{delivery_id}"' for delivery_id in ids))
            if more is None:
                break
            found |= more
        return {delivery_id: answer for delivery_id, answer in found.items() if delivery_id in wanted}

    def _shown(self, issue: str, query: str) -> dict[str, Answer] | None:
        """What a search shows as taken; None where there was no result to read."""
        asked = {"query": query, "tags": [tag_of(issue)], "limit": HITS}
        asked["date_from"] = (clock.now() - SEARCHED).strftime("%Y-%m-%d")
        reply = self._post("search", json.dumps(asked).encode()[1:-1])
        if isinstance(reply, Answer) or reply.status != 200:
            return None
        return dict(read_search(reply.json()))

    def verify(self) -> Answer | None:
        reply = self._http.post("/api/1.0/users/ping2.json", [(b'{"key":', self._key, b"}")])
        if isinstance(reply, Answer):
            return Answer(Outcome.BUSY, reason=reply.reason)
        return read_refusal(reply, now=clock.now()) or Answer(Outcome.ACCEPTED)

    def close(self) -> None:
        self._http.close()


def tag_of(issue: str) -> str:
    """The issue as a tag; names that begin with `_` are Mandrill's own."""
    return issue[:MAX_TAG_CHARS].lstrip("_")


def _headers(email: Email, parts: Parts) -> dict[str, str]:
    headers = in_ascii(parts.headers)
    reply_to = dict(email.headers).get("Reply-To")
    return headers | ({"Reply-To": ascii_value(reply_to)} if reply_to else {})


def _picture(picture: Asset) -> dict[str, str]:
    return {"type": media_type(picture), "name": picture.content_id or "", "content": as_base64(picture)}


# --- reading answers; pure --------------------------------------------------------------------------------------


def read_refusal(reply: Reply, *, now: datetime) -> Answer | None:
    """The answer of a call that was not taken; None for 2xx."""
    said = reply.json()
    said = said if isinstance(said, dict) else {}
    name, message = str(said.get("name") or ""), str(said.get("message") or "")
    words = f"{name}: {message}" if name else ""
    if name in NOT_TAKEN and reply.status >= 400:
        outcome = Outcome.REFUSED if name == "ValidationError" and _blames_recipient(message) else Outcome.DENIED
        return Answer(outcome, reason=tidy_reason(f"Mandrill {words}"))
    return refusal(reply, now=now, said=words)


def _blames_recipient(message: str) -> bool:
    """`Validation error: {"message":{"to":[…]}}` and no other field than `to`."""
    found = VALIDATION.fullmatch(message)
    try:
        fields = json.loads(found["fields"]) if found else None
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and isinstance(fields.get("message"), dict) and set(fields["message"]) == {"to"}


def read_status(entries: object) -> Answer:
    """What the body of a 200 says of the one recipient of a call."""
    entry = entries[0] if isinstance(entries, list) and len(entries) == 1 else None
    if not isinstance(entry, dict):
        return Answer(Outcome.UNSURE, reason="Mandrill answered 200 with something that is no result")
    status, message_id = str(entry.get("status")), entry.get("_id")
    if status in TAKEN:
        why = entry.get("queued_reason")
        reason = tidy_reason(f"queued: {why}") if status == "queued" and why else None
        return Answer(Outcome.ACCEPTED, provider_id=str(message_id) if message_id else None, reason=reason)
    if status not in ("rejected", "invalid"):
        return Answer(Outcome.UNSURE, reason=tidy_reason(f"Mandrill gave the status {status!r}"))
    why = str(entry.get("reject_reason") or ("invalid" if status == "invalid" else None))
    outcome = Outcome.REFUSED if why in ABOUT_RECIPIENT else Outcome.DENIED
    return Answer(outcome, reason=tidy_reason(f"Mandrill {status} it: {why}"))


def is_stuck(answer: Answer) -> bool:
    """It was taken and will not leave before somebody acts, and so would all others."""
    return answer.outcome is Outcome.ACCEPTED and (answer.reason or "").removeprefix("queued: ") in STUCK


def read_search(hits: object) -> Iterator[tuple[str, Answer]]:
    """Delivery id and answer of each hit that was taken; one that was rejected is left to a person."""
    for hit in hits if isinstance(hits, list) else []:
        metadata = hit.get("metadata") if isinstance(hit, dict) else None
        delivery_id = metadata.get("delivery_id") if isinstance(metadata, dict) else None
        if isinstance(delivery_id, str) and hit.get("state") not in ("rejected", "invalid"):
            yield delivery_id, Answer(Outcome.ACCEPTED, provider_id=str(hit.get("_id") or "") or None)
