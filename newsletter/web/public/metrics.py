"""`/metrics`: for this machine alone, or for whoever has the token."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MEDIA_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""A proxy on this machine asks from 127.0.0.1 whoever asked it, and says so by one of these."""


def metrics_route(metrics: Callable[[], str], *, token: str) -> Route:
    async def answer(request: Request) -> Response:
        if not _may_read(request, token):
            raise HTTPException(404)
        headers = {"Cache-Control": "no-store"}
        return Response(await run_in_threadpool(metrics), media_type=MEDIA_TYPE, headers=headers)

    return Route("/metrics", answer)


def _may_read(request: Request, token: str) -> bool:
    if token:
        said = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(said, f"Bearer {token}".encode())
    is_direct = not any(name in request.headers for name in FORWARDED)
    host = request.url.hostname or ""
    return is_direct and request.client is not None and request.client.host in LOOPBACK and host in LOOPBACK
