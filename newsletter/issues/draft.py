"""Reads the text of `issue.md`: every mistake at once, each with its line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from newsletter.errors import BadInput, Place
from newsletter.issues.edits import one_line
from newsletter.issues.nodes import (
    Path,
    YamlProblem,
    comment_behind,
    compose,
    end_of_node,
    find,
    is_null,
    start_of_node,
)

_FENCE = re.compile(r"(?m)^---[ \t]*\r?$\n?")
_LARGEST = 256 * 1024  # characters of front matter; a thousand posts need 60,000


class Sheet(NamedTuple):
    """The text in three pieces that are the text when put together."""

    head: str
    """A byte order mark, if any, and the first `---`."""
    front: str
    tail: str
    """The second `---` and the intro."""

    @property
    def text(self) -> str:
        return self.head + self.front + self.tail

    @property
    def intro(self) -> str:
        return _FENCE.sub("", self.tail, count=1).strip().replace("\r\n", "\n")


class ListedPost(NamedTuple):
    post_id: str
    title: str | None
    summary: str | None
    comment: str | None
    path: Path
    """Where it stands in the front matter."""
    has_own_words: bool
    """The editor wrote more than its id there: another title or summary, a key of his own, a comment within."""


class ListedSection(NamedTuple):
    title: str | None
    posts: tuple[ListedPost, ...]


class Draft(NamedTuple):
    """What the front matter says, as it stands there."""

    subject: str
    preheader: str
    sections: tuple[ListedSection, ...]
    exclude: tuple[str, ...]

    @property
    def posts(self) -> tuple[ListedPost, ...]:
        return tuple(post for section in self.sections for post in section.posts)


def read(text: str, *, issue_id: str) -> tuple[Sheet, Draft]:
    """Raises `BadInput` with a place (`issues/<id>/issue.md:line:column`) for every mistake."""
    try:
        sheet = split(text)
        draft, mistakes = _draft(sheet.front)
    except YamlProblem as error:
        at = _front_offset(text) + error.index
        raise _unreadable(text, [(at, error.problem)], issue_id) from error
    if mistakes:
        offset = len(sheet.head)
        raise _unreadable(text, sorted((offset + index, problem) for index, problem in mistakes), issue_id)
    return sheet, draft


def read_front(front: str) -> Draft:
    """Of a front matter that was read before and edited by us since."""
    return _draft(front)[0]


def split(text: str) -> Sheet:
    """Raises `YamlProblem` where the two lines `---` are not there."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text[len(mark) :]
    first = _FENCE.match(body)
    if not first:
        raise YamlProblem("the first line must be --- and nothing else", 0)
    second = _FENCE.search(body, first.end())
    if not second:
        raise YamlProblem("a line --- is missing between the front matter and the intro", len(text))
    if second.start() - first.end() > _LARGEST:
        raise YamlProblem(f"the front matter is longer than {_LARGEST} characters: is a --- missing?", 0)
    return Sheet(mark + body[: first.end()], body[first.end() : second.start()], body[second.start() :])


def _front_offset(text: str) -> int:
    try:
        return len(split(text).head)
    except YamlProblem:
        return 0


def _unreadable(text: str, mistakes: list[tuple[int, str]], issue_id: str) -> BadInput:
    name = f"issues/{issue_id}/issue.md"
    places = [Place(f"{name}:{line}:{column}", problem) for line, column, problem in _located(text, mistakes)]
    return BadInput(
        f"{name} cannot be read", places=places, fix="mend it and run the command again; the file was left as it is"
    )


