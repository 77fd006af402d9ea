"""An editor's edit written into the text of `issue.md`: nothing else of the text changes, not by a byte.

What an edit means is decided on a `Shape`, what the file says; then the text is cut and filled, and read again. A text
that is laid out so strangely that it does not say what was meant is not written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from newsletter.errors import BadInput, NotPossible
from newsletter.issues import moving
from newsletter.issues.draft import Draft, Sheet, read, read_front
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
from newsletter.issues.edits import (
    NewItem,
    add_items,
    add_section,
    comment_text,
    one_line,
    put_value,
    remove_item,
    scalar,
    set_value,
)
from newsletter.issues.nodes import YamlProblem, compose, find
from newsletter.issues.shapes import END, Listed, Shape, without

_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff\ud800-\udfff]")
"""Characters that no file of text should hold."""


class Known(NamedTuple):
    """What an edit has to know of the posts."""

    titles: Mapping[str, str] = {}
    """By id; they stand as comments behind the ids."""
    sections: Mapping[str, str | None] = {}
    """By id of those that may be taken in: the title of the section where the digest's rules put them."""


def shape_of(text: str, *, issue_id: str) -> Shape:
    """Raises `BadInput` with line and column of every mistake."""
    return _shape(*read(text, issue_id=issue_id))


def shaped(text: str, edit: Edit, known: Known, *, issue_id: str) -> str:
    """The text with the edit in it.

    Raises `BadInput` for a text that cannot be read, or is laid out in a way that cannot be edited; `NotPossible` for
    a post or a section that the draft does not have.
    """
    sheet, draft = read(text, issue_id=issue_id)
    shaping = _Shaping(sheet, draft, known)
    try:
        wanted = shaping.make(edit)
        done = _shape(shaping.sheet, read_front(shaping.sheet.front))
    except YamlProblem as error:
        raise _too_strange(issue_id) from error
    if done != wanted or shape_of(shaping.sheet.text, issue_id=issue_id) != wanted:
        raise _too_strange(issue_id)
    return shaping.sheet.text


