"""Fetches public web addresses that strangers wrote into posts: politely, and never from the machine's own network.

A name is resolved once, every address it has must be public, and the connection goes to just that address, so a name
that changes its mind between check and call (DNS rebinding) gains nothing; each redirect is checked anew. The whole
exchange has one deadline and one size limit. Rules: OWASP's SSRF prevention cheat sheet. No cookies, no proxy, no
credentials. `http.client` is used because it speaks over a connection that somebody else made.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urljoin

from newsletter import clock
from newsletter.fetch_target import NotFetched, Target, is_public, target_of

__all__ = ["Fetched", "Fetcher", "NotFetched", "is_public"]

MAX_REDIRECTS = 3
READ_BYTES = 64 * 1024
USER_AGENT = "newsletter-digest/0.1"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WAIT = frozenset({429, 503})
_BROKEN = (OSError, http.client.HTTPException, ValueError)


class Fetched(NamedTuple):
    """An answer, whatever its status."""

    url: str
    """Where it came from in the end."""
    status: int
    content_type: str
    """Lower case, without parameters; empty where the server says none."""
    body: bytes

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


Resolve = Callable[[str, int], Sequence[str]]
"""IP addresses of a host, best first. Raises `OSError` where it has none."""


def resolve(host: str, port: int) -> Sequence[str]:
    """What the system says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass
class _Turn:
    """One host's visitors, one after another."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    free_at_s: float = 0.0


class Fetcher:
    """May be used from several threads; one host is asked one thing at a time, with a pause between."""

    def __init__(
        self,
        *,
        timeout_s: float = 15.0,
        pause_s: float = 0.2,
        allow_loopback: bool = False,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`timeout_s`: from the connection to the last byte, anew for each redirect; looking a name up comes on top.

        `allow_loopback` is for tests alone and never comes from a setting.
        """
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._tls = tls
        self._turns: dict[str, _Turn] = {}
        self._guard = threading.Lock()

    def get(self, url: str, *, max_bytes: int, accept: str = "*/*") -> Fetched:
        """The whole answer, redirects followed. Raises `NotFetched`, also for a body over `max_bytes`."""
        return self._follow("GET", url, accept, max_bytes)

    def probe(self, url: str) -> Fetched:
        """Whether something is there: the answer without its body. Raises `NotFetched`.

        Asked by HEAD; where a server does not like that, by a GET whose body is left unread.
        """
        try:
            found = self._follow("HEAD", url, "*/*", 0)
            if found.is_ok or found.status in _WAIT:
                return found
        except NotFetched as error:
            if error.is_refused:
                raise
        return self._follow("GET", url, "*/*", 0)

    def _follow(self, method: str, url: str, accept: str, max_bytes: int) -> Fetched:
        for _ in range(MAX_REDIRECTS + 1):
            target = target_of(url)
            with self._turn(target.host):
                answer = self._ask(method, target, accept=accept, max_bytes=max_bytes)
            if isinstance(answer, Fetched):
                return answer
            url = answer
        raise NotFetched(f"sends on to another address more than {MAX_REDIRECTS} times")

    def _turn(self, host: str) -> _Waiting:
        with self._guard:
            return _Waiting(self._turns.setdefault(host, _Turn()), self._pause_s)

    def _ask(self, method: str, target: Target, *, accept: str, max_bytes: int) -> Fetched | str:
        """One answer, or the address that it sends on to."""
        line = self._connected(target)
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = line  # it needs only what `_Line` has
        with closing(line.socket):
            try:
                headers = {"Host": target.netloc, "User-Agent": USER_AGENT, "Accept": accept}
                headers |= {"Accept-Encoding": "identity", "Connection": "close"}
                connection.putrequest(method, target.path, skip_host=True, skip_accept_encoding=True)
                for name, value in headers.items():
                    connection.putheader(name, value)
                connection.endheaders()
                return _answer(connection.getresponse(), target.url, max_bytes=max_bytes)
            except TimeoutError as error:
                raise self._too_slow() from error
            except _BROKEN as error:
                raise NotFetched(f"gave no proper answer ({_said(error)})") from error

    def _connected(self, target: Target) -> _Line:
        try:
            addresses = self._resolve(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise NotFetched(f"cannot be reached: there is no host {target.host}") from error
        for address in addresses:
            if not (is_public(address) or (self._allow_loopback and ipaddress.ip_address(address).is_loopback)):
                raise NotFetched(f"leads into a private network ({target.host} is {address})", is_refused=True)
        until_s = clock.monotonic_s() + self._timeout_s
        failure: Exception = OSError("the host has no address")
        for address in addresses[:3]:
            try:
                return self._line(target, address, until_s)
            except _BROKEN as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise self._too_slow() from failure
        raise NotFetched(f"cannot be reached ({_said(failure)})") from failure

    def _line(self, target: Target, address: str, until_s: float) -> _Line:
        plain = socket.create_connection((address, target.port), timeout=_left(until_s))
        if not target.is_tls:
            return _Line(plain, until_s)
        try:
            if self._tls is None:
                self._tls = ssl.create_default_context()
            return _Line(self._tls.wrap_socket(plain, server_hostname=target.host), until_s)
        except BaseException:
            plain.close()
            raise

    def _too_slow(self) -> NotFetched:
        return NotFetched(f"did not answer within {self._timeout_s:g} seconds")


# --- the exchange ----------------------------------------------------------------------------------------------


class _Waiting:
    """Inside, the host is ours; the next one waits a moment."""

    def __init__(self, turn: _Turn, pause_s: float) -> None:
        self._turn, self._pause_s = turn, pause_s

    def __enter__(self) -> None:
        self._turn.lock.acquire()
        wait_s = self._turn.free_at_s - clock.monotonic_s()
        if wait_s > 0:
            clock.sleep(wait_s)

    def __exit__(self, *_: object) -> None:
        self._turn.free_at_s = clock.monotonic_s() + self._pause_s
        self._turn.lock.release()


class _Reader(io.RawIOBase):
    """What comes in, until the deadline: a server that drips one byte at a time does not keep us."""

    def __init__(self, line: socket.socket, until_s: float) -> None:
        self._line, self._until_s = line, until_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._line.settimeout(_left(self._until_s))
        return self._line.recv_into(buffer)


class _Line:
    """A connection as `http.client` needs it, with a deadline for all that goes over it."""

    def __init__(self, line: socket.socket, until_s: float) -> None:
        self.socket, self._until_s = line, until_s

    def sendall(self, content: bytes) -> None:
        self.socket.settimeout(_left(self._until_s))
        self.socket.sendall(content)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self.socket, self._until_s))

    def close(self) -> None:
        """Not yet: `http.client` lets go of a connection before the body is read."""


def _left(until_s: float) -> float:
    left_s = until_s - clock.monotonic_s()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _answer(response: http.client.HTTPResponse, url: str, *, max_bytes: int) -> Fetched | str:
    location = response.getheader("Location")
    if response.status in _REDIRECTS and location:
        return urljoin(url, location)
    content_type = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
    return Fetched(url, response.status, content_type, _body(response, max_bytes) if max_bytes else b"")


def _body(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    too_large = NotFetched(f"is larger than {max_bytes / 1_000_000:g} MB")
    if response.length is not None and response.length > max_bytes:
        raise too_large
    body = bytearray()
    while part := response.read(READ_BYTES):
        body += part
        if len(body) > max_bytes:
            raise too_large
    if response.length:
        raise NotFetched("broke off in the middle")
    return bytes(body)


def _said(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    strerror = getattr(error, "strerror", None)
    return str(strerror or error or type(error).__name__)[:200]
