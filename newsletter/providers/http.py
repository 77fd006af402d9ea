"""The one place that speaks HTTP to providers: a streamed POST, and what a broken or odd exchange means.

The decisive question is never which exception was raised but how much of the body had left: as long as its last piece
has not been handed to the connection, no server can have taken the call.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from newsletter import clock
from newsletter.providers.base import Answer, Outcome
from newsletter.providers.body import Body
from newsletter.providers.reasons import Blanks, tidy_reason
from newsletter.providers.roads import Roads

MAX_CONNECT_S = 15.0
MAX_RETRY_AFTER_S = 3600.0
LONGEST_WINDOW_S = 366 * 86_400.0
MAX_ANSWER_BYTES = 16 * 1024 * 1024
READ_BYTES = 64 * 1024

# requests lets errors of urllib3, http.client and the socket through in places; ValueError covers bad addresses.
BROKEN = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError)
MISCONFIGURED = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidProxyURL,
    UnicodeError,
)


@dataclass(frozen=True)
class Reply:
    """What came back. The body may be cut short; then it is no valid JSON, and that is all that need be known."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, or None where it is none: an HTML page of a proxy, half an answer."""
        return self._said

    @cached_property
    def _said(self) -> Any:
        """Read once: who asks for refusals and then for answers would read those of 500 mails twice."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Http:
    """Connections to one API, reused; may be used from several threads."""

    def __init__(
        self, base_url: str, *, headers: Mapping[str, str], timeout_s: float, connections: int = 16, hide: Sequence[str]
    ) -> None:
        """Raises `BadInput` for a `base_url` that is no address."""
        connect_s = min(timeout_s, MAX_CONNECT_S)
        self._roads = Roads(base_url, headers=headers, connections=connections, timeout_s=(connect_s, timeout_s))
        self._host = _host_of(base_url)
        self._patience_s = connect_s + timeout_s
        self._hide, self._blanks = hide, Blanks(hide)

    def post(
        self, path: str, chunks: Sequence[Sequence[bytes]], *, headers: Mapping[str, str] | None = None
    ) -> Reply | Answer:
        """The reply, or the answer for the whole call where none came: BUSY before the body had left, else UNSURE."""
        body = Body(chunks)
        began_s = clock.monotonic_s()
        try:
            response = self._roads.post(path, headers, body)
        except BROKEN as error:
            return self._broken(error, has_left=body.has_left)
        return self._read(response, until_s=began_s + self._patience_s)

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Reply | None:
        """The reply, or None: a question that got none has changed nothing."""
        began_s = clock.monotonic_s()
        try:
            response = self._roads.get(path, query, headers)
        except BROKEN:
            return None
        return self._read(response, until_s=began_s + self._patience_s)

    def close(self) -> None:
        self._roads.close()

    def _read(self, response: BaseHTTPResponse, *, until_s: float) -> Reply:
        """The answer, bounded in size and time: a server that drips must not hold the run for ever."""
        body, is_whole = bytearray(), False
        try:
            for piece in response.stream(READ_BYTES, decode_content=True):
                body += piece
                if len(body) > MAX_ANSWER_BYTES or clock.monotonic_s() > until_s:
                    break
            else:
                is_whole = True
        except BROKEN:
            pass
        finally:
            if not is_whole:
                response.close()
            response.release_conn()
        # What the server repeats of our secrets would end in a reason.
        return Reply(response.status, response.headers, self._blanks.over(bytes(body)))

    def _broken(self, error: Exception, *, has_left: bool) -> Answer:
        if has_left:
            words, outcome = f"no answer from {self._host} after the whole call had left", Outcome.UNSURE
        elif isinstance(error, MISCONFIGURED):
            words, outcome = f"{self._host} cannot be called; look at provider.base_url", Outcome.DENIED
        else:
            words, outcome = f"no connection to {self._host}", Outcome.BUSY
        return Answer(outcome, reason=tidy_reason(f"{words} ({_cause(error)})", hide=self._hide))


def basic_auth(username: str, password: str) -> str:
    """The value of `Authorization` for this login (RFC 7617)."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode("ascii")


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def _cause(error: BaseException) -> str:
    """The innermost reason: requests wraps "Connection refused" three times, with addresses of objects in between."""
    seen = {id(error)}
    while (inner := error.__cause__ or error.__context__) is not None and id(inner) not in seen:
        seen.add(id(inner))
        error = inner
    return str(error) if isinstance(error, OSError) and str(error) else type(error).__name__


# --- what a status means ----------------------------------------------------------------------------------------


def refusal(reply: Reply, *, now: datetime, said: str = "", own: Mapping[int, Outcome] | None = None) -> Answer | None:
    """The answer for the whole call by its HTTP status; None for 2xx, where the body must be read.

    `said` is what the provider wrote, where the caller found it; `own` says what this provider's own statuses mean.
    Repeating is right for 429 alone: a 5xx comes from servers that took the call, too.
    """
    outcome, words = _meaning(reply)
    outcome = (own or {}).get(reply.status, outcome)
    if outcome is None:
        return None
    retry_after_s = retry_after(reply.headers.get("Retry-After"), now=now) if outcome is Outcome.BUSY else None
    told = "; ".join(filter(None, (said or words, _ADVICE.get(reply.status))))
    reason = f"HTTP {reply.status}" + (f": {told}" if told else "")
    return Answer(outcome, reason=tidy_reason(reason), retry_after_s=retry_after_s)


def _meaning(reply: Reply) -> tuple[Outcome | None, str]:
    status = reply.status
    if 200 <= status < 300:
        return None, ""
    if status == 429:
        return Outcome.BUSY, "too many calls"
    if status in (301, 302, 307, 308):
        host = _host_of(reply.headers.get("Location", "")) or "another address"
        return Outcome.DENIED, f"the API is said to be at {host}; set provider.base_url to where it is"
    if status >= 500 or status == 408 or status < 400:
        # 408 says that the request came too late, but a gateway may say so of a request that it had passed on.
        return Outcome.UNSURE, ""
    return Outcome.DENIED, _CLIENT_ERRORS.get(status, "")


_CLIENT_ERRORS = {
    401: "the key was not taken",
    402: "payment is wanted",
    403: "not allowed",
    404: "nothing answers at this address; look at provider.base_url",
    407: "the proxy wants a password",
    413: "the call is too large",
}
_ADVICE = {413: "set a smaller provider.batch_size"}
"""What to do that no provider can know, whatever it says itself."""


def pause_s(headers: Mapping[str, str], *, now: datetime, prefix: str = "x-ratelimit-") -> float | None:
    """Seconds until another call is welcome, by `<prefix>remaining` and `<prefix>reset`; None while calls are left.

    `reset` is seconds from now with some providers and seconds since 1970 with others; no window is as long as that.
    """
    try:
        remaining, reset_s = float(headers.get(f"{prefix}remaining", "")), float(headers.get(f"{prefix}reset", ""))
    except ValueError:
        return None
    if remaining >= 1:
        return None
    wait_s = reset_s - now.timestamp() if reset_s > LONGEST_WINDOW_S else reset_s
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S) if wait_s == wait_s else None


def retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait by a `Retry-After` (seconds or an HTTP date), at most an hour; None where it says nothing."""
    if not value:
        return None
    try:
        wait_s = float(value)
    except ValueError:
        wait_s = _seconds_until(value, now)
    if not wait_s >= 0:  # also not a number
        return None
    return min(wait_s, MAX_RETRY_AFTER_S)


def _seconds_until(date: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return -1.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
