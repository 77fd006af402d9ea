"""From what stands in the finished mail back to the file and line in which somebody wrote it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from newsletter.emails.checks.addresses import path_of

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
NEEDLE_LENGTH = 40
"""Characters of a text that are looked for in a post's file: Markdown may begin behind them."""


class Source(NamedTuple):
    """A file in which something of the email was written."""

    path: str
    """Within the site, `/` between the parts."""
    text: str = ""

    def at(self, *needles: str) -> str:
        """`path:line` of the first needle that stands in it, else the path alone."""
        for needle in filter(None, needles):
            if (found := self.text.find(needle)) >= 0:
                return f"{self.path}:{self.text.count(chr(10), 0, found) + 1}"
        return self.path

    def holds(self, *needles: str) -> bool:
        return any(needle in self.text for needle in needles if needle)


def needles_of(texts: tuple[str, ...]) -> Iterator[str]:
    """What is looked for in a file, the surest first."""
    for text in texts:
        yield text
        yield text[:NEEDLE_LENGTH] if len(text) > NEEDLE_LENGTH else unquote(text)
    for text in texts:
        name = path_of(text).rpartition("/")[2]
        if len(name) > 3:
            yield unquote(name)
        words = sorted(text.split() if "://" not in text else [], key=len, reverse=True)
        yield from (word for word in words[:3] if len(word) > 5)


# --- whose an element is --------------------------------------------------------------------------------------


def owner_by_element(body: Any, titles: Sequence[str], *, own_links: Collection[str]) -> dict[Any, int]:
    """The number of the post that each element belongs to; what belongs to the mail itself is not in it.

    An element is of the post whose heading is the only one in the nearest box around it that holds any. `own_links`
    are addresses that only the mail itself has: they keep its foot from counting as the last post's.
    """
    owners: dict[Any, set[int]] = {}
    for heading, number in _marks(body, [" ".join(title.split()) for title in titles], own_links):
        for box in (heading, *heading.iterancestors()):
            owners.setdefault(box, set()).add(number)
    numbers: dict[Any, set[int]] = {}
    for element in body.iter():
        numbers[element] = owners.get(element) or numbers.get(element.getparent(), set())
    alone = ((element, next(iter(found))) for element, found in numbers.items() if len(found) == 1)
    return {element: number for element, number in alone if number >= 0}


def _marks(body: Any, titles: list[str], own_links: Collection[str]) -> Iterator[tuple[Any, int]]:
    """Each post's heading with its number; -1 for what belongs to the mail itself."""
    top, number = body.find(".//h1"), 0
    for element in body.iter("a", *_HEADINGS):
        said = " ".join(element.text_content().split())
        if element is top or (element.tag == "a" and element.get("href") in own_links):
            yield element, -1
        elif element.tag != "a" and (at := _position(titles, number, said)) is not None:
            yield element, at
            number = at + 1


def _position(titles: list[str], start: int, heading: str) -> int | None:
    """Of the title that a heading shows; one that shows elsewhere than in a heading is passed over."""
    if start < len(titles) and titles[start] and titles[start] in heading:
        return start
    return next((at for at in range(start, len(titles)) if titles[at] == heading), None)
