"""`issue.md` <-> `Issue`: the draft that an editor shapes. A refresh keeps every edit.

An automatic value is recomputed only while it still is what we wrote last (`LastAutomatic`, kept by the store). A post
that we listed and that is gone from the list was deleted by the editor: it goes to `exclude`, so it does not come
back. A post that the editor put in stays, unless it must not go out at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pydantic import Field

from newsletter.errors import BadInput
from newsletter.issues.draft import Draft, ListedPost, Sheet, read, read_front
from newsletter.issues.edits import (
    NewItem,
    add_items,
    add_section,
    comment_text,
    remove_item,
    set_comment,
    set_value,
)
from newsletter.issues.nodes import YamlProblem
from newsletter.issues.select import SelectedSection, Selection
from newsletter.issues.subject import automatic_preheader, automatic_subject
from newsletter.models import Entry, Frozen, Issue, Post, Section

_EMPTY = """---
subject:  # automatic until edited
preheader:  # automatic until edited
sections:
exclude: []  # also what you deleted from the list: it does not come back
---
"""


class Automatic(NamedTuple):
    """What an issue would be without an editor."""

    selection: Selection
    digest_title: str = ""
    summaries: Mapping[str, str] = {}
    """By post id, plain text; may be empty: then the preheader names more titles."""


class LastAutomatic(Frozen):
    """What we wrote last into an `issue.md`, for the store to remember. None (a lost store): all is the editor's."""

    subject: str = ""
    preheader: str = ""
    listed: tuple[str, ...] = ()
    """Every post that was in the file, the editor's too."""
    titles: dict[str, str] = Field(default_factory=dict)
    """Of the posts that we put in: id -> the comment behind it."""


class Refreshed(NamedTuple):
    text: str
    issue: Issue
    changes: tuple[str, ...]
    """In words, one a change; none: the text is the same."""
    last: LastAutomatic


def parse(text: str, *, issue_id: str, digest: str, due_at: datetime) -> Issue:
    """The content of an `issue.md`; raises `BadInput` with line and column of every mistake.

    An excluded post is in no section, even if it is still listed. Ids are not looked up. A subject that the editor
    emptied is empty until the next refresh.
    """
    sheet, draft = read(text, issue_id=issue_id)
    return _issue(sheet, draft, issue_id=issue_id, digest=digest, due_at=due_at)


def excluded_ids(text: str, *, issue_id: str, last: LastAutomatic | None) -> frozenset[str]:
    """What `select` must leave out: the `exclude` list, and what the editor deleted from the sections since."""
    _, draft = read(text, issue_id=issue_id)
    return frozenset((*draft.exclude, *_deleted(draft, last)))


def write_new(automatic: Automatic, *, issue_id: str, digest: str, due_at: datetime) -> Refreshed:
    """The first `issue.md` of an issue."""
    return refresh(_EMPTY, automatic, last=None, issue_id=issue_id, digest=digest, due_at=due_at)


def refresh(
    text: str, automatic: Automatic, *, last: LastAutomatic | None, issue_id: str, digest: str, due_at: datetime
) -> Refreshed:
    """The text brought up to date. Refreshing twice changes nothing; a broken text raises `BadInput`."""
    sheet, draft = read(text, issue_id=issue_id)
    refreshing = _Refreshing(sheet.front, draft, automatic, last or LastAutomatic())
    try:
        refreshing.run()
    except YamlProblem as error:
        raise BadInput(
            f"issues/{issue_id}/issue.md is laid out in a way that cannot be refreshed; it was left as it is",
            fix="write each post on a line of its own, as `newsletter build` does",
        ) from error
    new = sheet._replace(front=refreshing.front)
    issue = _issue(new, refreshing.draft, issue_id=issue_id, digest=digest, due_at=due_at)
    return Refreshed(new.text, issue, tuple(refreshing.changes), refreshing.remembered())


