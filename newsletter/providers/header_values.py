"""Header values as an API wants them that takes headers as names and values: in ASCII, and sorted by who differs."""

from __future__ import annotations

from collections.abc import Mapping
from email.header import Header
from email.utils import parseaddr

from newsletter.providers.base import Markers

WORD_LENGTH = 75


def ascii_value(value: str) -> str:
    """The value with words beyond ASCII encoded (RFC 2047); an address in `<>` stays as it is.

    What an API makes of such words is rarely documented, and some put them into the message as they are.
    """
    if value.isascii():
        return value
    name, address = parseaddr(value)
    if name and value.endswith(f"<{address}>"):
        return f"{_words(name)} <{address}>"
    return _words(value)


def _words(text: str) -> str:
    """Encoded words of the length they may have, in one line: folding it is the provider's business."""
    return Header(text, "utf-8", maxlinelen=WORD_LENGTH).encode(linesep="")


def in_ascii(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: ascii_value(value) for name, value in headers.items()}


def by_sharing(headers: Mapping[str, str], markers: Markers) -> tuple[dict[str, str], dict[str, str]]:
    """The headers that are the same for all readers, and those that are not, markers open."""
    own = {name: value for name, value in headers.items() if markers.values(value)}
    return {name: markers.as_variables(value, str) for name, value in headers.items() if name not in own}, own
