"""The look of a mail: the theme's `design.toml` with the site's `[design]` over it, and whether it can be read.

A theme says every value; the site says only what it wants differently. Contrast is WCAG 2.2, success criterion 1.4.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import ValidationError

from newsletter.emails.folders import packaged_templates, tables
from newsletter.errors import TemplateBroken
from newsletter.settings import DesignSettings, Settings

DESIGN_FILE = "design.toml"
MIN_CONTRAST = 4.5
"""Of any text; the 3.0 that large text may have is not used: the same colours are used small elsewhere."""
Scheme = Literal["light", "dark"]

_BACKGROUNDS: Mapping[str, tuple[str, ...]] = {
    "heading": ("card", "page"),
    "text": ("card", "page", "tint"),
    "quiet": ("card", "page", "tint"),
    "accent": ("card", "page", "tint"),
    "on_accent": ("accent",),
}
"""What each colour of text stands on."""
SITE_SCHEME = "site:"
"""Begins the address of a logo that is a file: `site:logo.png`, within the site's folder."""


class Palette(NamedTuple):
    """The colours of one scheme, each `#rrggbb`."""

    page: str
    card: str
    tint: str
    rule: str
    heading: str
    text: str
    quiet: str
    accent: str
    on_accent: str


class Design(NamedTuple):
    """Every value that a theme's templates and style rules use; lengths in pixels."""

    light: Palette
    dark: Palette
    body_font: str
    heading_font: str
    width: int
    margin: int
    radius: int
    logo: str
    logo_dark: str
    logo_width: int

    @property
    def content_width(self) -> int:
        """Of the text, and of an image in it."""
        return self.width - 2 * self.margin


def logo_address(logo: str) -> str:
    """By which the pictures of an issue know a logo; a file in the site's folder has no address on the web yet."""
    return logo if not logo or logo.startswith(("http://", "https://")) else SITE_SCHEME + logo


class Faint(NamedTuple):
    """A colour that cannot be read on another."""

    scheme: Scheme
    name: str
    problem: str


def design_of(settings: Settings, theme: str) -> Design:
    """The look of a digest with this theme; raises `TemplateBroken` for a theme's bad `design.toml`."""
    merged: dict[str, Any] = {}
    for table in tables([settings.templates_folder, packaged_templates()], theme, DESIGN_FILE):
        merged = _over(merged, table)
    merged = _over(merged, settings.design.model_dump(exclude_none=True, exclude_defaults=True))
    try:
        checked = DesignSettings.model_validate(merged)
        values = checked.model_dump()
        return Design(**{**values, "light": Palette(**values["light"]), "dark": Palette(**values["dark"])})
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        what = f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
        raise TemplateBroken(
            f"{theme}/{DESIGN_FILE}: {what}", template=f"{theme}/{DESIGN_FILE}", fix="mend this value"
        ) from error


def _over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _over(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return merged


# --- contrast --------------------------------------------------------------------------------------------------


def contrast(one: str, other: str) -> float:
    """The contrast of two `#rrggbb`, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def faint(design: Design) -> Iterator[Faint]:
    """Every text colour that is too close to what it stands on, with the nearest one that would do."""
    for scheme, palette in (("light", design.light), ("dark", design.dark)):
        colours = palette._asdict()
        for name, backgrounds in _BACKGROUNDS.items():
            worst = min(backgrounds, key=lambda behind: contrast(colours[name], colours[behind]))
            ratio = contrast(colours[name], colours[worst])
            if ratio < MIN_CONTRAST:
                shown = f"{colours[name]} on {worst} {colours[worst]} has a contrast of {_cut(ratio)}:1"
                nearest = _readable(colours[name], [colours[behind] for behind in backgrounds])
                hint = f", for example {nearest}" if nearest else f"; change {worst} too"
                yield Faint(_scheme(scheme), name, f"{shown}; at least {MIN_CONTRAST}:1 is wanted{hint}")


def _scheme(name: str) -> Scheme:
    return "dark" if name == "dark" else "light"


def _cut(ratio: float) -> str:
    """With one decimal, never rounded up: 4.49 must not read as 4.5."""
    return f"{int(ratio * 10) / 10:.1f}"


def _readable(colour: str, backgrounds: list[str]) -> str | None:
    """The nearest shade of the colour that can be read on all of the backgrounds."""
    for step in range(1, 101):
        for goal in (0, 255):
            shade = "#" + "".join(f"{round(part + (goal - part) * step / 100):02x}" for part in _parts(colour))
            if all(contrast(shade, behind) >= MIN_CONTRAST for behind in backgrounds):
                return shade
    return None


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    shares = (part / 255 for part in _parts(colour))
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
