"""Fills the desk's own templates, `templates/preview/`; never a site's, which may be broken just now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from newsletter.emails import theme
from newsletter.emails.folders import packaged_templates
from newsletter.models import IssueState
from newsletter.web.preview.desk import Desk

STATE_WORDS = {
    IssueState.DRAFT: "Draft",
    IssueState.APPROVED: "Approved",
    IssueState.SENDING: "Being sent",
    IssueState.SENT: "Sent",
    IssueState.SKIPPED: "Skipped",
    IssueState.PAUSED: "Paused",
    IssueState.CANCELLED: "Cancelled",
}
_UNITS = (
    (timedelta(days=14), timedelta(weeks=1), "week"),
    (timedelta(hours=36), timedelta(days=1), "day"),
    (timedelta(minutes=90), timedelta(hours=1), "hour"),
    (timedelta(0), timedelta(minutes=1), "minute"),
)


class Pages:
    def __init__(self, desk: Desk, token: str) -> None:
        self._templates = theme.packaged_environment()
        self._templates.filters["code_marked"] = code_marked
        self._desk = desk
        self._token = token

    def fill(self, name: str, values: Mapping[str, Any]) -> str:
        frame = {
            "token": self._token,
            "site_name": self._desk.site.settings.site.name,
            "site_trouble": self._desk.trouble,
        }
        return theme.fill(self._templates, f"preview/{name}.html.j2", {**frame, **values})

    def page(self, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(self.fill(name, values), status)


def code_marked(words: str) -> Markup:
    """Plain text in which what stands in backticks, a command as a rule, is shown as code."""
    pieces = words.split("`")
    if len(pieces) % 2 == 0:  # one that is not closed is just a backtick
        return escape(words)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces)
    )


def static_folder() -> Path:
    return packaged_templates() / "preview" / "static"


def said_time(moment: datetime, zone: ZoneInfo) -> str:
    """`Thu 26 Nov 2026, 09:00`."""
    return f"{said_day(moment.astimezone(zone))} {moment.astimezone(zone):%Y, %H:%M}"


def said_day(day: date) -> str:
    """`Thu 26 Nov`."""
    return f"{day:%a} {day.day} {day:%b}"


def said_distance(moment: datetime, now: datetime) -> str:
    """`in 3 days`, `2 weeks ago`."""
    apart = abs(moment - now)
    for least, unit, name in _UNITS:
        if apart >= least:
            count = round(apart / unit)
            said = counted(count, name)
            break
    return f"in {said}" if moment >= now else f"{said} ago"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
