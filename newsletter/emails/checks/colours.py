"""Colours as style sheets write them, and how well one can be read on another (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re
from colorsys import hls_to_rgb
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

_HEX = re.compile(r"#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)
_FUNCTION = re.compile(r"(rgb|hsl)a?\(([^()]*)\)", re.IGNORECASE)
_IN_BACKGROUND = re.compile(r"#[0-9a-f]{3,8}\b|(?:rgb|hsl)a?\([^()]*\)|\b[a-z]+\b", re.IGNORECASE)


class Colour(NamedTuple):
    red: float
    """0 to 255, as the others."""
    green: float
    blue: float
    alpha: float = 1.0

    @property
    def name(self) -> str:
        return "#" + "".join(f"{round(part):02x}" for part in self[:3])

    def over(self, below: Colour) -> Colour:
        """What is seen when it lies on an opaque colour."""
        parts = [
            mine * self.alpha + theirs * (1 - self.alpha) for mine, theirs in zip(self[:3], below[:3], strict=True)
        ]
        return Colour(*parts)


WHITE, BLACK = Colour(255, 255, 255), Colour(0, 0, 0)


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    lines = files(__package__).joinpath("colour_names.txt").read_text("ascii").splitlines()
    return {name: "#" + value for name, _, value in (line.partition(" ") for line in lines)}


@lru_cache(maxsize=1024)
def parsed(text: str) -> Colour | None:
    """The colour; None for what is none, or depends on something else (`inherit`, `var()`)."""
    text = text.strip().lower()
    if text == "transparent":
        return Colour(0, 0, 0, 0)
    text = _names().get(text, text)
    if found := _HEX.fullmatch(text):
        digits = found[1] if len(found[1]) > 4 else "".join(digit * 2 for digit in found[1])
        red, green, blue, *alpha = (int(digits[at : at + 2], 16) for at in range(0, len(digits), 2))
        return Colour(red, green, blue, alpha[0] / 255 if alpha else 1.0)
    found = _FUNCTION.fullmatch(text)
    return _of_function(found[1], re.split(r"[\s,/]+", found[2].strip())) if found else None


def _of_function(kind: str, parts: list[str]) -> Colour | None:
    if len(parts) not in (3, 4):
        return None
    try:
        alpha = _number(parts[3], 1) if len(parts) == 4 else 1.0
        if kind == "rgb":
            return _colour([_number(part, 255) for part in parts[:3]], alpha)
        hue, saturation, lightness = float(parts[0].removesuffix("deg")), _number(parts[1], 1), _number(parts[2], 1)
        return _colour([part * 255 for part in hls_to_rgb(hue % 360 / 360, lightness, saturation)], alpha)
    except ValueError:
        return None


def _colour(parts: list[float], alpha: float) -> Colour:
    red, green, blue = parts
    return Colour(red, green, blue, alpha)


def _number(text: str, whole: float) -> float:
    value = float(text[:-1]) / 100 * whole if text.endswith("%") else float(text)
    return min(max(value, 0.0), whole)


def in_background(value: str) -> Colour | None:
    """The colour in the value of `background`."""
    without_images = re.sub(r"(?:url|[a-z-]*gradient)\([^()]*(?:\([^()]*\)[^()]*)*\)", " ", value, flags=re.IGNORECASE)
    if without_images.strip().lower() == "none":
        return Colour(0, 0, 0, 0)
    found = (parsed(part[0]) for part in _IN_BACKGROUND.finditer(without_images))
    return next((colour for colour in found if colour is not None), None)


def contrast(one: Colour, other: Colour) -> float:
    """1 (the same) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [part / 255 for part in colour[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
