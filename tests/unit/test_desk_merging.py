"""Which changes at once are put together, and what a person chooses between."""

from __future__ import annotations

import pytest

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
from newsletter.models import Issue, IssueState
from newsletter.pipeline.sheet import Sheet, SheetPost, SheetSection
from newsletter.web.preview.merging import is_untouched, sides
from tests.factories import utc

EDITS: tuple[Edit, ...] = (
    SetSubject(text="Mine"), SetPreheader(text="Mine"), SetIntro(markdown="Mine"),
    MovePost(post="a", section=0, position=1),
    PinFirst(post="b"), LeaveOut(post="a"), TakeIn(post="c"), Override(post="a", title="Mine"),
    MoveSection(section=0, position=1), RenameSection(section=0, title="Mine"),
)  # fmt: skip


def a_sheet(*titles: str, subject: str = "S", preheader: str = "P", intro: str = "I", section: str = "News") -> Sheet:
    posts = tuple(SheetPost(one[0].lower(), one, one, None, "", None, None, None, None) for one in titles)
    issue = Issue(
        id="weekly-2023-11-16",
        digest="weekly",
        due_at=utc(2023, 11, 16, 9),
        subject=subject,
        preheader=preheader,
        intro=intro,
    )
    return Sheet(issue, "v", "", IssueState.DRAFT, None, False, False, (SheetSection(section, posts),), ())


BEFORE = a_sheet("A", "B")
CHANGED = {
    SetSubject: a_sheet("A", "B", subject="Theirs"),
    SetPreheader: a_sheet("A", "B", preheader="Theirs"),
    SetIntro: a_sheet("A", "B", intro="Theirs"),
    MovePost: a_sheet("B", "A"),
    PinFirst: a_sheet("B", "A"),
    LeaveOut: a_sheet("B"),
    TakeIn: a_sheet("A", "B", "C"),
    Override: a_sheet("B"),
    MoveSection: a_sheet("A", "B", section="Theirs"),
    RenameSection: a_sheet("A", "B", section="Theirs"),
}


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.do)
def test_an_edit_is_in_the_way_of_a_change_of_the_same_only(edit: Edit) -> None:
    assert not is_untouched(edit, BEFORE, CHANGED[type(edit)])
    assert is_untouched(edit, BEFORE, BEFORE._replace(version="other"))


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.do)
def test_nothing_is_put_together_where_it_is_not_known_what_the_editor_saw(edit: Edit) -> None:
    assert not is_untouched(edit, None, BEFORE)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.do)
def test_both_sides_have_words(edit: Edit) -> None:
    shown = sides(edit, CHANGED[type(edit)], BEFORE)

    assert all(shown)
    assert shown.yours != shown.theirs


def test_a_file_that_cannot_be_read_is_the_other_side_too() -> None:
    shown = sides(SetIntro(markdown="Mine"), BadInput("issue.md cannot be read"), BEFORE)

    assert shown.theirs == "issue.md cannot be read"
