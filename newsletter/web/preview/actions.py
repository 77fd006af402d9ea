"""Everything on the page that changes something: each a POST, answered with what was done or why it was not."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from newsletter.errors import NotPossible
from newsletter.issues.editing import Edit
from newsletter.issues.naming import on_of
from newsletter.models import IssueState
from newsletter.pipeline import decide
from newsletter.pipeline.approve import approve, withdraw
from newsletter.pipeline.build import build
from newsletter.pipeline.preview import MADE_UP
from newsletter.pipeline.shape import Conflict, change
from newsletter.pipeline.sheet import Sheet
from newsletter.pipeline.test_mail import Tested, send_test
from newsletter.providers.base import Outcome
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.merging import is_untouched, sides
from newsletter.web.preview.pages import counted, said_time
from newsletter.web.preview.readers import USUAL
from newsletter.web.preview.seen import fingerprint

Answer = dict[str, Any]
TRIES = 5
"""How often an edit is made again on a file that others are writing into, before the editor is asked."""


class WantedEdit(BaseModel):
    version: str
    """Of the file that the editor saw."""
    edit: Annotated[Edit, Field(discriminator="do")]


class WantedTest(BaseModel):
    to: str
    """Addresses, commas or blanks between."""


class WantedReader(BaseModel):
    email: str


class WantedApproval(BaseModel):
    seen: str
    """Fingerprint of the mail that the editor saw."""


class WantedDecision(BaseModel):
    decision: Literal["sent", "unsent"] = Field(alias="as")


def actions(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/issues/{issue}")
    _add_shaping(router, desk)
    _add_deciding(router, desk)
    _add_sending(router, desk)
    return router


def _add_shaping(router: APIRouter, desk: Desk) -> None:
    @router.post("/build")
    def build_it(issue: str) -> Answer:
        named = desk.site.split(issue)
        built = build(desk.site, named.digest, on=on_of(issue), now=desk.now())
        if built.state is IssueState.SKIPPED:
            raise NotPossible(built.warnings[-1], fix="put more posts into the folder; then open it again")
        return {"says": f"{counted(len(built.posts), 'post')} in it"}

    @router.post("/edits")
    def edit_it(issue: str, wanted: WantedEdit) -> Any:
        before = desk.sheets.get(issue, wanted.version)
        try:
            return {"version": _changed(desk, issue, wanted, before).version}
        except Conflict as conflict:
            now = conflict.theirs.version if isinstance(conflict.theirs, Sheet) else ""
            shown = sides(wanted.edit, conflict.theirs, before)
            content = {"problem": conflict.problem, "conflict": shown._asdict(), "version": now}
            return JSONResponse(content, 409)


def _changed(desk: Desk, issue: str, wanted: WantedEdit, before: Sheet | None) -> Sheet:
    """The sheet with the edit; made again on a newer file where nobody touched what the edit is about."""
    version = wanted.version
    for _ in range(TRIES):
        try:
            return desk.sheets.keep(change(desk.site, issue, wanted.edit, version=version))
        except Conflict as conflict:
            if not isinstance(conflict.theirs, Sheet) or not is_untouched(wanted.edit, before, conflict.theirs):
                raise
            version = conflict.theirs.version
    return desk.sheets.keep(change(desk.site, issue, wanted.edit, version=version))


def _add_deciding(router: APIRouter, desk: Desk) -> None:
    @router.post("/reader")
    def find_reader(wanted: WantedReader) -> Answer:
        found = desk.site.roster.show(wanted.email.strip())
        return {"says": f"As {found.name or found.email} sees it", "reader": found.email}

    @router.post("/test")
    def test_it(issue: str, wanted: WantedTest) -> Answer:
        to = re.split(r"[\s,;]+", wanted.to.strip())
        return _tested(send_test(desk.site, issue, to=to, whom=MADE_UP[USUAL], now=desk.now()))

    @router.post("/approve")
    def approve_it(issue: str, wanted: WantedApproval) -> Answer:
        seen = desk.seen(desk.site.issue_row(issue))
        if seen.trouble is not None:
            raise seen.trouble
        if seen.mail is None or fingerprint(desk.site, seen.mail) != wanted.seen:
            raise _changed_meanwhile(issue)
        approved = approve(desk.site, issue, now=desk.now())
        _refuse_other_than_seen(desk, issue, wanted.seen)
        when = said_time(approved.due_at, desk.site.settings.site.zone)
        return {"says": f"Approved for {counted(approved.recipients, 'reader')}, due {when}"}

    @router.post("/withdraw")
    def withdraw_it(issue: str) -> Answer:
        withdraw(desk.site, issue, now=desk.now())
        return {"says": "The approval is withdrawn: it is a draft again"}


def _tested(tested: Tested) -> Answer:
    not_taken = [one for one in tested.mails if one.outcome is not Outcome.ACCEPTED]
    if not_taken:
        why = [f"{one.email}: {one.reason or one.outcome.value}" for one in not_taken]
        raise NotPossible("\n".join(["not every test was taken:", *why]), fix="mend it and send the test again")
    return {"says": f"The test went to {', '.join(one.email for one in tested.mails)}"}


def _refuse_other_than_seen(desk: Desk, issue: str, wanted: str) -> None:
    """Somebody may save a file in the very moment of an approval: then it is not what the editor approved."""
    mail = desk.seen(desk.site.issue_row(issue)).mail
    if mail is None or fingerprint(desk.site, mail) != wanted:
        withdraw(desk.site, issue, now=desk.now())
        raise _changed_meanwhile(issue)


def _changed_meanwhile(issue: str) -> NotPossible:
    return NotPossible(
        f"{issue} is not as you saw it: something of it was changed meanwhile",
        fix="close this, look at it once more, then approve it",
    )


def _add_sending(router: APIRouter, desk: Desk) -> None:
    @router.post("/send")
    def send_it(issue: str) -> Answer:
        if desk.site.issue_row(issue).state is not IssueState.APPROVED:
            raise NotPossible(f"{issue} is not approved", fix="approve it first")
        desk.sendings.start(issue, now=desk.now())
        return {"says": "The sending has begun"}

    @router.post("/pause")
    def pause_it(issue: str) -> Answer:
        decide.pause(desk.site, issue, now=desk.now())
        return {"says": "Paused; the batch in hand is finished first"}

    @router.post("/resume")
    def resume_it(issue: str) -> Answer:
        state = decide.release(desk.site, issue, now=desk.now())
        if state is IssueState.APPROVED:
            return {"says": "It waits for its time again"}
        desk.sendings.start(issue, now=desk.now())
        return {"says": "The sending goes on"}

    @router.post("/cancel")
    def cancel_it(issue: str) -> Answer:
        decide.cancel(desk.site, issue, now=desk.now())
        return {"says": "Cancelled"}

    @router.post("/resolve")
    def resolve_it(issue: str, wanted: Annotated[WantedDecision, Body()]) -> Answer:
        count = decide.resolve(desk.site, issue, as_sent=wanted.decision == "sent", now=desk.now())
        return {"says": f"{counted(count, 'mail')} counted as {wanted.decision}"}
