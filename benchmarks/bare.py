"""Floors: loops that hand ready bytes to the same clients and do nothing else."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence

import requests


class Ready:
    """A request body of ready bytes, streamed with a known length."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks
        self._size_bytes = sum(map(len, chunks))

    def __len__(self) -> int:
        return self._size_bytes

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)


def http_loop(url: str, chunks: Sequence[bytes], *, calls: int) -> Callable[[], None]:
    """The same chunks again and again through `requests`, each answer read."""
    session = requests.Session()
    session.trust_env = False

    def loop() -> None:
        for _ in range(calls):
            assert session.post(url, data=Ready(chunks), headers={"Content-Type": "application/json"}).content

    return loop


def smtp_loop(port: int, content: bytes, *, count: int) -> Callable[[], None]:
    """The same letter again and again over one connection: MAIL, RCPT and DATA in one packet, then the letter."""
    envelope = b"MAIL FROM:<news@example.org> SIZE=%d\r\nRCPT TO:<reader1@example.net>\r\nDATA\r\n" % len(content)

    ended = content + b".\r\n"

    def loop() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            replies = connection.makefile("rb")
            replies.readline()
            for _ in range(count):
                connection.sendall(envelope)
                for _ in range(3):
                    replies.readline()
                connection.sendall(ended)
                replies.readline()

    return loop