def retitle(
    text: str, automatic: Automatic, *, last: LastAutomatic | None, issue_id: str, digest: str, due_at: datetime
) -> Refreshed:
    """The text with its subject and preheader brought up to date where they are automatic; nothing else is touched.

    For an edit between two refreshes: what an editor deleted by hand before it still counts as deleted after it.
    """
    sheet, draft = read(text, issue_id=issue_id)
    retitling = _Refreshing(sheet.front, draft, automatic, last or LastAutomatic())
    retitling.write_subject()
    new = sheet._replace(front=retitling.front)
    issue = _issue(new, retitling.draft, issue_id=issue_id, digest=digest, due_at=due_at)
    remembered = retitling.remembered()
    listed = tuple(dict.fromkeys((*(last.listed if last else ()), *remembered.listed)))
    return Refreshed(new.text, issue, tuple(retitling.changes), remembered.model_copy(update={"listed": listed}))


def _issue(sheet: Sheet, draft: Draft, *, issue_id: str, digest: str, due_at: datetime) -> Issue:
    return Issue(
        id=issue_id,
        digest=digest,
        due_at=due_at,
        subject=draft.subject,
        preheader=draft.preheader,
        intro=sheet.intro,
        sections=tuple(
            Section(title=section.title, entries=tuple(_entries(section.posts, draft.exclude)))
            for section in draft.sections
        ),
        exclude=draft.exclude,
    )


def _entries(posts: Iterable[ListedPost], exclude: Sequence[str]) -> Iterable[Entry]:
    kept = (post for post in posts if post.post_id not in exclude)
    return (Entry(post_id=post.post_id, title=post.title, summary=post.summary) for post in kept)


def _deleted(draft: Draft, last: LastAutomatic | None) -> list[str]:
    here = {post.post_id for post in draft.posts} | set(draft.exclude)
    return [post_id for post_id in (last.listed if last else ()) if post_id not in here]


