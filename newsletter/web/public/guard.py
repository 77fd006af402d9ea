"""What holds for every page for readers: headers that keep it harmless, and what is said when it fails."""

from __future__ import annotations

from starlette.responses import Response
from starlette.types import ASGIApp

from newsletter.errors import StoreUnusable
from newsletter.web.edge import Edge
from newsletter.web.public.pages import Pages

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


class Guard(Edge):
    headers = HEADERS

    def __init__(self, app: ASGIApp, *, pages: Pages) -> None:
        super().__init__(app)
        self._pages = pages

    def after(self, error: Exception) -> Response:
        # 503 for what passes: the mailbox provider tries its one-click POST again then.
        status, wait = (503, {"Retry-After": "60"}) if isinstance(error, StoreUnusable) else (500, {})
        return self._pages.message("failed", status=status, headers=wait)

    def shown(self, path: str) -> str:
        """`/unsubscribe/…`: what follows is somebody's key to leave."""
        first, slash, rest = path.lstrip("/").partition("/")
        return f"/{first}{slash}{'…' if rest else ''}"
