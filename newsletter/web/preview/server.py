"""Serves the desk until it is stopped; open pages do not keep it from stopping."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType

from starlette.types import ASGIApp

from newsletter.web.preview.desk import Desk
from newsletter.web.public.server import Server


class DeskServer(Server):
    def __init__(self, app: ASGIApp, desk: Desk, *, host: str, port: int) -> None:
        super().__init__(app, host=host, port=port)
        self._desk = desk

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # A page that listens for changes would hold its request open for ever.
        self._desk.hub.close()
        super().handle_exit(sig, frame)

    def stop(self) -> None:
        self._desk.hub.close()
        super().stop()

    def serve_until_stopped(self, ready: Callable[[str], None] | None = None) -> None:
        self._desk.open()
        try:
            super().serve_until_stopped(ready)
        finally:
            self._desk.close()
