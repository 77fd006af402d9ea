"""An editor's edits in the text of `issue.md`: each says what it should, and touches nothing else."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from newsletter.errors import BadInput, NotPossible
from newsletter.issues.editing import (
    EDIT,
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
from newsletter.issues.shapes import Shape
from newsletter.issues.shaping import Known, shape_of, shaped

ISSUE = "weekly-2023-11-16"
KNOWN = Known(titles={"new/one": "The #1 new one"}, sections={"new/one": "News"})

TYPICAL = """\
---
subject: Guides  # automatic until edited
preheader: And a date  # automatic until edited
# the editor's own
colour: green
sections:
  - title: News
    posts:
      - news/a  # A
      # about b
      - news/b  # B
      - {id: news/c, title: See, note: mine}  # C
  - title: Diary
    posts:
      - diary/may  # May
exclude: [old/one]  # also what you deleted from the list
---

The intro.
"""


def edited(text: str, edit: Edit, known: Known = KNOWN) -> str:
    return shaped(text, edit, known, issue_id=ISSUE)


def shape(text: str) -> Shape:
    return shape_of(text, issue_id=ISSUE)


def ids(text: str) -> list[list[str]]:
    return [[post.post_id for post in posts] for _, posts in shape(text).sections]


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that went and those that came."""
    old, new = before.splitlines(), after.splitlines()
    return list((Counter(old) - Counter(new)).elements()), list((Counter(new) - Counter(old)).elements())


# --- one by one ---------------------------------------------------------------------------------------------------


def test_a_subject_takes_the_place_of_the_old_one_and_the_comment_stays() -> None:
    text = edited(TYPICAL, SetSubject(text="Save the date: four posts"))

    assert changed_lines(TYPICAL, text) == (
        ["subject: Guides  # automatic until edited"],
        ['subject: "Save the date: four posts"  # automatic until edited'],
    )


def test_an_emptied_preheader_leaves_its_key_and_comment() -> None:
    text = edited(TYPICAL, SetPreheader(text="  "))

    assert "\npreheader:   # automatic until edited\n" in text
    assert shape(text).preheader == ""


@pytest.mark.parametrize("intro", ["One.\n\n---\n\nTwo.", "", "  # Heading", "a\r\nb"])
def test_an_intro_is_what_was_written_also_where_it_looks_like_a_fence(intro: str) -> None:
    text = edited(TYPICAL, SetIntro(markdown=intro))

    assert shape(text).intro == intro.strip().replace("\r\n", "\n")
    assert text.startswith(TYPICAL.removesuffix("\nThe intro.\n"))


def test_a_post_moves_with_its_comment_and_all_else_stays() -> None:
    text = edited(TYPICAL, MovePost(post="news/c", section=1, position=0))

    assert ids(text) == [["news/a", "news/b"], ["news/c", "diary/may"]]
    assert changed_lines(TYPICAL, text) == ([], [])
    assert "posts:\n      - {id: news/c, title: See, note: mine}  # C\n      - diary/may" in text


def test_a_pinned_post_opens_the_issue() -> None:
    text = edited(TYPICAL, PinFirst(post="diary/may"))

    assert ids(text) == [["diary/may", "news/a", "news/b", "news/c"], []]


def test_a_post_that_is_left_out_is_excluded() -> None:
    text = edited(TYPICAL, LeaveOut(post="news/a"), Known(titles={"news/a": "A"}))

    assert shape(text).exclude == ("old/one", "news/a")
    assert changed_lines(TYPICAL, text)[0] == [
        "      - news/a  # A",
        "exclude: [old/one]  # also what you deleted from the list",
    ]


def test_what_an_editor_wrote_about_a_post_that_is_left_out_stays_as_a_comment() -> None:
    text = edited(TYPICAL, LeaveOut(post="news/c"), Known(titles={"news/c": "C"}))

    assert "      # - {id: news/c, title: See, note: mine}  # C\n" in text


