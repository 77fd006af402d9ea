"""The public pages: `/`, `/issues/<id>`, `/unsubscribe/<token>`. Sets no cookie and runs no script.

Only a POST changes anything, because mail scanners and link previews open every link of a mail (GET and HEAD).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from newsletter import clock
from newsletter.models import ASSET_TYPES
from newsletter.settings import Settings
from newsletter.subscribers.links import Leaving, Links, digest_of
from newsletter.subscribers.roster import Roster
from newsletter.web.public.guard import Guard
from newsletter.web.public.leaving import leaving_page
from newsletter.web.public.pages import Pages

MAX_BODY_BYTES = 10_000
"""A one-click POST has 26."""
_ISSUE_MAX_AGE_S = 300
_ASSET_MAX_AGE_S = 31_536_000


class SentIssue(NamedTuple):
    """One line of the front page."""

    id: str
    subject: str
    issued_on: date


def create_app(
    settings: Settings,
    roster: Roster,
    links: Links,
    *,
    web_version: Callable[[str], bytes | None],
    sent_issues: Callable[[], Sequence[SentIssue]],
    asset: Callable[[str, str], bytes | None],
    more: Sequence[Route] = (),
    now: Callable[[], datetime] = clock.now,
) -> Starlette:
    """The pages of one site.

    `web_version(issue_id)` gives the frozen page of an issue that is on its way or sent, None for any other;
    `sent_issues()` the same issues for the front page, newest first; `asset(issue_id, name)` a picture of an issue.
    `more` are pages beside these.
    """
    pages = Pages(settings)
    site = _Site(pages, roster, links, web_version, sent_issues, asset, now)
    app = Starlette(
        routes=[
            Route("/", site.front),
            Route("/issues/{issue_id}", site.issue),
            Route("/issues/{issue_id}/assets/{name}", site.picture),
            Route("/unsubscribe/{token}", site.unsubscribe, methods=["GET", "POST"]),
            *more,
        ],
        middleware=[Middleware(Guard, pages=pages)],
        exception_handlers={HTTPException: _Refusals(pages)},
    )
    app.router.redirect_slashes = False  # a one-click POST must not be redirected (RFC 8058 §3.1)
    return app


class _Site(NamedTuple):
    pages: Pages
    roster: Roster
    links: Links
    web_version: Callable[[str], bytes | None]
    sent_issues: Callable[[], Sequence[SentIssue]]
    asset: Callable[[str, str], bytes | None]
    now: Callable[[], datetime]

    def front(self, request: Request) -> Response:
        rows = [
            {"id": issue.id, "subject": issue.subject, "date": self.pages.say_date(issue.issued_on)}
            for issue in self.sent_issues()
        ]
        return self.pages.page("front", heading=self.pages.say("front_title"), issues=rows)

    def issue(self, request: Request) -> Response:
        issue_id = request.path_params["issue_id"]
        # The shape is checked first, because a name out of an address must not become a path on the disk.
        page = self.web_version(issue_id) if digest_of(issue_id) else None
        if page is None:
            raise HTTPException(404)
        headers = {"Cache-Control": f"public, max-age={_ISSUE_MAX_AGE_S}"}
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    def picture(self, request: Request) -> Response:
        issue_id, name = request.path_params["issue_id"], request.path_params["name"]
        media_type = ASSET_TYPES.get(name.rpartition(".")[2])
        content = self.asset(issue_id, name) if media_type and digest_of(issue_id) else None
        if content is None:
            raise HTTPException(404)
        # The name is made of the content, so what it stands for never changes.
        headers = {"Cache-Control": f"public, max-age={_ASSET_MAX_AGE_S}, immutable"}
        return Response(content, media_type=media_type, headers=headers)

    async def unsubscribe(self, request: Request) -> Response:
        leaving = self.links.read_unsubscribe(request.path_params["token"])
        if leaving is None:
            return self.pages.message("bad_link", status=404)
        if request.method != "POST":
            return await run_in_threadpool(self._ask, leaving)
        # Any POST leaves, not only RFC 8058's `List-Unsubscribe=One-Click`: who sent it has the link and means it.
        everything = "everything" in parse_qs((await _body(request)).decode("latin-1"))
        return await run_in_threadpool(self._leave, leaving, everything)

    def _ask(self, leaving: Leaving) -> Response:
        found = self.roster.store.get(leaving.subscriber_id)
        return leaving_page(self.pages, found.subscriber if found else None, leaving, has_left_now=False)

    def _leave(self, leaving: Leaving, everything: bool) -> Response:
        left = None if leaving.is_test else self.roster.leave(leaving, everything=everything, now=self.now())
        return leaving_page(self.pages, left, leaving, has_left_now=True)


class _Refusals:
    """The pages for what cannot be had: 404, 405, 413."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def __call__(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        key = "not_found" if error.status_code == 404 else "not_possible"
        return self._pages.message(key, status=error.status_code, headers=error.headers)


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413)
    return body
