"""What Amazon SES's answers mean; pure. Names and texts by botocore's model of `sesv2` (1.44.8)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from newsletter.providers.base import Answer, Outcome
from newsletter.providers.http import Reply, refusal
from newsletter.providers.lots import MAX_BAD_ONES
from newsletter.providers.reasons import tidy_reason, without_addresses

OUTCOMES = {
    "SUCCESS": Outcome.ACCEPTED,
    "ACCOUNT_DAILY_QUOTA_EXCEEDED": Outcome.BUSY,
    "ACCOUNT_THROTTLED": Outcome.BUSY,
    "TRANSIENT_FAILURE": Outcome.BUSY,
    "MESSAGE_REJECTED": Outcome.REFUSED,
    "INVALID_PARAMETER": Outcome.REFUSED,
    "FAILED": Outcome.REFUSED,
    "ACCOUNT_SENDING_PAUSED": Outcome.DENIED,
    "ACCOUNT_SUSPENDED": Outcome.DENIED,
    "CONFIGURATION_SET_NOT_FOUND": Outcome.DENIED,
    "CONFIGURATION_SET_SENDING_PAUSED": Outcome.DENIED,
    "INVALID_SENDING_POOL_NAME": Outcome.DENIED,
    "MAIL_FROM_DOMAIN_NOT_VERIFIED": Outcome.DENIED,
    "TEMPLATE_NOT_FOUND": Outcome.DENIED,
}
"""Of an entry by its status. What one of tomorrow says of the mail nobody knows."""

_ABOUT_US = re.compile(r"not verified|sender|from|source|template|configuration set", re.IGNORECASE)
_ABOUT_RECIPIENT = re.compile(r"address|domain|recipient", re.IGNORECASE)
_ABOUT_ONE = ("BadRequestException", "MessageRejected")
"""The kinds of refusal that may be about one recipient: their words decide."""
_THROTTLED = ("Throttling", "ThrottlingException")
"""What stands before all of Amazon's services says "too fast" with a 400; botocore takes it for a 429, too."""
_DAILY_QUOTA = re.compile(r"daily[ _](message )?quota", re.IGNORECASE)
QUOTA_PAUSE_S = 900.0
"""A day's quota is that of the last 24 hours: it comes back bit by bit, and SES does not say when."""


def _words(reply: Reply) -> Mapping[str, Any]:
    said = reply.json()
    return said if isinstance(said, dict) else {}


def _kind_of(reply: Reply, words: Mapping[str, Any]) -> str:
    """`MessageRejected` and the like; it may stand in a header or in the body, with more around it."""
    kind = reply.headers.get("x-amzn-ErrorType") or str(words.get("__type", words.get("code", "")))
    return kind.partition(":")[0].rpartition("#")[2]


def read_refusal(reply: Reply, *, now: datetime) -> Answer | None:
    """The answer for the whole call, or None where the body must be read; REFUSED: because of one recipient in it."""
    words = _words(reply)
    kind, message = _kind_of(reply, words), str(words.get("message", words.get("Message", "")))
    said = f"{kind}: {message}" if kind else message
    own = {400: Outcome.BUSY} if kind in _THROTTLED else None
    answer = refusal(reply, now=now, said=said, own=own)
    if answer and answer.outcome is Outcome.BUSY and _DAILY_QUOTA.search(message):
        return answer._replace(retry_after_s=QUOTA_PAUSE_S)
    if answer and kind in _ABOUT_ONE and reply.status == 400 and _is_about_recipient(message):
        return answer._replace(outcome=Outcome.REFUSED)
    return answer


def _is_about_recipient(message: str) -> bool:
    return bool(_ABOUT_RECIPIENT.search(message)) and not _is_about_us(message)


def _is_about_us(message: str) -> bool:
    return _ABOUT_US.search(without_addresses(message)) is not None


def read_sent(said: object) -> Answer:
    """The answer to a message that went by itself."""
    message_id = said.get("MessageId") if isinstance(said, dict) else None
    if isinstance(message_id, str) and message_id:
        return Answer(Outcome.ACCEPTED, provider_id=message_id)
    return Answer(Outcome.UNSURE, reason="Amazon SES gave no id for this message")


def read_results(said: object, count: int) -> list[Answer]:
    """An answer for each of so many recipients. Entries name nobody: with one missing, the order proves nothing."""
    results = said.get("BulkEmailEntryResults") if isinstance(said, dict) else None
    if not isinstance(results, list) or len(results) != count:
        return [Answer(Outcome.UNSURE, reason="Amazon SES did not give one result for each recipient")] * count
    return _spared([_read_result(result) for result in results])


def _read_result(result: object) -> Answer:
    status = result.get("Status") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(status, str):
        return Answer(Outcome.UNSURE, reason="Amazon SES gave no status for this recipient")
    if status == "SUCCESS":
        return read_sent(result)
    message = str(result.get("Error", ""))
    outcome = OUTCOMES.get(status, Outcome.UNSURE)
    if outcome is Outcome.REFUSED and _is_about_us(message):
        outcome = Outcome.DENIED
    pause_s = QUOTA_PAUSE_S if _DAILY_QUOTA.search(status) else None
    return Answer(outcome, reason=tidy_reason(f"{status}: {message}" if message else status), retry_after_s=pause_s)


def _spared(answers: Sequence[Answer]) -> list[Answer]:
    """Where SES refuses one and all, it is not the recipients, and nobody is marked as refused for good."""
    if len(answers) > MAX_BAD_ONES and all(answer.outcome is Outcome.REFUSED for answer in answers):
        return [one._replace(outcome=Outcome.DENIED, reason=f"all were refused: {one.reason}") for one in answers]
    return list(answers)


def read_account(reply: Reply, *, now: datetime) -> Answer:
    """What the account may do, in words."""
    words = _words(reply)
    if _kind_of(reply, words) == "AccessDeniedException":
        return Answer(Outcome.ACCEPTED, reason="the key may not ask for the account's limits (ses:GetAccount)")
    if refused := read_refusal(reply, now=now):
        return refused
    if words.get("SendingEnabled") is False:
        status = words.get("EnforcementStatus", "unknown")
        return Answer(Outcome.DENIED, reason=tidy_reason(f"Amazon SES has switched sending off (status {status})"))
    return Answer(Outcome.ACCEPTED, reason=tidy_reason(_limits(words)) or None)


def _limits(words: Mapping[str, Any]) -> str:
    quota = words.get("SendQuota")
    if not isinstance(quota, dict) or not {"Max24HourSend", "SentLast24Hours", "MaxSendRate"} <= quota.keys():
        return ""
    limits = "{Max24HourSend:.0f} mails in 24 hours, {SentLast24Hours:.0f} of them used, {MaxSendRate:g} a second"
    sandbox = "" if words.get("ProductionAccessEnabled", True) else "; in the sandbox, to verified addresses only"
    try:
        return limits.format(**quota) + sandbox
    except (ValueError, TypeError):
        return ""