def test_a_post_is_taken_in_where_the_rules_put_it() -> None:
    text = edited(TYPICAL, TakeIn(post="new/one"))

    assert ids(text)[0] == ["news/a", "news/b", "news/c", "new/one"]
    assert "      - new/one  # The #1 new one\n" in text


def test_leaving_out_and_taking_back_in_restores_the_text() -> None:
    known = Known(titles={"diary/may": "May"}, sections={"diary/may": "Diary"})
    without = edited(TYPICAL, LeaveOut(post="diary/may"), known)

    assert edited(without, TakeIn(post="diary/may"), known) == TYPICAL


def test_a_post_whose_section_is_not_there_brings_it_along() -> None:
    text = edited(TYPICAL, TakeIn(post="x"), Known({"x": "X"}, {"x": "Jobs"}))

    assert shape(text).sections[-1] == ("Jobs", (("x", None, None),))


def test_a_title_for_this_issue_only_stands_beside_the_id_and_goes_again() -> None:
    text = edited(TYPICAL, Override(post="news/b", title="Bee: new", summary="Two\n\nparagraphs."))

    assert '      - {id: news/b, title: "Bee: new", summary: "Two\\n\\nparagraphs."}  # B\n' in text
    assert shape(text).sections[0][1][1] == ("news/b", "Bee: new", "Two\n\nparagraphs.")
    assert edited(text, Override(post="news/b")) == TYPICAL


def test_taking_an_own_title_back_leaves_the_editors_unknown_keys() -> None:
    text = edited(TYPICAL, Override(post="news/c"))

    assert "      - {id: news/c, note: mine}  # C\n" in text


def test_sections_change_places_whole() -> None:
    text = edited(TYPICAL, MoveSection(section=1, position=0))

    assert ids(text) == [["diary/may"], ["news/a", "news/b", "news/c"]]
    assert changed_lines(TYPICAL, text) == ([], [])


def test_a_section_gets_another_title_or_none() -> None:
    renamed = edited(TYPICAL, RenameSection(section=0, title="What's new"))
    untitled = edited(TYPICAL, RenameSection(section=0))

    assert shape(renamed).sections[0][0] == "What's new"
    assert shape(untitled).sections[0][0] is None
    assert ids(untitled) == ids(TYPICAL)


def test_an_edit_that_says_what_is_there_already_changes_nothing() -> None:
    same: list[Edit] = [
        SetSubject(text="Guides"),
        SetIntro(markdown="The intro."),
        MovePost(post="news/b", section=0, position=1),
        Override(post="news/c", title="See"),
        MoveSection(section=1, position=9),
        RenameSection(section=0, title="News"),
    ]

    assert [edited(TYPICAL, edit) for edit in same if "news/b" not in str(edit)] == [TYPICAL] * 5
    assert ids(edited(TYPICAL, same[2])) == ids(TYPICAL)


@pytest.mark.parametrize(
    "edit",
    [
        MovePost(post="nowhere", section=0, position=0),
        MovePost(post="news/a", section=7, position=0),
        LeaveOut(post="old/one"),
        TakeIn(post="unknown"),
        RenameSection(section=7),
    ],
)
def test_what_the_issue_does_not_have_cannot_be_changed(edit: Edit) -> None:
    with pytest.raises(NotPossible):
        edited(TYPICAL, edit)


def test_a_broken_file_is_told_with_line_and_column() -> None:
    with pytest.raises(BadInput) as caught:
        edited(TYPICAL.replace("subject: Guides", "subject: a: b"), SetIntro(markdown="x"))

    assert [place.where for place in caught.value.places] == [f"issues/{ISSUE}/issue.md:2:11"]


def test_an_edit_comes_out_of_json() -> None:
    edit = EDIT.validate_json('{"do": "move_post", "post": "news/a", "section": 1, "position": 0}')

    assert edit == MovePost(post="news/a", section=1, position=0)


# --- any file, any edits ---------------------------------------------------------------------------------------------

