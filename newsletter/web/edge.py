"""What holds for every answer of every page here: its headers, and a failure shows no more than that it failed."""

from __future__ import annotations

import logging
import traceback
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.errors import NewsletterError

log = logging.getLogger(__name__)


class Edge(ABC):
    """Pure ASGI, so that streams pass through; inside Starlette's own error page, which would log a traceback."""

    headers: ClassVar[Mapping[str, str]]
    """Of every answer that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def refusal(self, scope: Scope) -> Response | None:
        """What is answered in place of the application; None: it may answer."""
        return None

    @abstractmethod
    def after(self, error: Exception) -> Response:
        """What is answered when the application failed before it had begun to answer."""

    def shown(self, path: str) -> str:
        """The path as a log may show it."""
        return path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self.refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_guarded)
            return
        try:
            await self._app(scope, receive, send_guarded)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the edge: nothing above would say it in plain words
            log.error("%s %s failed: %s", scope["method"], self.shown(scope["path"]), described(error))
            if not is_begun:
                await self.after(error)(scope, receive, send_guarded)


def described(error: BaseException) -> str:
    """The error for a log. Of a foreign one its kind and place only: its text may hold an address or a key."""
    if isinstance(error, NewsletterError):
        return error.problem
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return f"{type(error).__name__} at " + " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
