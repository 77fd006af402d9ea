"""Two changes at once: what the page asked for, and what became of the file meanwhile.

An edit is made again on the newer file where nobody touched what it is about. Where somebody did, both sides are shown.
"""

from __future__ import annotations

from typing import NamedTuple

from newsletter.errors import BadInput
from newsletter.issues.editing import (
    Edit,
    LeaveOut,
    MovePost,
    MoveSection,
    Override,
    PinFirst,
    RenameSection,
    SetIntro,
    SetPreheader,
    SetSubject,
    TakeIn,
)
from newsletter.pipeline.sheet import Sheet, SheetPost


class Sides(NamedTuple):
    """What an editor chooses between."""

    says: str
    yours: str
    theirs: str


def part(sheet: Sheet, edit: Edit) -> str:
    """What the sheet says about that which the edit is about, in words for a person."""
    match edit:
        case SetSubject():
            return sheet.issue.subject
        case SetPreheader():
            return sheet.issue.preheader
        case SetIntro():
            return sheet.issue.intro
        case Override():
            return _words_of(_found(sheet, edit.post))
        case LeaveOut() | TakeIn():
            return "in the issue" if _found(sheet, edit.post) else "left out"
        case MoveSection() | RenameSection():
            return "\n".join(section.title or "(without a title)" for section in sheet.sections)
        case MovePost() | PinFirst():
            return _order(sheet)


def sides(edit: Edit, theirs: Sheet | BadInput, before: Sheet | None) -> Sides:
    in_file = part(theirs, edit) if isinstance(theirs, Sheet) else theirs.problem
    return Sides(_SAYS[type(edit)], _wanted(edit, before), in_file or "(empty)")


def is_untouched(edit: Edit, before: Sheet | None, now: Sheet | BadInput) -> bool:
    """Nobody changed that which the edit is about; not known where it is not known what the editor saw."""
    return before is not None and isinstance(now, Sheet) and part(before, edit) == part(now, edit)


def _wanted(edit: Edit, before: Sheet | None) -> str:
    match edit:
        case SetSubject() | SetPreheader():
            return edit.text or "(written by itself)"
        case SetIntro():
            return edit.markdown or "(empty)"
        case Override():
            return "\n\n".join(filter(None, (edit.title, edit.summary))) or "(as the post says)"
        case RenameSection():
            return edit.title or "(without a title)"
        case LeaveOut():
            return f"{edit.post}: left out"
        case TakeIn():
            return f"{edit.post}: in the issue"
        case MovePost():
            return f"{_title(before, edit.post)}: post {edit.position + 1} of section {edit.section + 1}"
        case PinFirst():
            return f"{_title(before, edit.post)}: first of all"
        case MoveSection():
            return f"section {edit.section + 1} as number {edit.position + 1}"


_SAYS: dict[type, str] = {
    SetSubject: "The subject",
    SetPreheader: "The preheader",
    SetIntro: "The introduction",
    Override: "The words of this post",
    LeaveOut: "Whether this post is in the issue",
    TakeIn: "Whether this post is in the issue",
    MovePost: "The order of the posts",
    PinFirst: "The order of the posts",
    MoveSection: "The sections",
    RenameSection: "The sections",
}


def _order(sheet: Sheet) -> str:
    lines = []
    for section in sheet.sections:
        lines += [section.title or "(without a title)", *(f"  {post.title}" for post in section.posts)]
    return "\n".join(lines)


def _found(sheet: Sheet, post_id: str) -> SheetPost | None:
    return next((post for section in sheet.sections for post in section.posts if post.id == post_id), None)


def _words_of(post: SheetPost | None) -> str:
    if post is None:
        return "(left out)"
    own_title = post.title if post.title != post.own_title else ""
    return "\n\n".join(filter(None, (own_title, post.summary))) or "(as the post says)"


def _title(sheet: Sheet | None, post_id: str) -> str:
    post = _found(sheet, post_id) if sheet else None
    return f"“{post.title}”" if post else post_id
