"""The places of finished HTML where styles stand, each given to a function and put back."""

from __future__ import annotations

import re
from collections.abc import Callable

Change = Callable[[str], str]

_STYLE_BLOCK = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[a-z](?:[^>\"']|\"[^\"]*\"|'[^']*')*>", re.IGNORECASE)


def in_style_blocks(html: str, change: Change) -> str:
    return _STYLE_BLOCK.sub(lambda found: found[1] + change(found[2]) + found[3], html)


def without_style_blocks(html: str) -> str:
    return _STYLE_BLOCK.sub("", html)


def in_tags(html: str, change: Change) -> str:
    """Each opening tag."""
    return _TAG.sub(lambda found: change(found[0]), html)


def in_attribute(tag: str, name: str, change: Change) -> str:
    """The value of an attribute, in whichever quotes it stands."""
    pattern = re.compile(rf"(\s{name}=)(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)

    def changed(found: re.Match[str]) -> str:
        quote = '"' if found[2] is not None else "'"
        return f"{found[1]}{quote}{change(found[2] if found[2] is not None else found[3])}{quote}"

    return pattern.sub(changed, tag)


def in_styles(html: str, change: Change) -> str:
    """Style blocks and style attributes."""
    return in_tags(in_style_blocks(html, change), lambda tag: in_attribute(tag, "style", change))


def in_head(html: str, piece: str) -> str:
    """At the end of the head, so that it has the last word."""
    at = html.lower().find("</head>")
    return html[:at] + piece + html[at:] if at >= 0 else piece + html


def at_head(html: str, piece: str) -> str:
    """At the beginning of the head, so that all the rest goes over it."""
    return re.sub(r"<head\b[^>]*>", lambda found: found[0] + piece, html, count=1, flags=re.IGNORECASE)
