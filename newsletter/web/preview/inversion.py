"""Colours as programs force them into the dark: each colour of the mail replaced, texts and backgrounds apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from newsletter.emails.checks.colours import BLACK, WHITE, Colour, parsed
from newsletter.web.preview import markup

Use = Literal["text", "background"]
Turn = Callable[[Colour, Use], Colour]

_DECLARATION = re.compile(
    r"(?<![-\w])(background-color|background|border(?:-\w+)*|outline-color|color|fill)(\s*:\s*)([^;{}\"]+)",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|rgba?\([^()]*\)|hsla?\([^()]*\)|\b(?:white|black)\b", re.IGNORECASE)
_LIGHTEST_DARK = 0.11
"""Gmail and Outlook make white a dark grey, not black."""


def all_turned(colour: Colour, _: Use) -> Colour:
    """Light becomes dark and dark becomes light, the hue stays (Gmail on iOS)."""
    return _with_lightness(colour, 1 - _lightness(colour) * (1 - _LIGHTEST_DARK))


def light_darkened(colour: Colour, use: Use) -> Colour:
    """Only light backgrounds and dark texts are changed (Outlook's apps, Outlook.com)."""
    if (_lightness(colour) > 0.5) != (use == "background"):
        return colour
    return all_turned(colour, use)


def inverted(html: str, turn: Turn) -> str:
    html = markup.in_styles(html, lambda css: _in_css(css, turn))
    html = markup.in_tags(html, lambda tag: _in_attributes(tag, turn))
    background, text = turn(WHITE, "background").name, turn(BLACK, "text").name
    return markup.at_head(html, f"<style>html{{background:{background};color:{text}}}</style>")


def _in_attributes(tag: str, turn: Turn) -> str:
    tag = markup.in_attribute(tag, "bgcolor", lambda value: _in_value(value, turn, "background"))
    return markup.in_attribute(tag, "color", lambda value: _in_value(value, turn, "text"))


def _use(name: str) -> Use:
    return "text" if name.lower() in ("color", "fill") else "background"


def _in_css(css: str, turn: Turn) -> str:
    return _DECLARATION.sub(lambda found: found[1] + found[2] + _in_value(found[3], turn, _use(found[1])), css)


def _in_value(value: str, turn: Turn, use: Use) -> str:
    def turned(found: re.Match[str]) -> str:
        colour = parsed(found[0])
        if colour is None or colour.alpha == 0:
            return found[0]
        new = turn(colour, use)
        return new.name if colour.alpha == 1 else f"rgba({new.red:.0f},{new.green:.0f},{new.blue:.0f},{colour.alpha})"

    return _COLOUR.sub(turned, value)


def _lightness(colour: Colour) -> float:
    return (max(colour[:3]) + min(colour[:3])) / 2 / 255


def _with_lightness(colour: Colour, lightness: float) -> Colour:
    """Hue and chroma stay. (HSL's saturation would make a glaring brown of an almost white yellow.)"""
    by = (lightness - _lightness(colour)) * 255
    red, green, blue = (min(max(part + by, 0.0), 255.0) for part in colour[:3])
    return Colour(red, green, blue, colour.alpha)
