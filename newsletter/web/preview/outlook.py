"""What Outlook for Windows (2007 to 2021, Word's engine) makes of a mail, as far as a browser can show it."""

from __future__ import annotations

import re

from newsletter.emails.checks.client_support import support
from newsletter.emails.checks.features import SERIOUS
from newsletter.web.preview import markup

CLIENT = "outlook-windows"
HARMLESS = (
    r"border-radius:.*", r"(?:box|text)-shadow:.*", r"(?:min|max)-(?:width|height):.*", r"background-image:.*",
    r"opacity:.*", r"overflow(?:-[xy])?:.*", r"(?:overflow|word)-wrap:.*", r"word-break:.*", r"outline.*",
    r"display:inline-block.*", r"list-style(?:-image|-position)?:.*", r"transition.*", r"object-.*",
)  # fmt: skip
"""What it does not know beside that by which layout breaks (caniemail.com, 2026-05): corners, shadows, limits."""
_BOX = re.compile(r"(?<![-\w])(?:padding|width|height)(?:-\w+)?\s*:[^;]*;?", re.IGNORECASE)
_BLOCK_TAG = re.compile(r"<(?:div|p|span|a|ul|ol|li|h[1-6])\b", re.IGNORECASE)
_NOT_FOR_OUTLOOK = re.compile(
    r"<!--\[if !mso.*?\]>(?:<!-->|<!--\s*-->)?.*?(?:<!--\s*)?<!\[endif\]-->", re.DOTALL | re.IGNORECASE
)
_FOR_OUTLOOK = re.compile(r"<!--\[if [^\]]*\]>(.*?)<!\[endif\]-->", re.DOTALL | re.IGNORECASE)


def like_outlook(html: str) -> str:
    html = _FOR_OUTLOOK.sub(r"\1", _NOT_FOR_OUTLOOK.sub("", html))
    html = markup.in_style_blocks(html, _without_media)
    html = markup.in_styles(html, _known)
    return markup.in_tags(html, _without_box)


def _without_box(tag: str) -> str:
    """Word knows padding, width and height on tables and pictures only."""
    return markup.in_attribute(tag, "style", lambda css: _BOX.sub("", css)) if _BLOCK_TAG.match(tag) else tag


def _without_media(css: str) -> str:
    """Media queries are passed over whole; braces stand within them, so they are counted."""
    kept, at = [], 0
    for found in re.finditer(r"@media[^{]*\{", css):
        if found.start() < at:
            continue
        kept.append(css[at : found.start()])
        at = _end_of_block(css, found.end())
    return "".join([*kept, css[at:]])


def _end_of_block(css: str, at: int) -> int:
    depth = 1
    while at < len(css) and depth:
        depth += {"{": 1, "}": -1}.get(css[at], 0)
        at += 1
    return at


def _known(css: str) -> str:
    def keep(found: re.Match[str]) -> str:
        declaration = re.sub(r"\s*:\s*", ":", found[0].strip().rstrip(";"), count=1).lower()
        return "" if any(pattern.search(declaration) for pattern in _UNKNOWN) else found[0]

    return re.sub(r"[-\w]+\s*:[^;{}]*;?", keep, css)


_UNKNOWN = [
    re.compile(pattern if pattern.startswith("^") else f"^{pattern}")
    for pattern in (
        *HARMLESS,
        *(one.css for one in SERIOUS if one.css and CLIENT in support()["features"][one.slug]["fails"]),
    )
]
