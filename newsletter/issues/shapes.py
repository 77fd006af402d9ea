"""What an `issue.md` says, without how it says it: what an edit means is worked out on this. Pure."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

END = 1 << 30
"""As a position: behind all others."""

Item = TypeVar("Item")


class Listed(NamedTuple):
    post_id: str
    title: str | None = None
    summary: str | None = None


Section = tuple[str | None, tuple[Listed, ...]]
"""A title and its posts, also those that are excluded and still listed."""


class Shape(NamedTuple):
    subject: str
    preheader: str
    intro: str
    sections: tuple[Section, ...]
    exclude: tuple[str, ...]

    def place_of(self, post_id: str) -> tuple[int, int] | None:
        """The section and the place in it of a post that is in the issue."""
        for number, (_, posts) in enumerate(self.sections):
            for place, post in enumerate(posts):
                if post.post_id == post_id and post_id not in self.exclude:
                    return number, place
        return None

    def raw_position(self, section: int, position: int) -> int:
        """Among all that are listed there; those that are excluded too are not seen by an editor."""
        posts = self.sections[section][1]
        shown = [place for place, post in enumerate(posts) if post.post_id not in self.exclude]
        return shown[position] if position < len(shown) else len(posts)

    def section_titled(self, title: str | None) -> int | None:
        titles = [(section[0] or "").strip().casefold() for section in self.sections]
        wanted = (title or "").strip().casefold()
        return titles.index(wanted) if wanted in titles else None

    # --- another one ---

    def with_post(self, number: int, place: int, post: Listed) -> Shape:
        title, posts = self.sections[number]
        return self.with_section(number, (title, (*posts[:place], post, *posts[place:])))

    def without_post(self, number: int, place: int) -> Shape:
        title, posts = self.sections[number]
        return self.with_section(number, (title, without(posts, place)))

    def with_section(self, number: int, section: Section) -> Shape:
        return self._replace(sections=(*self.sections[:number], section, *self.sections[number + 1 :]))

    def with_new_section(self, number: int, section: Section) -> Shape:
        return self._replace(sections=(*self.sections[:number], section, *self.sections[number:]))

    def without_section(self, number: int) -> Shape:
        return self._replace(sections=without(self.sections, number))


def without(items: tuple[Item, ...], place: int) -> tuple[Item, ...]:
    return (*items[:place], *items[place + 1 :])
