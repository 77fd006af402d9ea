"""A server that plays a provider's API on 127.0.0.1, can misbehave, and knows what it truly took.

One file a provider says what its API is (`Api`): paths, checks, answers. Here is what they share: the server, the
faults that befall a call, the record. In a test::

    with ApiServer(PostmarkApi()) as server:
        server.misdeeds.append(Misdeed.CUT_AFTER)    # of the next call; empty again: it behaves

`python -m tests.loopback` runs one as a process of its own.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


class Misdeed(StrEnum):
    """What befalls a call. Before, after: whether the batch had been taken."""

    ERROR_BEFORE = "error-before"
    ERROR_AFTER = "error-after"
    UNAVAILABLE_BEFORE = "unavailable-before"
    UNAVAILABLE_AFTER = "unavailable-after"
    """503; `error` is 500."""
    CUT_EARLY = "cut-early"
    """The connection is reset while the body is still on its way."""
    CUT_BEFORE = "cut-before"
    CUT_AFTER = "cut-after"
    HALF_ANSWER = "half-answer"
    BUSY = "busy"
    """429, to come again at once."""
    BUSY_UNTOLD = "busy-untold"
    """429 without a word on when."""
    SLOW = "slow"
    STALL_BEFORE = "stall-before"
    STALL_AFTER = "stall-after"
    HTML_BEFORE = "html-before"
    HTML_AFTER = "html-after"
    SHORT = "short"
    """The last result is missing from the answer."""
    SHUFFLED = "shuffled"
    """The results are there, in another order."""
    DENIED = "denied"
    """The key is not taken."""
    QUOTA = "quota"
    """Paid mails are used up."""
    TOO_LARGE = "too-large"


BEFORE = frozenset(
    {Misdeed.ERROR_BEFORE, Misdeed.UNAVAILABLE_BEFORE, Misdeed.CUT_BEFORE, Misdeed.HTML_BEFORE, Misdeed.STALL_BEFORE}
    | {Misdeed.BUSY, Misdeed.BUSY_UNTOLD, Misdeed.DENIED, Misdeed.QUOTA, Misdeed.TOO_LARGE}
)
"""Nothing of the call is taken."""


class Response(NamedTuple):
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


class Canned(NamedTuple):
    """An answer made by a test; whether the batch is taken is another matter."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    takes: bool = False


class Request(NamedTuple):
    method: str
    path: str
    """Without the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Taken(NamedTuple):
    """A message that was accepted, as its recipient gets it: whatever the provider merges, merged."""

    delivery_id: str
    address: str
    subject: str
    html: str
    text: str
    headers: Mapping[str, str]
    """The message's own, and those that the API has fields for (From, Reply-To), as the provider would write them."""
    message: Any
    """What the provider was given for it."""
    provider_id: str = ""
    mime: bytes | None = None


