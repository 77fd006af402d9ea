"""A page of text that holds many posts: a line that is only a date, then a title, begins one."""

from __future__ import annotations

from collections import Counter
from datetime import date
from importlib import resources
from typing import NamedTuple

from newsletter.posts.dated_lines import DatedLine, dated_line

MAX_TITLE_CHARACTERS = 250
MAX_CLOSING_CHARACTERS = 2_000
"""What follows a closing heading up to the end of the page; more than this is text of the last post."""


class DumpedPost(NamedTuple):
    day: date
    title: str
    body: str
    line: int
    """Where the post begins."""


class Dump(NamedTuple):
    posts: tuple[DumpedPost, ...]
    before: str
    """Text above the first post, which belongs to none."""
    closing: str
    """The page's closing block (membership, contact, …) below the last post; empty if it was kept or there is none."""


def count_posts(text: str) -> int:
    return len(_starts(text.split("\n")))


def read_dump(text: str, *, keep_closing: bool = False) -> Dump:
    """The posts of a page, in its order."""
    lines = text.split("\n")
    starts = _starts(lines)
    if not starts:
        return Dump((), text.strip(), "")
    ends = [start.line for start in starts[1:]] + [len(lines)]
    posts = [_post(start, lines[start.body_line : end]) for start, end in zip(starts, ends, strict=True)]
    closing = ""
    if not keep_closing:
        body, closing = cut_closing(posts[-1].body)
        posts[-1] = posts[-1]._replace(body=body)
    return Dump(tuple(posts), "\n".join(lines[: starts[0].line]).strip(), closing)


class _Start(NamedTuple):
    line: int
    body_line: int
    day: date
    title: str


def _post(start: _Start, lines: list[str]) -> DumpedPost:
    return DumpedPost(start.day, start.title, "\n".join(lines).strip("\n").rstrip(), start.line + 1)


def _starts(lines: list[str]) -> list[_Start]:
    dated = [(number, found) for number, line in enumerate(lines) if (found := _begins(lines, number))]
    if not dated:
        return []
    # A date inside a post ("7 November 2023" above a programme) is seldom written like those of the page itself.
    form = Counter(found.form for _, found in dated).most_common(1)[0][0]
    form = form if len(dated) > 2 else dated[0][1].form
    dated = [(number, found) for number, found in dated if found.form == form]
    day_first = _is_day_first([found for _, found in dated])
    starts = [_start(lines, number, found, day_first=day_first) for number, found in dated]
    return [start for start in starts if start is not None]


def _begins(lines: list[str], number: int) -> DatedLine | None:
    if number and lines[number - 1].strip():
        return None
    return dated_line(lines[number])


def _start(lines: list[str], number: int, found: DatedLine, *, day_first: bool) -> _Start | None:
    day = found.day(day_first=day_first)
    title_line = next((at for at in range(number + 1, len(lines)) if lines[at].strip()), None)
    if day is None or title_line is None:
        return None
    title = " ".join(lines[title_line].split())
    if len(title) > MAX_TITLE_CHARACTERS or dated_line(title):
        return None
    return _Start(number, title_line + 1, day, title)


def _is_day_first(dated: list[DatedLine]) -> bool:
    """Whether 2/11/2023 is in November: as the other dates of the page tell, else as most countries write."""
    firsts = [found.numbers[1] for found in dated]
    seconds = [found.numbers[2] for found in dated]
    return any(first > 12 for first in firsts) or not any(second > 12 for second in seconds)


# --- the closing block ----------------------------------------------------------------------------------------


def cut_closing(body: str) -> tuple[str, str]:
    """The last post's body, and the page's closing block, which begins with a packaged closing heading.

    Only a line that is exactly such a heading, between empty lines, with text above it and little below it.
    """
    headings = closing_headings()
    lines = body.split("\n")
    for number in range(1, len(lines)):
        if lines[number].strip().rstrip(":").casefold() not in headings or lines[number - 1].strip():
            continue
        above, below = "\n".join(lines[:number]).rstrip(), "\n".join(lines[number:]).strip()
        if above.strip() and len(below) <= MAX_CLOSING_CHARACTERS:
            return above, below
    return body, ""


def closing_headings() -> frozenset[str]:
    text = resources.files("newsletter.posts").joinpath("closing_headings.txt").read_text("utf-8")
    lines = (line.strip() for line in text.splitlines())
    return frozenset(line.casefold() for line in lines if line and not line.startswith("#"))