def intro_text(markdown: str) -> str:
    """The intro as the file can hold it."""
    return _NO_TEXT.sub("", markdown.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _too_strange(issue_id: str) -> BadInput:
    return BadInput(
        f"issues/{issue_id}/issue.md is laid out in a way that cannot be edited for you; it was left as it is",
        fix="write each post on a line of its own, as `newsletter build` does, or make this change by hand",
    )


def _shape(sheet: Sheet, draft: Draft) -> Shape:
    sections = tuple(
        (section.title, tuple(Listed(post.post_id, post.title, post.summary) for post in section.posts))
        for section in draft.sections
    )
    return Shape(draft.subject, draft.preheader, sheet.intro, sections, draft.exclude)


class _Shaping:
    """One edit: the text is changed step by step, and what it must say in the end is worked out beside it."""

    def __init__(self, sheet: Sheet, draft: Draft, known: Known) -> None:
        self.sheet, self.draft, self.known = sheet, draft, known
        self.wanted = _shape(sheet, draft)

    def make(self, edit: Edit) -> Shape:
        _STEPS[type(edit)](self, edit)
        return self.wanted

    # --- texts ---

    def subject(self, edit: SetSubject) -> None:
        line = one_line(edit.text)
        self._set("subject", line, self.wanted.subject)
        self.wanted = self.wanted._replace(subject=line)

    def preheader(self, edit: SetPreheader) -> None:
        line = one_line(edit.text)
        self._set("preheader", line, self.wanted.preheader)
        self.wanted = self.wanted._replace(preheader=line)

    def intro(self, edit: SetIntro) -> None:
        intro = intro_text(edit.markdown)
        tail, end = self.sheet.tail, "\r\n" if "\r\n" in self.sheet.text else "\n"
        fence = re.match(r"---[ \t]*(?:\r?\n)?", tail)
        assert fence is not None
        rest = tail[fence.end() :]
        before = rest[: len(rest) - len(rest.lstrip())]
        after = rest[len(rest.rstrip()) :] if rest.strip() else end
        first = fence[0] if fence[0].endswith("\n") else fence[0] + end
        text = f"{before}{intro.replace(chr(10), end)}{after}" if intro else before.rstrip(" \t") or ""
        self.sheet = self.sheet._replace(tail=first + text)
        self.wanted = self.wanted._replace(intro=intro)

    def _set(self, key: str, line: str, was: str) -> None:
        if line != was:
            self._front(set_value(self.sheet.front, key, line) if line else self._emptied(key))

    def _emptied(self, key: str) -> str:
        found, node = find(compose(self.sheet.front), (key,))
        assert found is not None
        assert node is not None
        return put_value(self.sheet.front, found, node, "")

    # --- posts ---

    def move_post(self, edit: MovePost) -> None:
        number, place = self._place_of(edit.post)
        self._refuse_no_section(edit.section)
        moved = self.wanted.sections[number][1][place]
        front, piece = moving.cut(self.sheet.front, ("sections", number, "posts", place))
        self._front(front)
        self.wanted = self.wanted.without_post(number, place)
        at = self.wanted.raw_position(edit.section, edit.position)
        self._front(moving.put(self.sheet.front, ("sections", edit.section, "posts"), at, piece))
        self.wanted = self.wanted.with_post(edit.section, at, moved)

    def pin_first(self, edit: PinFirst) -> None:
        self.move_post(MovePost(post=edit.post, section=0, position=0))

    def leave_out(self, edit: LeaveOut) -> None:
        number, place = self._place_of(edit.post)
        listed = self.draft.sections[number].posts[place]
        known = comment_text(self.known.titles.get(edit.post, ""))
        is_plain = not listed.has_own_words and listed.comment in (None, "", known)
        self._front(remove_item(self.sheet.front, listed.path, as_comment=not is_plain))
        self.wanted = self.wanted.without_post(number, place)
        if edit.post not in self.draft.exclude:
            self._front(add_items(self.sheet.front, ("exclude",), [NewItem(edit.post)]))
            self.wanted = self.wanted._replace(exclude=(*self.wanted.exclude, edit.post))

    def take_in(self, edit: TakeIn) -> None:
        is_listed = any(post.post_id == edit.post for post in self.draft.posts)
        if not is_listed and edit.post not in self.known.sections:
            raise NotPossible(f"{edit.post} cannot be taken into this issue")
        comments = self._include(edit.post)
        if not is_listed:
            self._add(edit, comments)
            return
        self._front(moving.with_comments(self.sheet.front, comments))
        if edit.section is not None:
            position = END if edit.position is None else edit.position
            self.move_post(MovePost(post=edit.post, section=edit.section, position=position))

    def _include(self, post_id: str) -> tuple[str, ...]:
        """Take it off the list of the excluded; the comments that stood there."""
        comments: tuple[str, ...] = ()
        while post_id in self.wanted.exclude:
            at = self.wanted.exclude.index(post_id)
            front, piece = moving.cut(self.sheet.front, ("exclude", at))
            self._front(front)
            self.wanted = self.wanted._replace(exclude=without(self.wanted.exclude, at))
            comments += piece.comments
        return comments

    def _add(self, edit: TakeIn, comments: tuple[str, ...]) -> None:
        section, by_rules = edit.section, self.known.sections.get(edit.post)
        if section is None:
            section = self.wanted.section_titled(by_rules)
        if section is None:
            section = self._add_section(by_rules)
        self._refuse_no_section(section)
        at = self.wanted.raw_position(section, END if edit.position is None else edit.position)
        item = scalar(edit.post)
        title = self.known.titles.get(edit.post)
        behind = comments or ((f"# {comment_text(title)}",) if title else ())
        piece = moving.Piece(("  ".join((f"- {item}", *behind)),), item, comments)
        self._front(moving.put(self.sheet.front, ("sections", section, "posts"), at, piece))
        self.wanted = self.wanted.with_post(section, at, Listed(edit.post))

    def override(self, edit: Override) -> None:
        number, place = self._place_of(edit.post)
        path = ("sections", number, "posts", place)
        title, summary = one_line(edit.title or "") or None, _summary(edit.summary)
        old = self.wanted.sections[number][1][place]
        for key, value, was in (("title", title, old.title), ("summary", summary, old.summary)):
            if value and value != was:
                self._front(moving.set_key(self.sheet.front, path, key, value))
            elif was and not value:
                self._front(moving.drop_key(self.sheet.front, path, key))
        new = Listed(edit.post, title, summary)
        self.wanted = self.wanted.without_post(number, place).with_post(number, place, new)

    # --- sections ---

    def move_section(self, edit: MoveSection) -> None:
        self._refuse_no_section(edit.section)
        front, piece = moving.cut(self.sheet.front, ("sections", edit.section))
        at = min(edit.position, len(self.wanted.sections) - 1)
        self._front(moving.put(front, ("sections",), at, piece))
        section = self.wanted.sections[edit.section]
        self.wanted = self.wanted.without_section(edit.section).with_new_section(at, section)

    def rename_section(self, edit: RenameSection) -> None:
        self._refuse_no_section(edit.section)
        title, path = one_line(edit.title or "") or None, ("sections", edit.section)
        old, posts = self.wanted.sections[edit.section]
        if title and title != old:
            self._front(moving.set_key(self.sheet.front, path, "title", title))
        elif old and not title:
            self._front(moving.drop_key(self.sheet.front, path, "title"))
        self.wanted = self.wanted.with_section(edit.section, (title, posts))

    def _add_section(self, title: str | None) -> int:
        # What has no title is the rest, and comes last.
        titles = [section[0] for section in self.wanted.sections]
        is_before_rest = title is not None and bool(titles) and titles[-1] is None
        at = len(titles) - is_before_rest
        self._front(add_section(self.sheet.front, at, title, []))
        self.wanted = self.wanted.with_new_section(at, ((title and one_line(title)) or None, ()))
        return at

    # --- places ---

    def _front(self, front: str) -> None:
        self.sheet = self.sheet._replace(front=front)

    def _place_of(self, post_id: str) -> tuple[int, int]:
        place = self.wanted.place_of(post_id)
        if place is None:
            raise NotPossible(f"{post_id} is not in this issue", fix="take it in first")
        return place

    def _refuse_no_section(self, number: int) -> None:
        if number >= len(self.wanted.sections):
            raise NotPossible(f"the issue has no section number {number + 1}", fix="look at the issue again")


_STEPS: Mapping[type, Callable[[_Shaping, Any], None]] = {
    SetSubject: _Shaping.subject,
    SetPreheader: _Shaping.preheader,
    SetIntro: _Shaping.intro,
    MovePost: _Shaping.move_post,
    PinFirst: _Shaping.pin_first,
    LeaveOut: _Shaping.leave_out,
    TakeIn: _Shaping.take_in,
    Override: _Shaping.override,
    MoveSection: _Shaping.move_section,
    RenameSection: _Shaping.rename_section,
}


def _summary(text: str | None) -> str | None:
    """As the file gives it back: its lines kept, its ends bare."""
    return intro_text(text or "") or None
