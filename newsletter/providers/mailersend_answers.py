"""Reading MailerSend's answers; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import Any

from newsletter.providers.base import Answer, Letter, Outcome
from newsletter.providers.http import Reply, refusal
from newsletter.providers.reasons import tidy_reason

DAILY_QUOTA = "#MS42901"
RECIPIENT_FIELD = re.compile(r"(?:(?:message\.)?\d+\.)?to\.\d+\.(?:email|name)")
"""In the `errors` of a 422: the address is none, or the name is one that MailerSend does not take. `to` alone says that
a trial may mail its owner only, and the like."""
MESSAGE = re.compile(r"(?:message\.)?(\d+)(?:\..*)?")
MAINTENANCE = 421
SUPPRESSED = ("ALL_SUPPRESSED", "SOME_SUPPRESSED")
"""The same of a message that has one recipient."""


def unsure(words: str) -> Answer:
    return Answer(Outcome.UNSURE, reason=tidy_reason(words))


def named_id(body: object, name: str) -> str | None:
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) and value else None


def refusal_of(reply: Reply, *, now: datetime) -> Answer | None:
    """The answer for the whole call; REFUSED where nothing but a recipient is wrong with it."""
    said = reply.json()
    words: Mapping[str, Any] = said if isinstance(said, dict) else {}
    message, errors = str(words.get("message", "")), words.get("errors")
    said_of_fields = [word for word in _words(errors) if word not in message]
    all_said = " ".join([message, *said_of_fields]).strip()
    answer = refusal(reply, now=now, said=all_said, own={MAINTENANCE: Outcome.BUSY})
    if answer is None:
        return None
    if reply.status == 429 and (DAILY_QUOTA in message or reply.headers.get("x-apiquota-remaining") == "0"):
        return _until_tomorrow(reply, answer, now)
    if reply.status == 422 and isinstance(errors, dict) and errors and all(map(_is_about_recipient, errors)):
        return Answer(Outcome.REFUSED, reason=answer.reason)
    return answer


def _is_about_recipient(field: object) -> bool:
    return RECIPIENT_FIELD.fullmatch(str(field)) is not None


def _until_tomorrow(reply: Reply, answer: Answer, now: datetime) -> Answer:
    """The calls of the day are used up; only where MailerSend says when there are new ones is it worth waiting."""
    try:
        reset_at = datetime.fromisoformat(reply.headers.get("x-apiquota-reset", ""))
    except ValueError:
        return Answer(Outcome.DENIED, reason=answer.reason)
    reset_at = reset_at if reset_at.tzinfo else reset_at.replace(tzinfo=UTC)
    wait_s = max(0.0, (reset_at - now).total_seconds())
    return Answer(Outcome.BUSY, reason=answer.reason, retry_after_s=wait_s)


def read_single(reply: Reply) -> Answer:
    """What the 202 to one message says: that its recipient is suppressed, with an id or without, or its id."""
    body = reply.json()
    warnings = body.get("warnings") if isinstance(body, dict) else None
    for warning in warnings if isinstance(warnings, list) else []:
        if isinstance(warning, dict) and warning.get("type") in SUPPRESSED:
            reasons = "; ".join(_words(warning.get("recipients"), but="email"))
            return Answer(Outcome.REFUSED, reason=tidy_reason(f"MailerSend: the recipient is suppressed ({reasons})"))
    message_id = reply.headers.get("x-message-id")
    if message_id:
        return Answer(Outcome.ACCEPTED, provider_id=message_id)
    return unsure("MailerSend answered without the id of the message")


def read_bulk(state: object, bulk_id: str, letters: Sequence[Letter], *, pause_s: float | None = None) -> list[Answer]:
    """One answer a letter from the state of a bulk that is worked off.

    How it names what it did not take is not documented in full, so the counts must come out: with one refusal that
    cannot be told whose it is, nothing is certain of those that are not named.
    """
    if not isinstance(state, dict):
        waiting = Answer(Outcome.UNSURE, reason="MailerSend is still at work on this bulk", pause_s=pause_s)
        return [waiting] * len(letters)
    invalid = _invalid_by_index(state.get("validation_errors"))
    suppressed = _suppressed_by_address(state.get("suppressed_recipients"))
    answers = [
        _answer_of(invalid.get(number), suppressed.get(letter.email.lower()), f"{bulk_id}#{number}", pause_s)
        for number, letter in enumerate(letters)
    ]
    if _comes_out(state, answers, len(invalid), len(suppressed)):
        return answers
    doubt = Answer(Outcome.UNSURE, reason="MailerSend's state of the bulk does not account for all", pause_s=pause_s)
    return [doubt if answer.outcome is Outcome.ACCEPTED else answer for answer in answers]


def _answer_of(errors: object, reasons: str | None, provider_id: str, pause_s: float | None) -> Answer:
    if errors is not None:
        fields = list(errors) if isinstance(errors, dict) else []
        is_theirs = fields and all(map(_is_about_recipient, fields))
        outcome = Outcome.REFUSED if is_theirs else Outcome.DENIED
        return Answer(outcome, reason=tidy_reason(f"MailerSend: {'; '.join(_words(errors))}"), pause_s=pause_s)
    if reasons is not None:
        words = f"MailerSend: the recipient is suppressed ({reasons})"
        return Answer(Outcome.REFUSED, reason=tidy_reason(words), pause_s=pause_s)
    return Answer(Outcome.ACCEPTED, provider_id=provider_id, pause_s=pause_s)


def _comes_out(state: Mapping[str, Any], answers: Sequence[Answer], invalid: int, suppressed: int) -> bool:
    ids = state.get("messages_id")
    taken = sum(answer.outcome is Outcome.ACCEPTED for answer in answers)
    return (
        _count(state, "validation_errors_count") <= invalid
        and _count(state, "suppressed_recipients_count") <= suppressed
        and isinstance(ids, list | None)
        and len(ids or []) == taken
    )


def _count(state: Mapping[str, Any], name: str) -> int:
    count = state.get(name)
    return count if isinstance(count, int) else 0


def _invalid_by_index(errors: object) -> dict[int, object]:
    """`{"message.3": {field: [words]}}`, or the fields flat: `{"message.3.to.0.email": [words]}`."""
    found: dict[int, dict[str, object]] = {}
    for place, said in errors.items() if isinstance(errors, dict) else ():
        if not (match := MESSAGE.fullmatch(str(place))):
            continue
        inner = said if isinstance(said, dict) else {str(place): said}
        found.setdefault(int(match[1]), {}).update(inner)
    return dict(found)


def _suppressed_by_address(suppressed: object) -> dict[str, str]:
    """Address → reasons, wherever in the structure an `email` stands."""
    if isinstance(suppressed, dict):
        email = suppressed.get("email")
        if isinstance(email, str):
            return {email.lower(): ", ".join(_words(suppressed, but="email"))}
        suppressed = list(suppressed.values())
    found: dict[str, str] = {}
    for inner in suppressed if isinstance(suppressed, list) else ():
        found |= _suppressed_by_address(inner)
    return found


def _words(said: object, *, but: str = "") -> Iterator[str]:
    """The strings of an error, however deep they stand."""
    if isinstance(said, str):
        yield said
    elif isinstance(said, dict):
        for name, inner in said.items():
            if name != but and name != "name":
                yield from _words(inner, but=but)
    elif isinstance(said, list):
        for inner in said:
            yield from _words(inner, but=but)


def read_domains(page: object, domain: str) -> str | None:
    """The id under which MailerSend knows this sending domain."""
    rows = page.get("data") if isinstance(page, dict) else None
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and str(row.get("name", "")).lower() == domain:
            return named_id(row, "id")
    return None


def read_emails(page: object, wanted: Set[str]) -> dict[str, Answer]:
    """Which of `wanted` the list shows. Only a message that carries the delivery id as its own tag counts."""
    rows = page.get("data") if isinstance(page, dict) else None
    found: dict[str, Answer] = {}
    for row in rows if isinstance(rows, list) else []:
        tags = row.get("tags") if isinstance(row, dict) else None
        for tag in tags if isinstance(tags, list) else []:
            if isinstance(tag, str) and tag in wanted:
                found[tag] = Answer(Outcome.ACCEPTED, provider_id=named_id(row, "message_id"))
    return found
