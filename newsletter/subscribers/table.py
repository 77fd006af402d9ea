"""Reads a table of subscribers as spreadsheets write it: CSV in most encodings, with `,` `;` or tabs between cells.

Lines are numbered as an editor shows them, also where a quoted cell holds line breaks. A record that cannot be read
costs one line, not the rest of the file.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from charset_normalizer import from_bytes

from newsletter.errors import BadInput
from newsletter.subscribers.addresses import one_line

OWN_COLUMNS = ("email", "name", "state", "digests", "topics", "consent")
"""Every other column is an attribute."""
_CALLED_EMAIL = frozenset({"e-mail", "mail", "email address", "e-mail address", "emailaddress", "email_address"})
"""As other programs head the column of addresses."""
ATTRIBUTE_PREFIX = "attribute:"
"""Before the heading of an attribute that is called like one of ours, a `state` that is Ohio."""
MAX_TABLE_BYTES = 500_000_000
_START_BYTES = 400
_SAMPLE_BYTES = 64 * 1024
_RUN_OF_A_SCRIPT = 3
_DELIMITERS = ",;\t"
_GUARDED = re.compile(r"'*[=+\-@\t\r\n\0＝＋－＠]")
"""A spreadsheet would run such a cell as a formula (OWASP ASVS 1.2.10)."""


class TableRow(NamedTuple):
    line: int
    """The line of the file on which the record begins."""
    cells: dict[str, str]
    """By the heading of the column in lower case, stripped."""
    problem: str = ""
    """Why this line is no record; `cells` is empty then."""


def guarded(cell: str) -> str:
    """The cell for a file that people open in a spreadsheet: text that looks like a formula stays text."""
    return f"'{cell}" if _GUARDED.match(cell) else cell


def unguarded(cell: str) -> str:
    """The reverse of `guarded`."""
    return cell[1:] if cell.startswith("'") and _GUARDED.match(cell) else cell


class Table:
    """The rows of a file, read again with each iteration; only the row at hand is in memory."""

    def __init__(self, path: Path) -> None:
        """Looks at the encoding and the headings. Raises `BadInput` when this is no table of subscribers."""
        self.path = path
        self.encoding = _encoding(path)
        """For people: a file that does not say its encoding may have been guessed wrong."""
        header = next(iter(self._lines()), None)
        if header is None:
            raise BadInput(f"{path.name} is empty", fix="its first line has to name the columns: email, name, …")
        self._header_line, heading = header
        self._delimiter = max(_DELIMITERS, key=_outside_quotes(heading).count)
        self.columns = _columns(heading, self._delimiter, path.name)

    def __iter__(self) -> Iterator[TableRow]:
        lines = (numbered for numbered in self._lines() if numbered[0] > self._header_line)
        for number, cells, problem in _records(lines, self._delimiter):
            row = TableRow(number, {}, problem) if problem else self._row(number, cells)
            if row.problem or any(row.cells.values()):
                yield row

    def _row(self, number: int, cells: Sequence[str]) -> TableRow:
        if any(cell.strip() for cell in cells[len(self.columns) :]):
            return TableRow(
                number, {}, f"has {len(cells)} cells, but there are {len(self.columns)} columns; is a quote missing?"
            )
        named = zip(self.columns, cells, strict=False)
        return TableRow(number, {name: unguarded(cell.strip()).strip() for name, cell in named if name})

    def _lines(self) -> Iterator[tuple[int, str]]:
        """With their numbers, from the heading on; a first line `sep=;` is a note for spreadsheets."""
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as file:
            is_begun = False
            for number, line in enumerate(file, start=1):
                is_begun = is_begun or bool(line.strip(" \r\n\t,;") and not re.match(r"\ufeff?sep=.\s*$", line))
                if is_begun:
                    yield number, line


def read_table(path: Path) -> Table:
    """The table in the file; iterate over it for its rows. Raises `BadInput`."""
    return Table(path)


# --- encodings ------------------------------------------------------------------------------------------------


def _encoding(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_TABLE_BYTES:
            raise BadInput(f"{path.name} is larger than {MAX_TABLE_BYTES // 1_000_000} MB", fix="split it")
        with path.open("rb") as file:
            start = file.read(_START_BYTES)
        return _marked_encoding(start) or ("utf-8-sig" if _is_utf_8(path) else _guessed_encoding(path))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", fix="look at the name and the rights") from error


def _marked_encoding(start: bytes) -> str | None:
    """UTF-16 and UTF-32 show themselves by a byte-order mark or by the zero bytes of their Latin letters."""
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros_at_even, zeros_at_odd = start[0::2].count(0), start[1::2].count(0)
    if max(zeros_at_even, zeros_at_odd) > len(start) // 4:
        return "utf-16-be" if zeros_at_even > zeros_at_odd else "utf-16-le"
    return None


def _is_utf_8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                decoder.decode(part)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _guessed_encoding(path: Path) -> str:
    """Western, unless most letters beyond ASCII stand in runs, as in a script of its own.

    charset-normalizer alone reads a single `é` as Cyrillic. Central European tables are taken for Western too, which
    spoils some letters and loses nobody: hence `Table.encoding`, for a word to the person who imports.
    """
    sample = _lines_beyond_ascii(path)
    runs = [len(run) for run in re.findall(rb"[\x80-\xff]+", sample)]
    is_western = sum(run for run in runs if run >= _RUN_OF_A_SCRIPT) * 2 < sum(runs)
    best = None if is_western else from_bytes(sample, cp_isolation=["cp1251", "koi8_r", "cp1253"]).best()
    return best.encoding if best else "cp1252"


def _lines_beyond_ascii(path: Path) -> bytes:
    sample = b""
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                sample += line
            if len(sample) > _SAMPLE_BYTES:
                break
    return sample


# --- records --------------------------------------------------------------------------------------------------


def _outside_quotes(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def _columns(heading: str, delimiter: str, name: str) -> list[str]:
    cells = next(csv.reader([heading], delimiter=delimiter), [])
    named = [unguarded(one_line(cell.strip("\ufeff"))).lower() for cell in cells]
    columns = ["email" if column in _CALLED_EMAIL and "email" not in named else column for column in named]
    if "email" not in columns:
        found = ", ".join(repr(column[:40]) for column in columns if column and "@" not in column) or "none"
        raise BadInput(
            f"{name} has no column `email`; its first line names these columns: {found}",
            fix="name the column of the addresses `email` in the first line",
        )
    doubled = sorted({column for column in columns if column and columns.count(column) > 1})
    if doubled:
        raise BadInput(f"{name} has two columns of one name: {', '.join(doubled)}", fix="rename or remove one of them")
    return columns


def _records(lines: Iterable[tuple[int, str]], delimiter: str) -> Iterator[tuple[int, list[str], str]]:
    """(line, cells, problem) of each record. After a bad one reading goes on with the line after its first: a quote
    that is never closed would otherwise swallow all that follows."""
    source = _Replayed(lines)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        source.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not source.taken:
                return
            number = source.replay_after_first()
            yield number, [], f"cannot be read as a line of a table ({error}); look at its quotes"
            continue
        problem = "holds a zero byte" if any("\0" in cell for cell in cells) else ""
        if cells:
            yield source.taken[0][0], cells, problem


class _Replayed:
    """Lines that can be given out again, as far back as the record at hand."""

    def __init__(self, lines: Iterable[tuple[int, str]]) -> None:
        self._lines = iter(lines)
        self._again: deque[tuple[int, str]] = deque()
        self.taken: list[tuple[int, str]] = []

    def __iter__(self) -> _Replayed:
        return self

    def __next__(self) -> str:
        numbered = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(numbered)
        return numbered[1]

    def begin_record(self) -> None:
        self.taken = []

    def replay_after_first(self) -> int:
        """Give out again all but the first line of the record; returns the number of that one."""
        (number, _), *rest = self.taken
        self._again.extendleft(reversed(rest))
        return number
