"""The beginning of a post: up to where its author said, else its first sentences."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import NamedTuple

from lxml.html import HtmlElement

from newsletter.posts.rework import inner_html
from newsletter.posts.sanitize import safe_inline
from newsletter.posts.shortcodes import MORE

LIMIT_CHARACTERS = 300
_ENOUGH_CHARACTERS = 160
_LONGEST_SENTENCE = 420
_TOO_SHORT = 120
_MAX_AUTHOR_CHARACTERS = 1_000

_LEFT_OUT = frozenset(("h1", "h2", "h3", "h4", "h5", "h6", "pre", "table", "figure", "section"))
_ONE_PARAGRAPH = frozenset(("div", "li", "dd", "dt", "center"))
_SENTENCE_END = re.compile(r"[.!?…؟۔]+[\"'”’»)\]]*(?=\s|$)|[。！？]+[」』”’）]*")
_TITLES = (
    "dr",
    "mr",
    "mrs",
    "ms",
    "mx",
    "prof",
    "st",
    "sr",
    "jr",
    "rev",
    "hon",
    "gen",
    "col",
    "capt",
    "lt",
    "sgt",
    "mme",
)
_SHORT_WORDS = (
    "vs",
    "e.g",
    "i.e",
    "cf",
    "no",
    "nos",
    "vol",
    "ed",
    "eds",
    "fig",
    "figs",
    "approx",
    "dept",
    "inc",
    "ltd",
    "co",
)
_FOREIGN = ("bzw", "z.b", "d.h", "nr", "ca", "al", "mt", "ft", "u.s", "u.k", "a.m", "p.m")
_ABBREVIATIONS = frozenset((*_TITLES, *_SHORT_WORDS, *_FOREIGN))
_TITLE_LIKE_CHARACTERS = 90
_OUTER_BREAKS = re.compile(r"\A(?:\s|<br>)+|(?:\s|<br>)+\Z")


class Summary(NamedTuple):
    html: str
    text: str


def summarise(tree: HtmlElement) -> Summary:
    """Of the reworked body, which may hold the mark `MORE`."""
    marked = list(_before_mark(tree))
    if marked:
        return _joined(marked)
    candidates = [element for element in _paragraphs(tree) if _text(element)]
    if not candidates:  # a text of lists or quotations only
        candidates = [element for element in _paragraphs(tree, quotes=True, lists=True) if _text(element)]
    return _joined(_automatic(candidates))


def from_author(paragraphs: list[HtmlElement]) -> Summary:
    """What the author wrote as summary, whole but for a whole text put there."""
    kept = []
    room = _MAX_AUTHOR_CHARACTERS
    for element in paragraphs:
        kept.append(_cut(element, room) if len(_text(element)) > room else element)
        room -= len(_text(element))
        if room <= 0:
            break
    return _joined(kept)


def drop_mark(tree: HtmlElement) -> None:
    """Take the mark out, and the paragraph in which it stood alone."""
    for element in list(tree.iter()):
        for name in ("text", "tail"):
            value = getattr(element, name)
            if value and MORE in value:
                setattr(element, name, value.replace(MORE, ""))
    for element in list(tree.iter("p")):
        if len(element) == 0 and not (element.text or "").strip():
            element.drop_tree()


# --- which paragraphs -----------------------------------------------------------------------------------------


def _paragraphs(tree: HtmlElement, *, quotes: bool = False, lists: bool = False) -> Iterator[HtmlElement]:
    skipped = _LEFT_OUT | (frozenset() if quotes else {"blockquote"}) | (frozenset() if lists else {"ul", "ol", "dl"})
    for child in tree:
        if child.tag in skipped:
            continue
        if child.tag == "p" or (child.tag in _ONE_PARAGRAPH and _begins_with_text(child)):
            yield _bare(child)
        elif child.tag in ("div", "blockquote", "ul", "ol", "dl", "li", "dd"):
            yield from _paragraphs(child, quotes=quotes, lists=lists)


def _begins_with_text(element: HtmlElement) -> bool:
    """A list item may hold a list after its own text."""
    return not _has_blocks(element) or (element.tag == "li" and bool((element.text or "").strip()))


def _has_blocks(element: HtmlElement) -> bool:
    return any(
        child.tag in ("p", "div", "ul", "ol", "blockquote", "pre", "table", "figure")
        for child in element.iter()
        if child is not element
    )


def _bare(element: HtmlElement) -> HtmlElement:
    """A copy of the paragraph without pictures and footnote marks; a list item gets a dot."""
    bare = copy.deepcopy(element)
    bare.tail = None
    for child in list(bare.iter("img", "sup", "pre", "table", "ul", "ol")):
        if child.tag != "sup" or re.fullmatch(r"\s*\[?\d{1,3}\]?\s*", child.text_content()):
            child.drop_tree()
    if bare.tag == "li":
        bare.text = "• " + (bare.text or "").lstrip()
    return bare


def _before_mark(tree: HtmlElement) -> Iterator[HtmlElement]:
    if MORE not in tree.text_content():
        return
    for element in _paragraphs(tree, quotes=True, lists=True):
        text = element.text_content()
        if MORE in text:
            cut = _cut_at(element, text.index(MORE))
            if _text(cut):
                yield cut
            return
        if _text(element):
            yield element


def _automatic(candidates: list[HtmlElement]) -> list[HtmlElement]:
    running = [element for element in candidates if not _is_title_like(element)] or candidates
    taken: list[HtmlElement] = []
    room = LIMIT_CHARACTERS
    for element in running:
        length = len(_text(element))
        if length <= room:
            taken.append(element)
            room -= length
        elif not taken or room > LIMIT_CHARACTERS - _ENOUGH_CHARACTERS:
            taken.append(_cut(element, room))
            break
        if room <= LIMIT_CHARACTERS - _ENOUGH_CHARACTERS:
            break
    return taken


def _is_title_like(element: HtmlElement) -> bool:
    """A heading of plain text, a byline, or a line that is only a link: no sentence to begin with."""
    text = _text(element)
    only_link = (
        len(element) == 1
        and element[0].tag == "a"
        and not (element.text or "").strip()
        and not (element[0].tail or "").strip()
    )
    return only_link or (len(text) <= _TITLE_LIKE_CHARACTERS and not re.search(r"[.!?…:;,。！？؟][\"'”’»)\]]*$", text))


# --- cutting --------------------------------------------------------------------------------------------------


def _cut(element: HtmlElement, room: int) -> HtmlElement:
    """The paragraph up to the end of a sentence: the last within `room` characters, or one soon after it."""
    text = element.text_content()
    ends = sentence_ends(text)
    within = max((end for end in ends if end <= room), default=0)
    beyond = min((end for end in ends if room < end <= _LONGEST_SENTENCE), default=0)
    if best := within if within >= min(_TOO_SHORT, room) or not beyond else beyond:
        return _cut_at(element, best)
    space = text.rfind(" ", 0, room)
    return _cut_at(element, space if space > room // 2 else room, "…")


def sentence_ends(text: str) -> list[int]:
    """The positions behind the sentences of a text; "Dr. Smith" and "e.g. this" hold none."""
    return [found.end() for found in _SENTENCE_END.finditer(text) if not _is_abbreviation(text, found)]


def _is_abbreviation(text: str, found: re.Match[str]) -> bool:
    after = text[found.end() :].lstrip()[:1]
    if after.islower() or found[0] != ".":
        return after.islower()
    word = re.search(r"[\w.]*$", text[max(0, found.start() - 20) : found.start()])
    before = word[0].lower() if word else ""
    is_initial = len(before) == 1 and before.isalpha() and before != "i"
    return before in _ABBREVIATIONS or is_initial


def _cut_at(element: HtmlElement, length: int, ending: str = "") -> HtmlElement:
    """A copy of the element with only the first `length` characters of its text; tags stay whole."""
    cut = copy.deepcopy(element)
    _Scissors(length, ending).shorten(cut)
    return cut


class _Scissors:
    def __init__(self, length: int, ending: str) -> None:
        self._left = length
        self._ending = ending

    def shorten(self, element: HtmlElement) -> None:
        element.text = self._take(element.text)
        for child in list(element):
            if self._left <= 0:
                element.remove(child)
                continue
            self.shorten(child)
            child.tail = self._take(child.tail)

    def _take(self, text: str | None) -> str | None:
        if not text:
            return text
        taken = text[: max(self._left, 0)]
        self._left -= len(text)
        if self._left <= 0 and taken:
            taken = taken.rstrip() + self._ending
            self._ending = ""
        return taken


# --- the result -----------------------------------------------------------------------------------------------


def _text(element: HtmlElement) -> str:
    return " ".join(element.text_content().split())


def _joined(elements: list[HtmlElement]) -> Summary:
    pairs = [(_OUTER_BREAKS.sub("", safe_inline(inner_html(element))), _text(element)) for element in elements]
    pairs = [(markup, text) for markup, text in pairs if text]
    return Summary("\n".join(f"<p>{markup}</p>" for markup, _ in pairs), "\n\n".join(text for _, text in pairs))
