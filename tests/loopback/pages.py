"""A web server on loopback that answers what a test tells it to, and notes what it was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Page(NamedTuple):
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}
    drips: bool = False
    """One byte at a time, for ever."""
    cut: bool = False
    """Half of the body, then nothing."""


class Pages:
    """What each path answers, and what was asked: `("GET", "/a.png")`."""

    def __init__(self) -> None:
        self.pages: dict[str, Page | Callable[[], Page]] = {}
        self.asked: list[tuple[str, str]] = []
        self.hosts: list[str | None] = []
        self.headers: list[Mapping[str, str]] = []
        self.url = ""
        self.port = 0
        self.closing = threading.Event()


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Pages]:
    pages = Pages()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            pages.asked.append((self.command, self.path))
            pages.hosts.append(self.headers["Host"])
            pages.headers.append(dict(self.headers))
            found = pages.pages.get(self.path, Page(status=404))
            page = found if isinstance(found, Page) else found()
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(10**9 if page.drips else len(page.body)))
            self.end_headers()
            if self.command == "HEAD":
                return
            self.wfile.write(page.body[: len(page.body) // 2] if page.cut else page.body)
            while page.drips and not pages.closing.wait(0.01):
                self.wfile.write(b"x")

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that hangs up is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    pages.port = server.server_address[1]
    pages.url = f"http{'s' if tls else ''}://127.0.0.1:{pages.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield pages
    finally:
        pages.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