def json_response(status: int, body: object, **headers: str) -> Response:
    return Response(status, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


class Api(ABC):
    """What one provider's API is."""

    key: ClassVar[str]
    """What a caller must know to be let in."""

    def __init__(self) -> None:
        self.refused: dict[str, Any] = {}
        """Recipients that it will not take; what the value means each says for itself."""
        self.invalid: set[str] = set()
        """Recipients for whom a whole call is refused, where the provider does that."""
        self.senders: Sequence[str] | None = None
        """Confirmed sender addresses; None: all."""
        self.chance_of_refusal: Callable[[], bool] = lambda: False
        self.taken: list[Taken] = []
        self.record: Callable[[Sequence[Taken]], None] = lambda _taken: None

    @abstractmethod
    def is_send(self, request: Request) -> bool:
        """This request hands over mail; anything else is a question (`answer`)."""

    @abstractmethod
    def refuse_call(self, request: Request) -> Response | None:
        """What the provider checks before it looks at the single messages: key, form, size."""

    @abstractmethod
    def take(self, request: Request) -> Response:
        """Accept what can be accepted (`accept`), and the provider's answer."""

    @abstractmethod
    def say(self, misdeed: Misdeed) -> Response:
        """The provider's words for ERROR, UNAVAILABLE, BUSY, BUSY_UNTOLD, DENIED, QUOTA and TOO_LARGE."""

    def spoil(self, response: Response, misdeed: Misdeed) -> Response:
        """The answer with a result missing (SHORT) or in another order (SHUFFLED)."""
        return response

    def answer(self, request: Request) -> Response:
        """To a question."""
        return json_response(404, {"message": "no such resource"})

    def accept(self, taken: Sequence[Taken]) -> None:
        self.taken += taken
        self.record(taken)


AnyApi = TypeVar("AnyApi", bound=Api)


class ApiServer(Generic[AnyApi]):
    def __init__(self, api: AnyApi, *, port: int = 0, ledger: Path | None = None) -> None:
        self.api = api
        self.misdeeds: deque[Misdeed | Canned | None] = deque()
        """Of the calls to come, in order; None: it behaves."""
        self.draw: Callable[[], Misdeed | None] = lambda: None
        """Asked when `misdeeds` is empty."""
        self.search_is_off: Callable[[], bool] = lambda: False
        self.canned_search: Response | None = None
        self.bodies: list[bytes] = []
        """The body of each call that handed over mail, as it came."""
        self.requests: list[Request] = []
        self.connections = 0
        self.released = threading.Event()
        self.lock = threading.Lock()
        if ledger:
            api.record = lambda taken: _append(ledger, taken)
        self._http = _Listener(("127.0.0.1", port), _Handler)
        self._http.stand_in = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def taken(self) -> list[Taken]:
        return self.api.taken

    @property
    def taken_ids(self) -> list[str]:
        return [one.delivery_id for one in self.api.taken]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def next_misdeed(self) -> Misdeed | Canned | None:
        with self.lock:
            return self.misdeeds.popleft() if self.misdeeds else self.draw()


def _append(ledger: Path, taken: Sequence[Taken]) -> None:
    lines = "".join(f"{one.delivery_id}\t{one.address}\n" for one in taken)
    handle = os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(handle, lines.encode())
    os.close(handle)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    stand_in: ApiServer[Any]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the play."""


class _Cut(Exception):
    """The connection ends here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.stand_in.connections += 1

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """stdout belongs to the port."""

    def do_GET(self) -> None:
        self._question(self._request(b""))

    def do_POST(self) -> None:
        misdeed: Misdeed | Canned | None = None
        try:
            bare = self._request(b"")
            if self.server.stand_in.api.is_send(bare):
                misdeed = self.server.stand_in.next_misdeed()
            if misdeed is Misdeed.CUT_EARLY:
                # Closing with this option resets the connection, which shows while the body is still being written.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise _Cut
            request = bare._replace(body=self.rfile.read(int(self.headers["Content-Length"])))
            if not self.server.stand_in.api.is_send(bare):
                return self._question(request)
            self.server.stand_in.bodies.append(request.body)
            self.server.stand_in.requests.append(request)
            self._act(misdeed, request)
        except _Cut:
            self.close_connection = True
            if misdeed is not Misdeed.CUT_EARLY:
                self.connection.shutdown(socket.SHUT_RDWR)

    def _request(self, body: bytes) -> Request:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, url.path, query, headers, body)

    def _question(self, request: Request) -> None:
        stand_in = self.server.stand_in
        if stand_in.search_is_off():
            return self._write(Response(503))
        with stand_in.lock:
            found = stand_in.api.answer(request)
        return self._write(stand_in.canned_search if stand_in.canned_search and found.status == 200 else found)

    def _act(self, misdeed: Misdeed | Canned | None, request: Request) -> None:
        api = self.server.stand_in.api
        refused = api.refuse_call(request)
        if isinstance(misdeed, Canned):
            if misdeed.takes:
                self._take(request)
            self._write(Response(misdeed.status, misdeed.body, misdeed.headers))
        elif refused:
            self._write(refused)
        elif misdeed is None:
            self._write(self._take(request))
        elif misdeed in BEFORE:
            self._refuse(misdeed)
        else:
            self._misbehave(misdeed, request)

    def _take(self, request: Request) -> Response:
        with self.server.stand_in.lock:
            api: Api = self.server.stand_in.api
            return api.take(request)

    def _refuse(self, misdeed: Misdeed) -> None:
        if misdeed is Misdeed.STALL_BEFORE:
            self.server.stand_in.released.wait(5)
            raise _Cut
        if misdeed is Misdeed.CUT_BEFORE:
            raise _Cut
        if misdeed is Misdeed.HTML_BEFORE:
            return self._write(Response(200, HTML, {"Content-Type": "text/html"}))
        return self._write(self.server.stand_in.api.say(misdeed))

    def _misbehave(self, misdeed: Misdeed, request: Request) -> None:
        stand_in = self.server.stand_in
        if misdeed is Misdeed.SLOW:
            time.sleep(0.05)
        response = self._take(request)
        if misdeed is Misdeed.STALL_AFTER:
            stand_in.released.wait(5)
        if misdeed in (Misdeed.CUT_AFTER, Misdeed.STALL_AFTER):
            raise _Cut
        if misdeed in (Misdeed.ERROR_AFTER, Misdeed.UNAVAILABLE_AFTER):
            return self._write(stand_in.api.say(misdeed))
        if misdeed is Misdeed.HTML_AFTER:
            return self._write(Response(200, HTML, {"Content-Type": "text/html"}))
        if misdeed is Misdeed.HALF_ANSWER:
            return self._write_half(response)
        return self._write(stand_in.api.spoil(response, misdeed))

    def _write_half(self, response: Response) -> None:
        self._head(response)
        self.wfile.write(response.body[: len(response.body) // 2])
        raise _Cut

    def _write(self, response: Response) -> None:
        self._head(response)
        self.wfile.write(response.body)

    def _head(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
