"""How mail programs change a mail before they show it: HTML in, HTML out. Simulations, and labelled as such.

Each does what is known of a program and no more; what a real one does is seen in a real one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from newsletter.web.preview import inversion, markup, outlook

Scheme = Literal["light", "dark"]
Program = Literal["plain", "gmail-dark", "outlook-dark", "no-styles", "outlook-windows"]

_PREFERS = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_ALWAYS, _NEVER = "(min-width: 0)", "(max-width: 0)"


class Simulation(NamedTuple):
    """One program's way with a mail."""

    title: str
    says: str
    """What is simulated, and what is not."""
    change: Callable[[str], str]
    scheme: Scheme | None = None
    """The only scheme in which it makes sense; None: either."""


def in_scheme(html: str, scheme: Scheme) -> str:
    """As a program shows it that obeys the mail's own light and dark rules, whatever the browser around prefers."""

    def always_or_never(text: str) -> str:
        return _PREFERS.sub(lambda found: _ALWAYS if found[1].lower() == scheme else _NEVER, text)

    html = markup.in_style_blocks(html, always_or_never)
    html = markup.in_tags(html, lambda tag: markup.in_attribute(tag, "media", always_or_never))
    return markup.in_head(html, f"<style>:root{{color-scheme:{scheme} !important}}</style>")


SIMULATIONS: dict[Program, Simulation] = {
    "plain": Simulation("As it is", "A program that shows all of HTML and CSS, such as Apple Mail.", lambda html: html),
    "gmail-dark": Simulation(
        "Gmail app, dark",
        "Simulated: Gmail's app on an iPhone drops the mail's own dark rules and turns every colour round, "
        "pictures excepted.",
        lambda html: inversion.inverted(in_scheme(html, "light"), inversion.all_turned),
        "dark",
    ),
    "outlook-dark": Simulation(
        "Outlook app, dark",
        "Simulated: Outlook's apps and Outlook.com darken what is light and lighten text that is dark, and leave what "
        "is dark already.",
        lambda html: inversion.inverted(in_scheme(html, "light"), inversion.light_darkened),
        "dark",
    ),
    "no-styles": Simulation(
        "Without style blocks",
        "Simulated: Gmail's app for a mailbox of another provider keeps style attributes only: no rules for phones or "
        "for the dark.",
        markup.without_style_blocks,
        "light",
    ),
    "outlook-windows": Simulation(
        "Outlook for Windows",
        "Simulated: what only Outlook for Windows reads is shown, and the CSS that Word's engine does not know is "
        "taken out. Its own spacing, fonts and drawings (VML) are not simulated.",
        outlook.like_outlook,
        "light",
    ),
}