class _Refreshing:
    """One refresh, step by step."""

    def __init__(self, front: str, draft: Draft, automatic: Automatic, last: LastAutomatic) -> None:
        self.front = front
        self.draft = draft
        self.selection = automatic.selection
        self.automatic = automatic
        self.last = last
        self.changes: list[str] = []
        self.written = dict(last.titles)
        self.selected = {post.id: post for post in self.selection.posts}
        self.reasons = {left_out.id: left_out.reason for left_out in reversed(self.selection.left_out)}

    def run(self) -> None:
        self.exclude_deleted()
        self.drop()
        self.update_titles()
        self.add()
        self.write_subject()

    def exclude_deleted(self) -> None:
        deleted = _deleted(self.draft, self.last)
        if deleted:
            self._edit(add_items(self.front, ("exclude",), [NewItem(post_id) for post_id in deleted]))
            self.changes += [f"excluded {post_id}: it was deleted from the list" for post_id in deleted]

    def drop(self) -> None:
        for listed in reversed(self.draft.posts):
            if reason := self._must_go(listed.post_id):
                is_plain = not listed.has_own_words and listed.comment in (None, "", self._known_comment(listed))
                self._edit(remove_item(self.front, listed.path, as_comment=not is_plain))
                kept = "" if is_plain else "; what you wrote stays as a comment"
                self.changes.append(f"dropped {listed.post_id}: {reason}{kept}")

    def update_titles(self) -> None:
        for listed in self.draft.posts:
            written, post = self.last.titles.get(listed.post_id), self.selection.may_stay.get(listed.post_id)
            if post and written and listed.comment == written != comment_text(post.title):
                self._edit(set_comment(self.front, listed.path, post.title))
                self.written[post.id] = comment_text(post.title)
                self.changes.append(f"{post.id} has a new title: {self.written[post.id]}")

    def add(self) -> None:
        for section in self.selection.sections:
            here = {post.post_id for post in self.draft.posts} | set(self.draft.exclude)
            new = [post for post in section.posts if post.id not in here]
            if new:
                self._add_to(section, [NewItem(post.id, post.title) for post in new])
                self.written |= {post.id: comment_text(post.title) for post in new}
                self.changes += [f"added {post.id}" + _into(section.title) for post in new]

    def write_subject(self) -> None:
        self._write("subject", self.draft.subject, self.last.subject, self._subject())
        # After the subject, because the preheader does not repeat it.
        self._write("preheader", self.draft.preheader, self.last.preheader, self._preheader())

    def remembered(self) -> LastAutomatic:
        ids = tuple(post.post_id for post in self.draft.posts)
        return LastAutomatic(
            subject=self._subject() or self.last.subject,
            preheader=self._preheader() or self.last.preheader,
            listed=ids,
            titles={post_id: self.written[post_id] for post_id in ids if post_id in self.written},
        )

    def _write(self, key: str, old: str, written: str, value: str) -> None:
        if value and old != value and (not old or old == written):
            self._edit(set_value(self.front, key, value))
            self.changes.append(f"{key}: {value}")

    def _edit(self, front: str) -> None:
        self.front = front
        self.draft = read_front(front)

    def _must_go(self, post_id: str) -> str | None:
        if post_id in self.draft.exclude:
            return "it is excluded"
        is_by_hand = post_id not in self.last.titles
        if post_id in self.selected or (is_by_hand and post_id in self.selection.may_stay):
            return None
        return self.reasons.get(post_id, "there is no such post")

    def _known_comment(self, listed: ListedPost) -> str | None:
        post = self.selection.may_stay.get(listed.post_id)
        return self.last.titles.get(listed.post_id) or (comment_text(post.title) if post else None)

    def _add_to(self, section: SelectedSection, items: Sequence[NewItem]) -> None:
        place = self._section_of(section)
        if place is not None:
            self._edit(add_items(self.front, ("sections", place, "posts"), items))
        else:
            self._edit(add_section(self.front, self._position_of(section), section.title, items))

    def _section_of(self, section: SelectedSection) -> int | None:
        """The section of that title, else the one to which the editor gave another: it holds all its posts."""
        titles = [_key(listed.title) for listed in self.draft.sections]
        if _key(section.title) in titles:
            return titles.index(_key(section.title))
        ids = {post.id for post in section.posts}
        holders = [
            place
            for place, listed in enumerate(self.draft.sections)
            if any(post.post_id in ids for post in listed.posts)
        ]
        is_renamed = len(holders) == 1 and titles[holders[0]] not in {_key(s.title) for s in self.selection.sections}
        return holders[0] if is_renamed else None

    def _position_of(self, section: SelectedSection) -> int:
        order = [_key(other.title) for other in self.selection.sections]
        mine = order.index(_key(section.title))
        places = {_key(listed.title): place for place, listed in enumerate(self.draft.sections)}
        before = [places[title] for title in order[:mine] if title in places]
        behind = [places[title] for title in order[mine + 1 :] if title in places]
        return max(before) + 1 if before else min(behind, default=len(self.draft.sections))

    def _titles(self) -> list[str]:
        return [listed.title or post.title for listed, post in self._posts()]

    def _posts(self) -> list[tuple[ListedPost, Post]]:
        may_stay = self.selection.may_stay
        return [(listed, may_stay[listed.post_id]) for listed in self.draft.posts if listed.post_id in may_stay]

    def _subject(self) -> str:
        return automatic_subject(self._titles())

    def _preheader(self) -> str:
        summaries = [
            listed.summary or self.automatic.summaries.get(post.id) or post.summary or ""
            for listed, post in self._posts()
        ]
        return automatic_preheader(
            self._titles(), subject=self.draft.subject, summaries=summaries, digest_title=self.automatic.digest_title
        )


def _key(title: str | None) -> str:
    return (title or "").strip().casefold()


def _into(title: str | None) -> str:
    return f" to {title}" if title else ""
