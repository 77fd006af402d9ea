"""Which post is which: a file keeps its identity however it is moved, renamed or edited."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from newsletter.models import KnownPost, Post
from newsletter.posts.addresses import path_id


def assign_ids(posts: Iterable[Post], known: Iterable[KnownPost]) -> list[Post]:
    """The posts with their ids, by path; the order of what is given makes no difference.

    An id that the author gave stays. Any other file keeps the id that it is known by: first the files that are where
    they were, then those whose text turns up elsewhere (moved, even if another file took the old place), then those
    edited in place. What is new is called by its path without suffix; if that is taken, by its full name.
    """
    ordered = sorted(posts, key=lambda post: post.path)
    claims = _Claims(ordered)
    records = sorted(set(known))
    for step in (_unmoved, _moved, _edited):
        claims.take(step(claims.open, [record for record in records if record.id not in claims.taken]))
    claims.name_new(avoid={record.id for record in records})
    return [
        post if post.id == claims.ids[post.path] else post.model_copy(update={"id": claims.ids[post.path]})
        for post in ordered
    ]


class _Claims:
    """Who holds which id. Each id is held once, but for those that authors gave twice."""

    def __init__(self, ordered: Sequence[Post]) -> None:
        self.ids = {post.path: post.id for post in ordered if post.has_own_id}
        self.taken = set(self.ids.values())
        self._all = ordered

    @property
    def open(self) -> list[Post]:
        return [post for post in self._all if post.path not in self.ids]

    def take(self, wishes: Iterable[tuple[str, str]]) -> None:
        for path, post_id in wishes:
            if path not in self.ids and post_id not in self.taken:
                self._give(path, post_id)

    def name_new(self, avoid: set[str]) -> None:
        waiting = []
        for post in self.open:
            name = path_id(post.path)
            if name in self.taken or name in avoid:
                waiting.append(post)
            else:
                self._give(post.path, name)
        for post in waiting:
            self._give(post.path, next(name for name in _full_names(post.path) if name not in self.taken | avoid))

    def _give(self, path: str, post_id: str) -> None:
        self.ids[path] = post_id
        self.taken.add(post_id)


def _full_names(path: str) -> Iterator[str]:
    yield path
    number = 2
    while True:
        yield f"{path}~{number}"
        number += 1


def _unmoved(posts: Sequence[Post], records: Sequence[KnownPost]) -> Iterator[tuple[str, str]]:
    ids: dict[tuple[str, str], list[str]] = defaultdict(list)
    for record in records:
        ids[record.path, record.text_sha256].append(record.id)
    for post in posts:
        for post_id in ids.get((post.path, post.text_sha256), ()):
            yield post.path, post_id


def _moved(posts: Sequence[Post], records: Sequence[KnownPost]) -> list[tuple[str, str]]:
    by_text: dict[str, list[KnownPost]] = defaultdict(list)
    for record in records:
        by_text[record.text_sha256].append(record)
    wishes = []
    for post in posts:
        for record in by_text.get(post.text_sha256, ()):
            renamed = posixpath.basename(record.path) != posixpath.basename(post.path)
            wishes.append((renamed, record.id, post.path))
    # Of several files with one text, the one that kept its name is the likelier.
    return [(path, post_id) for _, post_id, path in sorted(wishes)]


def _edited(posts: Sequence[Post], records: Sequence[KnownPost]) -> list[tuple[str, str]]:
    by_path: dict[str, set[str]] = defaultdict(set)
    places: dict[str, set[str]] = defaultdict(set)
    for record in records:
        by_path[record.path].add(record.id)
        places[record.id].add(record.path)
    # An id that was only ever here fits better than one that has been elsewhere too.
    wishes = [
        (len(by_path[post.path]), len(places[post_id]), post_id, post.path)
        for post in posts
        for post_id in by_path.get(post.path, ())
    ]
    return [(path, post_id) for _, _, post_id, path in sorted(wishes)]