TEXTS = st.text(alphabet="ab #:-'\"{}[],&*!|>%@`é漢\n\t\u2028", max_size=20)


class _Writer:
    """Writes a file as strangely as people do, and marks what must survive: `mark1`, `mark2`, …"""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.marks = 0

    def either(self, *ways: str) -> str:
        return self.draw(st.sampled_from(ways))

    def mark(self) -> str:
        self.marks += 1
        return f"mark{self.marks}."

    def comment(self) -> str:
        return f"  # {self.mark()}" if self.draw(st.booleans()) else ""

    def lines_between(self, indent: str) -> list[str]:
        return self.draw(st.sampled_from([[], [], [""], [f"{indent}# {self.mark()}"], ["", f"# {self.mark()}", ""]]))

    def post(self, post_id: str, indent: str) -> list[str]:
        shown = self.either(post_id, f"'{post_id}'", f'"{post_id}"')
        pad = self.either(" ", " ", "   ")
        inner = f"{indent} {' ' * len(pad)}"
        return self.draw(
            st.sampled_from(
                [
                    [f"{indent}-{pad}{shown}{self.comment()}"],
                    [f"{indent}-{pad}{{id: {shown}, title: T, own: {self.mark()}}}{self.comment()}"],
                    [f"{indent}-{pad}{{ id: {shown} }}{self.comment()}"],
                    [f"{indent}-{pad}id: {shown}{self.comment()}", f"{inner}own: {self.mark()}"],
                    [f"{indent}-{pad}title: T{self.comment()}", f"{inner}id: {shown}", f"{inner}own: {self.mark()}"],
                    [
                        f"{indent}-{pad}id: {shown}",
                        f"{inner}summary: >-",
                        f"{inner}  S",
                        "",
                        f"{inner}  T",
                    ],
                ]
            )
        )

    def section(self, number: int, posts: list[str], indent: str) -> list[str]:
        inner = f"{indent}  "
        title = [f"title: S{number}{self.comment()}"] if self.draw(st.booleans()) else []
        keys = [*title, f"own: {self.mark()}", "posts"] if self.draw(st.booleans()) else [*title, "posts"]
        lines: list[str] = []
        for place, key in enumerate(keys):
            start = f"{indent}- " if place == 0 else inner
            lines += [f"{start}{key}"] if key != "posts" else self.posts(start, inner, posts)
        return lines

    def posts(self, start: str, inner: str, posts: list[str]) -> list[str]:
        if self.draw(st.integers(0, 3)) == 0:
            return [f"{start}posts: [{', '.join(posts)}]{self.comment()}"]
        indent = inner + self.either("", "  ", "    ")
        lines = [f"{start}posts:{self.comment()}"]
        for post_id in posts:
            lines += [*self.lines_between(indent), *self.post(post_id, indent)]
        return [*lines, *self.lines_between(indent)]

    def exclude(self) -> list[str]:
        lists = [
            ["exclude:"],
            [],
            ["exclude: []"],
            ["exclude: [x1, x2]"],
            ["exclude:", "- x1", f"- x2  # {self.mark()}"],
        ]
        return self.draw(st.sampled_from(lists))

    def file(self) -> str:
        indent = self.either("", "  ")
        numbers = self.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
        sections, count = [], 0
        for number, size in enumerate(numbers):
            sections.append((number, [f"p{count + place}" for place in range(size)]))
            count += size
        subject = self.either("subject: S", "subject:", f"subject: >  # {self.mark()}\n  S\n  S", 'subject: "S"', "")
        parts = [
            [f"{subject}{'' if '>' in subject or not subject else self.comment()}"],
            [f"own:  # {self.mark()}", f"  deep: [1, {self.mark()}]"],
            ["sections:", *(line for one in sections for line in self.section(*one, indent))],
            self.exclude(),
        ]
        ordered = self.draw(st.permutations(parts))
        front = [line for part in ordered for line in [*part, *self.lines_between("")]]
        text = "\n".join(["---", *front, "---", *self.draw(st.sampled_from([[], ["", f"Intro {self.mark()}", ""]]))])
        # The text is drawn with \n; its own ends come last.
        text = text.replace("\n", self.either("\n", "\r\n"))
        return self.either("", "\ufeff") + text


