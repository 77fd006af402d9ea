"""What an editor can ask of a draft: one small value an edit, as it comes from a page or a program.

They are data and no more; `shaping` writes them into the text of `issue.md`. A section is named by its place in the
file, a post by its id.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, TypeAdapter

from newsletter.models import Frozen


class SetSubject(Frozen):
    """Empty: automatic again."""

    do: Literal["subject"] = "subject"
    text: str


class SetPreheader(Frozen):
    """Empty: automatic again."""

    do: Literal["preheader"] = "preheader"
    text: str


class SetIntro(Frozen):
    do: Literal["intro"] = "intro"
    markdown: str


class MovePost(Frozen):
    do: Literal["move_post"] = "move_post"
    post: str
    section: NonNegativeInt
    position: NonNegativeInt
    """Among the section's posts, this one not counted; beyond the end is the end."""


class PinFirst(Frozen):
    """The issue opens with this post: it leads the first section."""

    do: Literal["pin_first"] = "pin_first"
    post: str


class LeaveOut(Frozen):
    do: Literal["leave_out"] = "leave_out"
    post: str


class TakeIn(Frozen):
    do: Literal["take_in"] = "take_in"
    post: str
    section: NonNegativeInt | None = None
    """None: where the digest's rules put it."""
    position: NonNegativeInt | None = None
    """None: at the end."""


class Override(Frozen):
    """Another title and summary for this issue only; None or empty: the post's own."""

    do: Literal["override"] = "override"
    post: str
    title: str | None = None
    summary: str | None = None


class MoveSection(Frozen):
    do: Literal["move_section"] = "move_section"
    section: NonNegativeInt
    position: NonNegativeInt
    """Among the other sections; beyond the end is the end."""


class RenameSection(Frozen):
    """None or empty: without a title."""

    do: Literal["rename_section"] = "rename_section"
    section: NonNegativeInt
    title: str | None = None


Edit = Annotated[
    SetSubject
    | SetPreheader
    | SetIntro
    | MovePost
    | PinFirst
    | LeaveOut
    | TakeIn
    | Override
    | MoveSection
    | RenameSection,
    Field(discriminator="do"),
]

EDIT: TypeAdapter[Edit] = TypeAdapter(Edit)
"""Reads an edit out of JSON: `EDIT.validate_json(…)`."""
