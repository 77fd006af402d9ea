"""The editor's desk as a web application: pages are read with GET, everything that changes something is a POST."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from newsletter.errors import NewsletterError, NotFound
from newsletter.web.preview import frames, issue_page, listing, mail_page
from newsletter.web.preview.actions import actions
from newsletter.web.preview.ahead_page import ahead_values
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.guard import READING, Admission, Guard, failure
from newsletter.web.preview.looks import Look
from newsletter.web.preview.pages import Pages, static_folder

Content = TypeVar("Content", str, bytes)
WantedLook = Annotated[Look, Query()]
Page = Annotated[int, Query(ge=0, le=100_000)]


def create_app(desk: Desk, admission: Admission) -> FastAPI:
    pages = Pages(desk, admission.token)
    app = FastAPI(
        openapi_url=None,  # no machine's description of it: it is a page, not a service
        middleware=[Middleware(Guard, admission=admission)],
        exception_handlers=_Refusals(pages).handlers,
    )
    _add_pages(app, desk, pages)
    app.include_router(actions(desk))
    app.mount("/static", StaticFiles(directory=static_folder()), name="static")
    return app


def _add_pages(app: FastAPI, desk: Desk, pages: Pages) -> None:
    @app.get("/")
    def front(page: Page = 0) -> HTMLResponse:
        return pages.page("issues", here="issues", **listing.front(desk.site, page=page, now=desk.now()))

    @app.get("/ahead")
    def ahead() -> HTMLResponse:
        return pages.page("ahead", here="ahead", **ahead_values(desk))

    @app.get("/issues/{issue}")
    def issue_at(issue: str, look: WantedLook) -> HTMLResponse:
        return pages.page("issue", here="issues", **issue_page.values(desk, issue, look))

    @app.get("/issues/{issue}/mail")
    def mail(issue: str, look: WantedLook) -> HTMLResponse:
        page = mail_page.frame(desk, desk.site.issue_row(issue), look)
        return HTMLResponse(_there(page), headers=frames.headers(look))

    @app.get("/issues/{issue}/message.eml")
    def message(issue: str, look: WantedLook) -> Response:
        headers = {"Content-Disposition": f'attachment; filename="{issue}.eml"'}
        content = mail_page.message(desk, desk.site.issue_row(issue), look)
        return Response(_there(content), media_type="message/rfc822", headers=headers)

    @app.get("/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(desk.hub.stream(), media_type="text/event-stream")


def _there(content: Content | None) -> Content:
    if content is None:
        raise HTTPException(404)
    return content


class _Refusals:
    """What is said where something cannot be shown or done: a page to who looks, facts to who asks for a change."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @property
    def handlers(self) -> dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]:
        return {NewsletterError: self.told, HTTPException: self.refused, RequestValidationError: self.not_understood}

    async def told(self, request: Request, error: NewsletterError) -> Response:
        if request.method not in READING:
            return failure(error)
        status = 404 if isinstance(error, NotFound) else 409
        return self._page("This cannot be shown", error.problem, error.fix, status)

    async def refused(self, _: Request, error: HTTPException) -> Response:
        return self._page("There is no such page", "Nothing is at this address.", None, error.status_code)

    async def not_understood(self, request: Request, _: RequestValidationError) -> Response:
        problem = "the desk does not understand what is asked for"
        if request.method not in READING:
            return JSONResponse({"problem": problem, "fix": "load the page again"}, 422)
        return self._page("This address is not understood", problem, None, 422)

    def _page(self, heading: str, problem: str, fix: str | None, status: int) -> Response:
        return self._pages.page("message", status=status, here="", heading=heading, problem=problem, fix=fix)