@st.composite
def files(draw: st.DrawFn) -> str:
    return _Writer(draw).file()


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    post = draw(st.sampled_from([f"p{number}" for number in range(5)]))
    small = st.integers(0, 4)
    chosen: st.SearchStrategy[Any] = st.one_of(
        st.builds(SetSubject, text=TEXTS),
        st.builds(SetPreheader, text=TEXTS),
        st.builds(MovePost, post=st.just(post), section=small, position=small),
        st.builds(PinFirst, post=st.just(post)),
        st.builds(LeaveOut, post=st.just(post)),
        st.builds(TakeIn, post=st.sampled_from(["x1", "x2", "new/one", post]), section=st.none() | small),
        st.builds(Override, post=st.just(post), title=st.none() | TEXTS, summary=st.none() | TEXTS),
        st.builds(MoveSection, section=small, position=small),
        st.builds(RenameSection, section=small, title=st.none() | TEXTS),
    )
    edit: Edit = draw(chosen)
    return edit


ANY = Known(
    titles={"new/one": "New: one", "p1": "P1"},
    sections=dict.fromkeys(("new/one", "x1", "x2", *(f"p{number}" for number in range(9))), "S0"),
)


def marks(text: str) -> Counter[str]:
    return Counter(re.findall(r"mark\d+\.", text))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(files(), st.lists(edits(), min_size=1, max_size=6))
def test_whatever_is_edited_in_whatever_file_no_word_of_the_editor_is_lost(text: str, wanted: list[Edit]) -> None:
    ends = "\r\n" if "\r\n" in text else "\n"
    before = marks(text)
    done = 0

    for edit in wanted:
        try:
            text = edited(text, edit, ANY)
            done += 1
        except NotPossible:
            continue
        assert marks(text) == before, (edit, text)
        assert text.count("\n") == text.count(ends)

    assume(done)


def _posts(shape: Shape) -> set[Any]:
    return {post.post_id for _, posts in shape.sections for post in posts if post.post_id not in shape.exclude}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(files(), st.integers(0, 4), st.integers(0, 3), st.integers(0, 4))
def test_a_move_takes_one_post_to_its_place_and_leaves_the_order_of_the_others(
    text: str, number: int, section: int, position: int
) -> None:
    before, post = shape(text), f"p{number}"
    assume(post in _posts(before) and section < len(before.sections))

    after = shape(edited(text, MovePost(post=post, section=section, position=position), ANY))

    def order(of: Shape) -> list[list[Any]]:
        return [[one for one in posts if one.post_id != post] for _, posts in of.sections]

    assert order(after) == order(before)
    there = [one.post_id for one in after.sections[section][1]]
    assert there.index(post) == min(position, len(there) - 1)
    assert after._replace(sections=()) == before._replace(sections=())


def front_of(text: str) -> str:
    """What stands between the two lines of hyphens; a subject may be hyphens, too."""
    return re.split(r"^\ufeff?---[ \t]*\r?$", text, flags=re.MULTILINE)[1]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@example("---\nsubject: S\nsections:\n- posts: []\n---", "---", "")
@given(files(), TEXTS, TEXTS)
def test_a_subject_and_an_intro_of_any_text_are_read_back_and_touch_no_other_line(
    text: str, subject: str, intro: str
) -> None:
    after = edited(edited(text, SetSubject(text=subject)), SetIntro(markdown=intro))

    was, now = shape(text), shape(after)
    assert (now.sections, now.exclude, now.preheader) == (was.sections, was.exclude, was.preheader)
    assert now.intro == intro.strip()
    gone = changed_lines(front_of(text), front_of(after))[0]
    assert all("subject" in line or line.strip() == "S" for line in gone)
