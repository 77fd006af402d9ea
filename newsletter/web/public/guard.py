"""What holds for every answer: headers that keep a page harmless, and a failure shows no more than that it failed."""

from __future__ import annotations

import logging
import traceback

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.errors import NewsletterError, StoreUnusable
from newsletter.web.public.pages import Pages

log = logging.getLogger(__name__)

# No script runs here, whatever a post brings along. Styles inside a page cannot be avoided: a site's own templates may
# use them. No referrer: the address of the page for leaving is a key to it.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Pure ASGI, inside Starlette's own error page, which would pass the traceback on to the server's log."""

    def __init__(self, app: ASGIApp, *, pages: Pages) -> None:
        self._app = app
        self._pages = pages

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
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_guarded)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the edge: nothing above would say it in plain words
            log.error("%s %s failed: %s", scope["method"], _shown_path(scope["path"]), described(error))
            if not is_begun:
                # 503 for what passes: the mailbox provider tries its one-click POST again then.
                status, wait = (503, {"Retry-After": "60"}) if isinstance(error, StoreUnusable) else (500, {})
                await self._pages.message("failed", status=status, headers=wait)(scope, receive, send_guarded)


def described(error: BaseException) -> str:
    """The error for a log. Of a foreign one its kind and place only: its text may hold an address or a key."""
    if isinstance(error, NewsletterError):
        return error.problem
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return f"{type(error).__name__} at " + " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))


def _shown_path(path: str) -> str:
    """`/unsubscribe/…`: what follows is somebody's key to leave."""
    first, slash, rest = path.lstrip("/").partition("/")
    return f"/{first}{slash}{'…' if rest else ''}"
