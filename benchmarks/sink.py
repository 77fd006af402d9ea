"""The other side of a measurement: it takes mail as fast as it can, in a process of its own.

    python -m benchmarks.sink http --answer-after-ms 100

It reads what it must and no more (how long a request is, how many messages it holds), so that the sender is never
measured waiting for it. Prints its port, then serves until its standard input closes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

from benchmarks.cost import SINKS_CORE, pin

READ_BYTES = 1 << 20
MESSAGE = b'"HtmlBody"'
"""Stands once in each message of a Postmark call."""
POSTMARK_ANSWER = (
    b'{"To":"reader@example.net","SubmittedAt":"2023-11-16T09:00:00.0000000-05:00",'
    b'"MessageID":"b7bc2f4a-e38e-4336-af7d-e6c392c2f817","ErrorCode":0,"Message":"OK"}'
)
MAILGUN_ANSWER = b'{"id":"<20231116090000.1.ABCDEF@example.org>","message":"Queued. Thank you."}'
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)

Serve = Callable[[socket.socket], None]


class Received:
    bytes = 0


received = Received()
"""The bodies of all requests; `/received` tells it."""


# --- HTTP -------------------------------------------------------------------------------------------------------


def http(answer_after_s: float) -> Serve:
    def serve(connection: socket.socket) -> None:
        buffer = bytearray(READ_BYTES)
        head = b""
        while True:
            while b"\r\n\r\n" not in head:
                count = connection.recv_into(buffer)
                if not count:
                    return
                head += buffer[:count]
            head, _, begun = head.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            size = int(length[1]) if length else 0
            received.bytes += size
            messages, rest = _body(connection, buffer, begun, size)
            if answer_after_s:
                time.sleep(answer_after_s)
            connection.sendall(_answer(head, messages))
            head = rest

    return serve


def _body(connection: socket.socket, buffer: bytearray, begun: bytes, length: int) -> tuple[int, bytes]:
    """Read a body to its end: how many messages it held, and what came behind it."""
    messages, left = begun.count(MESSAGE), length - len(begun)
    tail = begun[-len(MESSAGE) :]
    while left > 0:
        count = connection.recv_into(buffer, min(left, READ_BYTES))
        if not count:
            raise ConnectionError
        left -= count
        seam = tail[1 - len(MESSAGE) :] + bytes(buffer[: min(count, len(MESSAGE) - 1)])
        messages += buffer.count(MESSAGE, 0, count) + (MESSAGE in seam)
        tail = bytes(buffer[max(0, count - len(MESSAGE)) : count])
    return messages, b""


def _answer(head: bytes, messages: int) -> bytes:
    path = head.split(b" ", 2)[1]
    if path == b"/received":
        return _ok(b"%d" % received.bytes)
    if path == b"/email/batch":
        return _ok(b"[" + b",".join([POSTMARK_ANSWER] * messages) + b"]")
    if path == b"/email":
        return _ok(POSTMARK_ANSWER)
    if path.startswith(b"/v3/mail"):
        return b"HTTP/1.1 202 Accepted\r\nX-Message-Id: abc\r\nContent-Length: 0\r\n\r\n"
    return _ok(MAILGUN_ANSWER)


def _ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


# --- SMTP -------------------------------------------------------------------------------------------------------


def smtp(answer_after_s: float) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 sink\r\n")
        received = b""
        while True:
            lines, received = _commands(connection, received)
            if lines is None:
                return
            connection.sendall(b"".join(map(_reply, lines)))
            if lines and lines[-1].upper().startswith(b"DATA"):
                received = _content(connection, received)
                if answer_after_s:
                    time.sleep(answer_after_s)
                connection.sendall(b"250 2.0.0 Ok: queued as 4SVb1n0XyzzQ\r\n")

    return serve


def _commands(connection: socket.socket, received: bytes) -> tuple[list[bytes] | None, bytes]:
    """The commands of one packet, up to DATA, and what came behind."""
    while not received.endswith(b"\r\n"):
        more = connection.recv(READ_BYTES)
        if not more:
            return None, b""
        received += more
    lines: list[bytes] = []
    while received:
        line, _, received = received.partition(b"\r\n")
        lines.append(line)
        if line.upper().startswith(b"DATA"):
            break
    return lines, received


def _content(connection: socket.socket, received: bytes) -> bytes:
    """Read a letter up to its final dot; what came behind."""
    end = b"\r\n.\r\n"
    buffer = bytearray(received)
    place = buffer.find(end)
    while place < 0:
        more = connection.recv(READ_BYTES)
        if not more:
            raise ConnectionError
        searched = max(0, len(buffer) - len(end))
        buffer += more
        place = buffer.find(end, searched)
    return bytes(buffer[place + len(end) :])


def _reply(line: bytes) -> bytes:
    return _REPLIES.get(line[:4].upper(), b"250 ok\r\n")


_REPLIES = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 50000000\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}


# --- the process ------------------------------------------------------------------------------------------------


def received_bytes(port: int) -> int:
    """How many bytes of bodies an HTTP sink has taken so far."""
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/received")
    return int(connection.getresponse().read())


@contextmanager
def running(kind: str, *, answer_after_ms: float = 0) -> Iterator[int]:
    """A sink of this kind in a process of its own; gives its port."""
    words = [sys.executable, "-m", "benchmarks.sink", kind, "--answer-after-ms", str(answer_after_ms)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    assert process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait()


def _served(connection: socket.socket, serve: Serve) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, contextlib.suppress(ConnectionError):
        serve(connection)


def _accept(listener: socket.socket, serve: Serve) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_served, args=(connection, serve), daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("http", "smtp"))
    parser.add_argument("--answer-after-ms", type=float, default=0)
    chosen = parser.parse_args()
    pin(SINKS_CORE)
    serve = {"http": http, "smtp": smtp}[chosen.kind](chosen.answer_after_ms / 1000)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
    os._exit(0)  # threads that still read are of no interest


if __name__ == "__main__":
    main()
