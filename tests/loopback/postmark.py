"""A server that speaks Postmark's documented API for batches and for searching sent messages, and can misbehave.

`taken` holds what it truly accepted, whatever it answered. In a test::

    with PostmarkServer() as server:
        server.misdeeds.append(Misdeed.CUT_AFTER)    # of the next call; empty again: it behaves

As its own process it draws misdeeds by chance and appends each accepted message to a ledger, as a line of delivery id,
tab and To, before it answers; it prints its port, then serves until it is killed::

    python -m tests.loopback.postmark --port 0 --ledger FILE --faults "cut-after=0.05,busy=0.1,refuse=0.01" --seed 7

A fault is a name of `Misdeed` with its chance for a call; or `refuse`, the chance for a message to meet an inactive
recipient; or `search-off`, the chance for a search to fail.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import socket
import struct
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from email.utils import getaddresses
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

TOKEN = "server-token-of-the-loopback"
MAX_MESSAGES = 500
MAX_BODY_BYTES = 50_000_000
STREAMS = ("outbound", "broadcast")
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"

FIELDS = frozenset(
    {"From", "To", "Cc", "Bcc", "ReplyTo", "Subject", "Tag", "HtmlBody", "TextBody", "Headers", "Metadata"}
    | {"Attachments", "MessageStream", "TrackOpens", "TrackLinks"}
)
MAILBOX = re.compile(r"[a-z0-9.!#$%&'`*+\-/=^_{}|~]+@(\.?[a-z0-9-])+", re.IGNORECASE)
"""As Postmark's support page on error 300 gives it."""


class Misdeed(StrEnum):
    """What befalls a call. Before, after: whether the batch had been taken."""

    ERROR_BEFORE = "error-before"
    ERROR_AFTER = "error-after"
    CUT_EARLY = "cut-early"
    """The connection is reset while the body is still on its way."""
    CUT_BEFORE = "cut-before"
    CUT_AFTER = "cut-after"
    HALF_ANSWER = "half-answer"
    BUSY = "busy"
    SLOW = "slow"
    STALL_BEFORE = "stall-before"
    STALL_AFTER = "stall-after"
    HTML_BEFORE = "html-before"
    HTML_AFTER = "html-after"
    SHORT = "short"
    """The last result is missing from the answer."""
    DENIED = "denied"


