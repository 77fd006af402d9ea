"""Plain text → HTML that reads as the text was meant: paragraphs, lists, bare addresses as links."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

_BULLET = re.compile(r"\s*[•‣▪●◦∙·–*-]\s+(?=\S)")
_NUMBER = re.compile(r"\s*(?P<number>\d{1,3})[.)]\s+(?=\S)")
_ADDRESS = re.compile(
    r"""https?://[^\s<>"“”]+|(?<![\w@./-])www\.[\w-]+\.[^\s<>"“”]+|(?<![\w.@/])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"""
)
_WRAPPED_MIN, _WRAPPED_MAX = 50, 100
"""Lines of a text that a program or a careful author wrapped are about this long, in characters."""


def to_html(text: str) -> str:
    return "\n".join(_block(lines) for lines in blocks(text))


def blocks(text: str) -> list[list[str]]:
    """The runs of lines between empty lines; a list is a block of its own."""
    found: list[list[str]] = []
    for paragraph in re.split(r"\n[ \t\u00a0]*(?:\n[ \t\u00a0]*)*\n", text.strip("\n")):
        found.extend(_parted([line for line in paragraph.split("\n") if line.strip()]))
    return found


def _parted(lines: list[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in lines:
        if block and kind(line) != kind(block[0]) and not (kind(block[0]) and _continues(line)):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def _continues(line: str) -> bool:
    return not kind(line) and line[:2].strip() == ""


def kind(line: str) -> str:
    """ "bullet", "number", or empty for a line of text."""
    return "bullet" if _BULLET.match(line) else "number" if _NUMBER.match(line) else ""


def items(lines: list[str]) -> list[str]:
    """The items of a list, their marks taken off and their lines joined."""
    found: list[str] = []
    for line in lines:
        mark = _BULLET.match(line) or _NUMBER.match(line)
        if mark or not found:
            found.append(line[mark.end() if mark else 0 :].strip())
        else:
            found[-1] += " " + line.strip()
    return found


def numbers(lines: list[str]) -> list[int]:
    return [int(found["number"]) for line in lines if (found := _NUMBER.match(line))]


def is_list(lines: list[str]) -> str:
    """ "bullet" or "number" where the block is a list; a single "2023. It was …" is none."""
    what = kind(lines[0])
    counted = numbers(lines)
    in_order = counted == list(range(counted[0], counted[0] + len(counted))) if counted else False
    return what if what == "bullet" or (in_order and (len(counted) > 1 or counted == [1])) else ""


def is_wrapped(lines: list[str]) -> bool:
    """The breaks only come from the width of somebody's window, so the lines are one."""
    return len(lines) > 1 and all(_WRAPPED_MIN <= len(line.strip()) <= _WRAPPED_MAX for line in lines[:-1])


def _block(lines: list[str]) -> str:
    what = is_list(lines)
    if what:
        inside = "".join(f"<li>{linked(item)}</li>" for item in items(lines))
        return f"<ul>{inside}</ul>" if what == "bullet" else f'<ol start="{numbers(lines)[0]}">{inside}</ol>'
    joint = " " if is_wrapped(lines) else "<br>"
    return f"<p>{joint.join(linked(line.strip()) for line in lines)}</p>"


def linked(text: str) -> str:
    """The text as HTML, with its bare addresses as links."""
    parts = []
    end = 0
    for start, address in addresses_in(text):
        parts.append(html.escape(text[end:start], quote=False))
        parts.append(f'<a href="{html.escape(target(address))}">{html.escape(address, quote=False)}</a>')
        end = start + len(address)
    return "".join(parts) + html.escape(text[end:], quote=False)


def addresses_in(text: str) -> Iterator[tuple[int, str]]:
    """Where web and mail addresses begin, and the addresses without the punctuation behind them."""
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(".,;:!?'’)]}»…*_")
        if address.count("(") > address.count(")") and text[found.start() + len(address) :].startswith(")"):
            address += ")"
        if address.count(".") or "://" in address:
            yield found.start(), address


def target(address: str) -> str:
    if "://" in address:
        return address
    return f"https://{address}" if address.startswith("www.") else f"mailto:{address}"
