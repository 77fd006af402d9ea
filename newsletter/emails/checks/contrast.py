"""Text that can be read: 4.5 to 1, large text 3 to 1 (WCAG 2.2, 1.4.3), in light and in dark, from declared colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from newsletter.emails.checks import css
from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.colours import contrast
from newsletter.emails.checks.problem import Check, Found
from newsletter.emails.checks.schemes import SeenText, seen_texts

NORMAL, LARGE = 4.5, 3.0


def find(checked: Checked) -> Iterator[Found]:
    schemes: list[Literal["light", "dark"]] = ["light"]
    if any("prefers-color-scheme" in rule.media for sheet in checked.sheets for rule in css.rules(sheet)):
        schemes.append("dark")
    for scheme in schemes:
        pale: dict[tuple[str, str, bool], list[SeenText]] = {}
        for text in seen_texts(checked.page, checked.sheets, scheme):
            if contrast(text.colour, text.background) < (LARGE if text.is_large else NORMAL) - 0.005:
                pale.setdefault((text.colour.name, text.background.name, text.is_large), []).append(text)
        for (colour, background, is_large), texts in pale.items():
            first = texts[0]
            ratio = contrast(first.colour, first.background)
            fix = f"choose colours with at least {LARGE if is_large else NORMAL:g} to 1"
            if scheme == "dark":
                fix += "; what a template or a post colours itself needs a rule for the dark in parts/head.mjml.j2"
            others = f" and in {len(texts) - 1} more places" if len(texts) > 1 else ""
            yield Found(
                checked.in_theme(colour, background),
                f"in {scheme} colours “{shown(first.text)}” ({checked.place(first.element)}{others}) has a contrast "
                f"of {ratio:.1f} to 1: {colour} on {background}",
                fix,
            )


CHECK = Check("contrast", "error", find)