class Canned(NamedTuple):
    """An answer made by a test; whether the batch is taken is another matter."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    takes: bool = False


class PostmarkServer:
    def __init__(self, *, port: int = 0, ledger: Path | None = None) -> None:
        self.misdeeds: deque[Misdeed | Canned | None] = deque()
        """Of the calls to come, in order; None: it behaves."""
        self.draw: Callable[[], Misdeed | None] = lambda: None
        """Asked when `misdeeds` is empty."""
        self.refused: dict[str, tuple[int, str]] = {}
        """ErrorCode and Message by recipient."""
        self.invalid: set[str] = set()
        """Recipients for whom the whole call is refused with 422, as Postmark does with a single message."""
        self.chance_of_refusal: Callable[[], bool] = lambda: False
        self.search_is_off: Callable[[], bool] = lambda: False
        self.unindexed: set[str] = set()
        """Delivery ids that the search does not show yet."""
        self.ignores_metadata_filter = False
        self.canned_search: bytes | None = None
        self.senders: Sequence[str] | None = None
        """Confirmed sender addresses; None: all."""
        self.token = TOKEN
        self.taken: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        """The body of each batch call, as it came."""
        self.headers: list[Mapping[str, str]] = []
        self.connections = 0
        self.released = threading.Event()
        self._ledger = ledger
        self._lock = threading.Lock()
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
    def taken_ids(self) -> list[str]:
        return [message["Metadata"]["delivery_id"] for message in self.taken]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def next_misdeed(self) -> Misdeed | Canned | None:
        with self._lock:
            return self.misdeeds.popleft() if self.misdeeds else self.draw()

    def take(self, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Accept what can be accepted; the results as Postmark gives them."""
        with self._lock:
            results = [self._take_one(message) for message in messages]
            self._write_ledger([m for m, result in zip(messages, results, strict=True) if result["ErrorCode"] == 0])
        return results

    def _take_one(self, message: dict[str, Any]) -> dict[str, Any]:
        addresses = [address for _, address in getaddresses([message["To"]])]
        problem = self._problem(message, addresses)
        if problem:
            return {"ErrorCode": problem[0], "Message": problem[1]}
        message_id = str(uuid.uuid4())
        self.taken.append(message | {"MessageID": message_id})
        shown = {"To": message["To"], "SubmittedAt": "2026-11-19T09:00:00.0000000-05:00", "MessageID": message_id}
        return shown | {"ErrorCode": 0, "Message": "OK"}

    def _problem(self, message: dict[str, Any], addresses: Sequence[str]) -> tuple[int, str] | None:
        sender = getaddresses([message.get("From", "")])[0][1]
        if self.senders is not None and sender not in self.senders:
            return 400, f"The 'From' address you supplied ({sender}) is not a Sender Signature on your account."
        if message.get("MessageStream", "outbound") not in STREAMS:
            return 1235, "The 'MessageStream' provided does not exist on this server."
        for address in addresses:
            if not MAILBOX.fullmatch(address):
                return 300, f"Error parsing 'To': Illegal email address '{address}'."
        if not message.get("HtmlBody") and not message.get("TextBody"):
            return 300, "Provide either email TextBody or HtmlBody or both."
        if self.chance_of_refusal():
            return 406, "You tried to send to a recipient that has been marked as inactive."
        return next((self.refused[address] for address in addresses if address in self.refused), None)

    def _write_ledger(self, messages: Sequence[dict[str, Any]]) -> None:
        if self._ledger is None:
            return
        lines = "".join(f"{message['Metadata']['delivery_id']}\t{message['To']}\n" for message in messages)
        handle = os.open(self._ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(handle, lines.encode())
        os.close(handle)

    def search(self, query: Mapping[str, str]) -> dict[str, Any]:
        """`GET /messages/outbound`: newest first, filtered by tag, stream and metadata."""
        metadata = {key.removeprefix("metadata_"): value for key, value in query.items() if key.startswith("metadata_")}
        with self._lock:
            hits = [message for message in reversed(self.taken) if self._matches(message, query, metadata)]
        offset, count = int(query["offset"]), min(int(query["count"]), MAX_MESSAGES)
        keys = ("Tag", "MessageID", "Subject", "Metadata", "MessageStream")
        shown = [{key: hit.get(key) for key in keys} | {"Status": "Sent"} for hit in hits[offset : offset + count]]
        return {"TotalCount": len(hits), "Messages": shown}

    def _matches(self, message: Mapping[str, Any], query: Mapping[str, str], metadata: Mapping[str, str]) -> bool:
        return (
            message["Metadata"]["delivery_id"] not in self.unindexed
            and message.get("MessageStream", "outbound") == query.get("messagestream", "outbound")
            and query.get("tag", message.get("Tag")) == message.get("Tag")
            and (self.ignores_metadata_filter or metadata.items() <= message["Metadata"].items())
        )


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    stand_in: PostmarkServer

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
        stand_in, url = self.server.stand_in, urlsplit(self.path)
        if url.path != "/messages/outbound":
            self._json(404, {"ErrorCode": 404, "Message": "no such resource"})
        elif self.headers["X-Postmark-Server-Token"] != stand_in.token:
            self._json(401, {"ErrorCode": 10, "Message": "The Server Token you provided is not valid."})
        elif stand_in.search_is_off():
            self._json(503, {"ErrorCode": 100, "Message": "Maintenance"})
        elif stand_in.canned_search is not None:
            self._answer(200, stand_in.canned_search, {})
        else:
            self._json(200, stand_in.search({key: values[0] for key, values in parse_qs(url.query).items()}))

    def do_POST(self) -> None:
        misdeed = self.server.stand_in.next_misdeed()
        try:
            if misdeed is Misdeed.CUT_EARLY:
                # Closing with this option resets the connection, which shows while the body is still being written.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                raise _Cut
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.stand_in.bodies.append(body)
            self.server.stand_in.headers.append(dict(self.headers))
            self._act(misdeed, body)
        except _Cut:
            self.close_connection = True
            if misdeed is not Misdeed.CUT_EARLY:
                self.connection.shutdown(socket.SHUT_RDWR)

    def _act(self, misdeed: Misdeed | Canned | None, body: bytes) -> None:
        refused = self._refuse_call(body)
        if isinstance(misdeed, Canned):
            if misdeed.takes:
                self.server.stand_in.take(json.loads(body))
            self._answer(misdeed.status, misdeed.body, misdeed.headers)
        elif refused:
            self._json(*refused)
        elif misdeed is None:
            self._json(200, self.server.stand_in.take(json.loads(body)))
        else:
            self._misbehave(misdeed, json.loads(body))

    def _refuse_call(self, body: bytes) -> tuple[int, dict[str, Any]] | None:
        """What Postmark checks before it looks at the single messages."""
        if self.path != "/email/batch":
            return 404, {"ErrorCode": 404, "Message": "no such resource"}
        if self.headers["X-Postmark-Server-Token"] != self.server.stand_in.token:
            return 401, {"ErrorCode": 10, "Message": "The Server Token you provided is not valid."}
        if len(body) > MAX_BODY_BYTES:
            return 413, {"ErrorCode": 413, "Message": "too large"}
        if "application/json" not in self.headers["Content-Type"]:
            return 422, {"ErrorCode": 409, "Message": "JSON required"}
        try:
            messages = json.loads(body)
        except ValueError:
            return 422, {"ErrorCode": 402, "Message": "Invalid JSON"}
        if not all(isinstance(message, dict) and FIELDS.issuperset(message) for message in messages):
            return 422, {"ErrorCode": 403, "Message": "Incompatible JSON"}
        if len(messages) > MAX_MESSAGES:
            return 422, {"ErrorCode": 410, "Message": "Too many batch messages"}
        if any(message["To"] in self.server.stand_in.invalid for message in messages):
            return 422, {"ErrorCode": 300, "Message": "Error parsing 'To': Illegal email address."}
        return None

    def _misbehave(self, misdeed: Misdeed, messages: list[dict[str, Any]]) -> None:
        stand_in = self.server.stand_in
        if misdeed is Misdeed.STALL_BEFORE:
            stand_in.released.wait(5)
            raise _Cut
        if misdeed in (Misdeed.ERROR_BEFORE, Misdeed.CUT_BEFORE, Misdeed.BUSY, Misdeed.HTML_BEFORE, Misdeed.DENIED):
            return self._refuse(misdeed)
        if misdeed is Misdeed.SLOW:
            time.sleep(0.05)
        results = stand_in.take(messages)
        if misdeed is Misdeed.STALL_AFTER:
            stand_in.released.wait(5)
        if misdeed in (Misdeed.CUT_AFTER, Misdeed.STALL_AFTER):
            raise _Cut
        if misdeed is Misdeed.ERROR_AFTER:
            return self._json(500, {"ErrorCode": 500, "Message": "Internal server error"})
        if misdeed is Misdeed.HTML_AFTER:
            return self._answer(200, HTML, {"Content-Type": "text/html"})
        if misdeed is Misdeed.HALF_ANSWER:
            return self._half_answer(results)
        return self._json(200, results[:-1] if misdeed is Misdeed.SHORT else results)

    def _refuse(self, misdeed: Misdeed) -> None:
        if misdeed is Misdeed.CUT_BEFORE:
            raise _Cut
        if misdeed is Misdeed.BUSY:
            return self._answer(429, b"", {"Retry-After": "0"})
        if misdeed is Misdeed.HTML_BEFORE:
            return self._answer(200, HTML, {"Content-Type": "text/html"})
        if misdeed is Misdeed.DENIED:
            return self._json(401, {"ErrorCode": 10, "Message": "The Server Token you provided is not valid."})
        return self._json(500, {"ErrorCode": 500, "Message": "Internal server error"})

    def _half_answer(self, results: object) -> None:
        body = json.dumps(results).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        raise _Cut

    def _json(self, status: int, body: object) -> None:
        self._answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


# --- as its own process -----------------------------------------------------------------------------------------


def chances(faults: str) -> dict[str, float]:
    """`cut-after=0.05,refuse=0.01` read; raises ValueError for a word it does not know."""
    known = {*Misdeed, "refuse", "search-off"}
    found: dict[str, float] = {}
    for word in filter(None, faults.split(",")):
        name, _, chance = word.strip().partition("=")
        if name not in known:
            raise ValueError(f"{name!r} is none of {', '.join(sorted(known))}")
        found[name] = float(chance)
    return found


def misbehave_by_chance(server: PostmarkServer, faults: str, *, seed: int) -> None:
    found, dice = chances(faults), random.Random(seed)
    of_calls = [(misdeed, found[misdeed]) for misdeed in Misdeed if misdeed in found]
    server.draw = lambda: next((misdeed for misdeed, chance in of_calls if dice.random() < chance), None)
    server.chance_of_refusal = lambda: dice.random() < found.get("refuse", 0)
    server.search_is_off = lambda: dice.random() < found.get("search-off", 0)


def main() -> None:
    parser = argparse.ArgumentParser(description="a stand-in for Postmark on 127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path)
    parser.add_argument("--faults", default="")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    with PostmarkServer(port=wanted.port, ledger=wanted.ledger) as server:
        misbehave_by_chance(server, wanted.faults, seed=wanted.seed)
        print(server.port, flush=True)  # noqa: T201 - whoever started it waits for this line
        threading.Event().wait()


if __name__ == "__main__":
    main()