def _located(text: str, mistakes: list[tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
    for index, problem in mistakes:
        yield text.count("\n", 0, index) + 1, index - (text.rfind("\n", 0, index) + 1) + 1, problem


# --- from nodes -----------------------------------------------------------------------------------------------


def _draft(front: str) -> tuple[Draft, list[tuple[int, str]]]:
    reading = _Reading(front)
    return reading.draft(), reading.mistakes


class _Reading:
    def __init__(self, front: str) -> None:
        self.front = front
        self.root = compose(front)
        self.mistakes: list[tuple[int, str]] = []
        self.seen: dict[str, int] = {}

    def draft(self) -> Draft:
        self._refuse_doubled_keys(self.root)
        return Draft(
            subject=self._text(("subject",)) or "",
            preheader=self._text(("preheader",)) or "",
            sections=tuple(self._section(path) for path in self._items(("sections",), "a list of sections")),
            exclude=tuple(self._id(path) for path in self._items(("exclude",), "a list of post ids")),
        )

    def _section(self, path: Path) -> ListedSection:
        node = find(self.root, path)[1]
        if not isinstance(node, MappingNode):
            self._mistake(node, "a section is wanted: `title:` (or none) and `posts:`")
            return ListedSection(None, ())
        self._refuse_doubled_keys(node)
        posts = tuple(self._post(item) for item in self._items((*path, "posts"), "a list of posts"))
        return ListedSection(self._text((*path, "title")) or None, posts)

    def _post(self, path: Path) -> ListedPost:
        node = find(self.root, path)[1]
        assert node is not None
        comment = comment_behind(self.front, node)
        if not isinstance(node, MappingNode):
            post_id, title, summary, has_own_words = self._id(path), None, None, False
        else:
            self._refuse_doubled_keys(node)
            if find(node, ("id",))[1] is None:
                self._mistake(node, "the post's `id:` is missing")
            post_id = self._id((*path, "id")) if find(node, ("id",))[1] is not None else ""
            title, summary = self._text((*path, "title")) or None, self._text((*path, "summary"), lines=True) or None
            has_own_words = (
                len(node.value) > 1 or "#" in self.front[start_of_node(node) : end_of_node(self.front, node)]
            )
        self._refuse_listed_twice(post_id, node)
        return ListedPost(post_id, title, summary, comment, path, has_own_words)

    def _id(self, path: Path) -> str:
        node = find(self.root, path)[1]
        if not isinstance(node, ScalarNode) or is_null(node) or not node.value.strip():
            self._mistake(node, "a post's id is wanted")
            return ""
        return str(node.value)

    def _text(self, path: Path, *, lines: bool = False) -> str | None:
        node = find(self.root, path)[1]
        if node is None or is_null(node):
            return None
        if not isinstance(node, ScalarNode):
            self._mistake(node, f"{path[-1]}: a text is wanted, this is {_kind(node)} (put the text in quotes)")
            return None
        # The text as it was typed: a date, a number or a `no` stays what the editor wrote.
        return node.value.strip() if lines else one_line(node.value)

    def _items(self, path: Path, wanted: str) -> list[Path]:
        node = find(self.root, path)[1]
        if node is None or is_null(node):
            return []
        if not isinstance(node, SequenceNode):
            self._mistake(node, f"{path[-1]}: {wanted} is wanted, this is {_kind(node)}")
            return []
        return [(*path, number) for number in range(len(node.value))]

    def _refuse_listed_twice(self, post_id: str, node: Node) -> None:
        if post_id and post_id in self.seen:
            line = self.front.count("\n", 0, self.seen[post_id]) + 2  # the front matter begins on the second line
            self._mistake(node, f"{post_id} is listed twice, it stands on line {line} too")
        self.seen.setdefault(post_id, start_of_node(node))

    def _refuse_doubled_keys(self, node: Node | None) -> None:
        keys: set[str] = set()
        for key, _ in node.value if isinstance(node, MappingNode) else []:
            if str(key.value) in keys:
                self._mistake(key, f"{key.value}: stands here twice")
            keys.add(str(key.value))

    def _mistake(self, node: Node | None, problem: str) -> None:
        self.mistakes.append((0 if node is None else start_of_node(node), problem))


def _kind(node: Node) -> str:
    if isinstance(node, SequenceNode):
        return "a list"
    return "a group of `key: value`" if isinstance(node, MappingNode) else "a text"
