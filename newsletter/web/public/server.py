"""Serves the public pages over HTTP; a reverse proxy with TLS stands before it on the internet."""

from __future__ import annotations

import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from newsletter.errors import NotPossible

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8080
_GRACE_S = 10
"""How long a request that is under way may take after the order to stop."""


class Server(uvicorn.Server):
    def __init__(self, app: ASGIApp, *, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
        """Take the port (0: any free one). Raises `NotPossible` when it cannot be had."""
        self._socket = _listening(host, port)
        self._ready: Callable[[str], None] | None = None
        # No access log: addresses of the page for leaving are keys. No proxy headers: nothing here trusts them.
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,
                lifespan="off",
                ws="none",
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )

    @property
    def url(self) -> str:
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def serve_until_stopped(self, ready: Callable[[str], None] | None = None) -> None:
        """Serve until SIGTERM, SIGINT or `stop`; requests under way are finished. `ready` gets the address."""
        self._ready = ready
        try:
            self.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """From any thread."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self._ready is not None:
            self._ready(self.url)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, but without raising the signal again afterwards: stopped on order is no failure."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    app: ASGIApp,
    *,
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the pages until SIGTERM or Ctrl-C. `ready` gets the address once they can be opened."""
    Server(app, host=host, port=port).serve_until_stopped(ready)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.create_server(address[:2], family=family, backlog=512)
        # An answer's head and its body are written apart. asyncio sets this only for sockets that name their protocol,
        # and without it the body of a short answer waits 40 ms for the head to be acknowledged.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise NotPossible(f"the pages cannot be served at {host}:{port}: {_reason(error)}", fix=_fix(error)) from error
    made.set_inheritable(False)
    return made


def _reason(error: OSError) -> str:
    return "the port is in use" if error.errno == errno.EADDRINUSE else str(error.strerror or error)


def _fix(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "stop the program that has the port, or name another with --port"
    if error.errno == errno.EACCES:
        return "ports below 1024 are reserved: name another with --port"
    return "name an address of this machine with --host"
