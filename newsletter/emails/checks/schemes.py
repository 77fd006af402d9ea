"""How texts look in light and in dark: colours, sizes and what is hidden, from the style rules of the finished HTML.

The part of the cascade that mail needs: style blocks by weight and order, style attributes, `bgcolor`, inheritance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from newsletter.emails.checks import colours, css
from newsletter.emails.checks.colours import BLACK, WHITE, Colour

Scheme = Literal["light", "dark"]

DARK_CANVAS = Colour(18, 18, 18)
"""What Chromium and WebKit paint behind a page that opted in to dark and names no colour itself."""
_LINK = {"light": Colour(0, 0, 238), "dark": Colour(158, 158, 255)}
_WANTED = frozenset(
    {"color", "background", "background-color", "background-image", "font", "font-size", "font-weight", "display",
     "visibility"}
)  # fmt: skip
_HEADING_EM = {
    "h1": 2.0,
    "h2": 1.5,
    "h3": 1.17,
    "h4": 1.0,
    "h5": 0.83,
    "h6": 0.67,
    "small": 0.83,
    "sub": 0.83,
    "sup": 0.83,
}
_BOLD = frozenset({"b", "strong", "th", "h1", "h2", "h3", "h4", "h5", "h6"})
_NOTHING = ""
_UNSEEN = frozenset({"head", "style", "script", "title", "template"})
_SIZE_NAMES = {
    "xx-small": 9.0, "x-small": 10.0, "small": 13.0, "medium": 16.0, "large": 18.0, "x-large": 24.0, "xx-large": 32.0
}  # fmt: skip
_TO_PX = {"px": 1.0, "pt": 96 / 72, "in": 96.0, "cm": 37.8, "mm": 3.78, "pc": 16.0, "rem": 16.0}


class SeenText(NamedTuple):
    """A stretch of text as a reader sees it."""

    element: Any
    text: str
    colour: Colour
    background: Colour
    size_px: float
    is_bold: bool

    @property
    def is_large(self) -> bool:
        """24 px, or 18.66 px bold (WCAG 1.4.3: 18 and 14 points)."""
        return self.size_px >= 24 or (self.is_bold and self.size_px >= 18.66)


@dataclass(frozen=True, slots=True)
class _Look:
    colour: Colour
    background: Colour | None
    """None: a picture lies there, so nothing can be said."""
    size_px: float = 16.0
    is_bold: bool = False
    is_hidden: bool = False


Weighed = list[tuple[tuple[bool, bool, int, int], css.Declaration]]


def seen_texts(page: Any, sheets: list[str], scheme: Scheme) -> list[SeenText]:
    """Every text of the page that shows in this scheme, in order."""
    applied = _applied(page, sheets, scheme)
    is_dark_canvas = scheme == "dark" and _opts_in(page, sheets)
    look = _Look(WHITE, DARK_CANVAS) if is_dark_canvas else _Look(BLACK, WHITE)
    link = _LINK["dark" if is_dark_canvas else "light"]
    return list(_walk(page, look, applied, link))


def _opts_in(page: Any, sheets: list[str]) -> bool:
    metas = page.xpath("//meta[@name='color-scheme']/@content")
    return any("dark" in meta for meta in metas) or any(
        "dark" in declared.value
        for sheet in sheets
        for rule in css.rules(sheet)
        for declared in rule.declarations
        if declared.name == "color-scheme"
    )


def _walk(element: Any, above: _Look, applied: dict[Any, Weighed], link: Colour) -> Iterator[SeenText]:
    if not isinstance(element.tag, str) or element.tag in _UNSEEN:
        return
    look = _look(element, above, applied.get(element, []), link)
    if look.is_hidden:
        return
    for child in (None, *element):
        text = element.text if child is None else child.tail
        if child is not None:
            yield from _walk(child, look, applied, link)
        if text and look.background is not None and re.search(r"\w", text):
            shown = look.colour.over(look.background)
            yield SeenText(element, " ".join(text.split()), shown, look.background, look.size_px, look.is_bold)


# --- what applies ---------------------------------------------------------------------------------------------


def _applied(page: Any, sheets: list[str], scheme: Scheme) -> dict[Any, Weighed]:
    from cssselect import SelectorError

    applied: dict[Any, Weighed] = {}
    order = 0
    for rule in (rule for sheet in sheets for rule in css.rules(sheet) if _holds(rule.media, scheme)):
        wanted = [declared for declared in rule.declarations if declared.name in _WANTED]
        for selector in rule.selectors if wanted else ():
            order += 1
            try:
                path, weight = _path(selector)
            except SelectorError:
                continue
            for element in page.xpath(path) if path != _NOTHING else ():
                weighed = applied.setdefault(element, [])
                weighed += [((one.is_important, False, weight, order), one) for one in wanted]
    return applied


def _holds(media: str, scheme: Scheme) -> bool:
    if "prefers-color-scheme" in media:
        wanted = re.search(r"prefers-color-scheme\s*:\s*(\w+)", media)
        return wanted is None or wanted[1] == scheme  # without a value it holds in both (Media Queries 5)
    return not re.search(r"max-width|print|orientation|prefers-", media)


@lru_cache(maxsize=1024)
def _path(selector: str) -> tuple[str, int]:
    from cssselect import HTMLTranslator, parse

    # Of a state that no reader sees at first, or of marks that only Outlook.com puts in.
    if re.search(r":(?:hover|focus|active|visited|before|after|:)|\[data-ogs[bc]\]", selector):
        return _NOTHING, 0
    (tree,) = parse(selector)
    ids, classes, tags = tree.specificity()
    return HTMLTranslator().selector_to_xpath(tree), ids * 10_000 + classes * 100 + tags


def _look(element: Any, above: _Look, weighed: Weighed, link: Colour) -> _Look:
    """The look of an element from that of its parent and what is declared for it."""
    tag = element.tag
    own = [((one.is_important, True, 0, 0), one) for one in css.declarations(element.get("style") or "")]
    look = above
    if tag == "a" and element.get("href"):
        look = replace(look, colour=link)
    if tag in _BOLD:
        look = replace(look, is_bold=True)
    if tag in _HEADING_EM:
        look = replace(look, size_px=look.size_px * _HEADING_EM[tag])
    if bgcolor := colours.parsed(element.get("bgcolor") or ""):
        look = replace(look, background=bgcolor)
    for _, declared in sorted([*weighed, *own], key=lambda pair: pair[0]):
        if declared.name in _WANTED:
            look = _declared(look, declared, above)
    if look.background is not above.background and look.background is not None and look.background.alpha < 1:
        look = replace(look, background=look.background.over(above.background) if above.background else None)
    return look


def _declared(look: _Look, declared: css.Declaration, above: _Look) -> _Look:
    value = declared.value.lower()
    match declared.name:
        case "color":
            colour = above.colour if value == "inherit" else colours.parsed(value)
            return replace(look, colour=colour) if colour else look
        case "background" | "background-color":
            colour = colours.in_background(value)
            return replace(look, background=colour) if colour or "url(" in value or "gradient" in value else look
        case "background-image":
            # With a colour beneath it, that is what shows with images off and is meant to be read on.
            return look
        case "font-size":
            return replace(look, size_px=_size_px(value, above.size_px) or look.size_px)
        case "font-weight":
            return replace(look, is_bold=value in ("bold", "bolder") or (value.isdecimal() and int(value) >= 600))
        case "font":
            size = re.search(r"(?:^|\s)([\d.]+(?:px|pt|em|rem|%))", value)
            is_bold = bool(re.search(r"\b(?:bold|bolder|[6-9]00)\b", value))
            return replace(look, is_bold=is_bold, size_px=_size_px(size[1], above.size_px) or 16 if size else 16)
        case "display":
            return replace(look, is_hidden=value == "none")
        case _:
            return replace(look, is_hidden=look.is_hidden or value == "hidden")


def _size_px(value: str, parent_px: float) -> float | None:
    if value in _SIZE_NAMES:
        return _SIZE_NAMES[value]
    found = re.fullmatch(r"([\d.]+)([a-z%]+)", value)
    if not found:
        return None
    number, unit = float(found[1]), found[2]
    if unit in ("em", "%"):
        return number * parent_px / (100 if unit == "%" else 1)
    return number * _TO_PX[unit] if unit in _TO_PX else None
