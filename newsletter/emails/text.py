"""Plain text as carefully as HTML: visible characters, display widths, wrapping, and HTML written as text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from lxml import html as lxml_html

COLUMNS = 76
MAX_INDENTS = 6
"""Quotes and lists within each other that are still indented; deeper ones would leave no room for words."""
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_BLOCKS = frozenset(
    {"p", "div", "blockquote", "ul", "ol", "li", "dl", "dt", "dd", "pre", "table", "hr", "figure", "figcaption"}
    | {f"h{level}" for level in range(1, 7)}
)
_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
_TIGHT = frozenset({"li", "dt", "dd"})
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_NO_LINE_START = frozenset("、。，．！？：；」』）】〉》〕…ー々!?),.;:")


def visible(text: str) -> str:
    """The text without control characters and lone surrogates; line breaks and tabs stay.

    C1 characters go too: one of them is enough for Gmail to clip a short mail (email-bugs#41, read 2026-11).
    """
    return _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n"))


def one_line(text: str) -> str:
    """The text as a heading can hold it."""
    return " ".join(visible(text).split())


def shortened(text: str, length: int) -> str:
    """The text, cut between words and ended with an ellipsis where it is longer than `length` characters."""
    if len(text) <= length:
        return text
    cut = text[:length].rpartition(" ")[0] or text[: length - 1]
    return cut.rstrip(" ,;:.–—-") + "…"


# --- wrapping --------------------------------------------------------------------------------------------------


def width(text: str) -> int:
    """Columns on a terminal: 2 for wide characters (CJK, most emoji), 0 for combining and invisible ones."""
    return len(text) if text.isascii() else sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrap(text: str, columns: int = COLUMNS, first: str = "", rest: str = "") -> str:
    """Each line of the text wrapped; the very first line begins with `first`, all others with `rest`.

    An address is never broken; wide characters may be parted anywhere, anything else only at a space, or in the midst
    of a word that is longer than a line.
    """
    lines: list[str] = []
    for line in text.split("\n"):
        for wrapped in _wrapped(line, columns - max(width(first), width(rest))):
            lines.append(((rest if lines else first) + wrapped).rstrip(" "))
    return "\n".join(lines).replace("\u00a0", " ")


def _wrapped(line: str, columns: int) -> Iterator[str]:
    current = ""
    used = 0
    for space, unit in _units(line, columns):
        unit_width = width(unit)
        if current and used + len(space) + unit_width > columns:
            yield current
            current, used = unit, unit_width
        else:
            current += (space if current else "") + unit
            used = used + (len(space) if used else 0) + unit_width
    yield current


def _units(line: str, columns: int) -> Iterator[tuple[str, str]]:
    """What may not be parted, each with the space before it."""
    for word in re.split(r"[ \t]+", line.strip(" \t")):
        space = " "
        for unit in _unbroken(word, columns):
            yield space, unit
            space = ""


def _unbroken(word: str, columns: int) -> Iterator[str]:
    """An address stays whole, also in the midst of a word; what is written right before and behind it may be parted."""
    if "://" not in word:
        yield from _parts_of(word, columns)
        return
    if re.match(r"\W?\w+://", word):
        yield word
        return
    for number, part in enumerate(re.split(r"([!-~]*://[!-~]+)", word)):
        if part or number == 0:
            yield from [part] if number % 2 else _parts_of(part, columns)


def _parts_of(word: str, columns: int) -> Iterator[str]:
    if word.isascii() and len(word) <= columns:
        yield word
        return
    part, used, may_break = "", 0, False
    for character in word:
        taken = _character_width(character)
        is_wide = taken == 2 and character not in _NO_LINE_START
        if part and (is_wide or (may_break and character not in _NO_LINE_START and taken) or used + taken > columns):
            yield part
            part, used = "", 0
        part += character
        used += taken
        may_break = is_wide or (may_break and not taken)
    yield part


def underline(title: str, character: str = "=") -> str:
    """The title with a line under it, as long as its longest line; an address may be longer than a line may be."""
    longest = max(width(line) for line in title.split("\n"))
    return f"{title}\n{character * min(longest, COLUMNS)}"


def as_table(rows: list[list[str]], columns: int = COLUMNS, *, has_head: bool) -> str:
    """Cells in columns where they fit; else, with a head, each row as a list of `head: cell`, rows apart."""
    count = max(map(len, rows))
    full = [row + [""] * (count - len(row)) for row in rows]
    widths = [max(width(row[number]) for row in full) for number in range(count)]
    if sum(widths) + 3 * (count - 1) <= columns:
        lines = [" | ".join(_padded(row, widths)).rstrip() for row in full]
        rule = ["-+-".join("-" * each for each in widths)] if has_head else []
        # What is wrapped later must not lose its spaces.
        return "\n".join([*lines[:1], *rule, *lines[1:]]).replace(" ", "\u00a0")
    if has_head:
        return "\n\n".join(_listed(full[0], row) for row in full[1:])
    return "\n".join(" | ".join(filter(None, row)) for row in full)


def _padded(row: list[str], widths: list[int]) -> list[str]:
    return [cell + " " * (wanted - width(cell)) for cell, wanted in zip(row, widths, strict=True)]


def _listed(head: list[str], row: list[str]) -> str:
    return "\n".join(f"{name}: {cell}" if name else cell for name, cell in zip(head, row, strict=True) if cell)


# --- from HTML -------------------------------------------------------------------------------------------------


def to_text(html: str, columns: int = COLUMNS) -> str:
    """Sanitised HTML as plain text: paragraphs apart, lists and quotes marked, links as [1], addresses at the end."""
    writer = _Writer(columns)
    if html.strip():
        writer.write(lxml_html.fragment_fromstring(html, create_parent="div"))
    return writer.finished()


class _Writer:
    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._blocks: list[str] = []
        self._breaks: list[str] = []
        """What stands before each block: one line end between the items of a list, an empty line else."""
        self._line = ""
        self._links: list[str] = []
        self._prefixes: list[tuple[str, str]] = []
        self._is_tight = False
        self._was_tight = False

    def write(self, element: lxml_html.HtmlElement) -> None:
        tag, is_tight = element.tag, self._is_tight
        if tag in _BLOCKS:
            self._flush()
            self._is_tight = tag in _TIGHT or (is_tight and tag in ("ul", "ol", "dl"))
        if tag == "pre":
            self._code(element.text_content())
        elif tag == "table":
            self._table(element)
        elif tag in _HEADINGS:
            self._heading(element)
        elif tag == "sup" and (mark := re.fullmatch(r"\[?(\d+)\]?", element.text_content().strip())):
            self._line += mark[1].translate(_RAISED)  # a mark like [1] would be taken for that of a link
        elif tag in ("blockquote", "li", "dd") and len(self._prefixes) < MAX_INDENTS:
            self._indented(element)
        else:
            self._inside(element)
        if tag in _BLOCKS:
            self._flush()
            self._is_tight = is_tight

    def finished(self) -> str:
        self._flush()
        text = "".join(f"{before}{block}" for before, block in zip(self._breaks, self._blocks, strict=True))
        notes = "\n".join(f"[{number}] {address}" for number, address in enumerate(self._links, start=1))
        return f"{text}\n\n{notes}" if notes else text

    def _inside(self, element: lxml_html.HtmlElement) -> None:
        if element.tag == "br":
            self._line = self._line.rstrip(" ") + "\n"
        elif element.tag == "img" and element.get("alt"):
            self._say(f"[{element.get('alt')}]")
        self._say(element.text or "")
        for child in element:
            self.write(child)
            self._say(child.tail or "")
        if element.tag == "a":
            self._note(element)

    def _say(self, text: str) -> None:
        spaced = re.sub(r"[ \t\n]+", " ", text)
        is_at_start = not self._line or self._line[-1] in " \n"
        self._line += spaced.lstrip(" ") if is_at_start else spaced

    def _note(self, link: lxml_html.HtmlElement) -> None:
        address = link.get("href", "")
        shown = link.text_content().strip()
        if not address or address.startswith("#") or shown in (address, address.removeprefix("mailto:")):
            return
        if address not in self._links:
            self._links.append(address)
        self._line = f"{self._line.rstrip(' ')} [{self._links.index(address) + 1}]"

    def _indented(self, element: lxml_html.HtmlElement) -> None:
        first, rest = ("> ", "> ") if element.tag == "blockquote" else (_bullet(element), "  ")
        self._prefixes.append((first, rest if rest == "> " else " " * len(first)))
        count = len(self._blocks)
        self._inside(element)
        self._flush()
        if len(self._blocks) == count:
            self._append("")
        self._prefixes.pop()

    def _heading(self, heading: lxml_html.HtmlElement) -> None:
        self._inside(heading)
        title, self._line = self._line.strip(" \n"), ""
        if title:
            self._append(underline(wrap(title, self._columns - self._indent), "~"))

    def _table(self, table: lxml_html.HtmlElement) -> None:
        rows = [[self._cell(cell) for cell in row.xpath("./td|./th")] for row in table.iter("tr")]
        rows = [row for row in rows if any(row)]
        for caption in table.iter("caption"):
            self._inside(caption)
            self._flush()
        if rows:
            has_head = len(rows) > 1 and not table.xpath("(.//tr)[1]/td")
            self._append(as_table(rows, self._columns - self._indent, has_head=has_head))

    def _cell(self, cell: lxml_html.HtmlElement) -> str:
        """The words of a cell on one line, its links noted."""
        self._line = ""
        self._inside(cell)
        words, self._line = " ".join(self._line.split()), ""
        return words

    @property
    def _indent(self) -> int:
        return sum(width(rest) for _, rest in self._prefixes)

    def _code(self, code: str) -> None:
        self._append(code.strip("\n").replace(" ", "\u00a0"))

    def _flush(self) -> None:
        text, self._line = self._line.strip(" \n"), ""
        if text:
            self._append(text)

    def _append(self, text: str) -> None:
        first = "".join(first for first, _ in self._prefixes)
        rest = "".join(rest for _, rest in self._prefixes)
        self._prefixes = [(rest, rest) for _, rest in self._prefixes]
        is_item = self._is_tight and self._was_tight
        self._breaks.append("\n" if is_item else "\n\n" if self._blocks else "")
        self._was_tight = self._is_tight
        self._blocks.append(wrap(text, self._columns, first, rest))


def _bullet(item: lxml_html.HtmlElement) -> str:
    if item.tag == "dd":
        return "  "
    parent = item.getparent()
    if parent is None or parent.tag != "ol":
        return "- "
    start = parent.get("start", "1")
    return f"{(int(start) if start.isdecimal() else 1) + len(list(item.itersiblings('li', preceding=True)))}. "
