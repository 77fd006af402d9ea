"""What `spamc` talks to: a program that answers any mail with one report, by the protocol of SpamAssassin 4."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Spamd(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, report: str) -> None:
        self.report = report.encode()
        self.asked: list[tuple[str, bytes]] = []
        """The first line and the mail of each call."""
        super().__init__(("127.0.0.1", 0), _Call)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Call(socketserver.StreamRequestHandler):
    server: Spamd

    def handle(self) -> None:
        asked = self.rfile.readline().decode().strip()
        length = 0
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(":")
            length = int(value) if name.lower() == "content-length" else length
        self.server.asked.append((asked, self.rfile.read(length)))
        head = f"SPAMD/1.1 0 EX_OK\r\nContent-length: {len(self.server.report)}\r\nSpam: True ; 6.0 / 5.0\r\n\r\n"
        self.wfile.write(head.encode() + self.server.report)


@contextmanager
def spamd(report: str) -> Iterator[Spamd]:
    with Spamd(report) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
