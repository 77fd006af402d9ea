from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import BadInput
from newsletter.subscribers import table
from newsletter.subscribers.table import TableRow, guarded, read_table, unguarded


def a_file(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / "people.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def rows_of(folder: Path, content: str | bytes, encoding: str = "utf-8") -> list[TableRow]:
    return list(read_table(a_file(folder, content, encoding)))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
def test_a_table_is_read_in_the_encodings_that_spreadsheets_write(tmp_path: Path, encoding: str) -> None:
    rows = rows_of(tmp_path, "Email,Name\nrene@example.org,René Müller\n", encoding)

    assert rows == [TableRow(2, {"email": "rene@example.org", "name": "René Müller"})]


def test_a_western_letter_deep_in_a_long_file_is_read_right(tmp_path: Path) -> None:
    many = "".join(f"reader{number}@example.org,Reader\n" for number in range(20_000))

    rows = rows_of(tmp_path, f"email,name\n{many}rene@example.org,René\n", "latin-1")

    assert rows[-1].cells["name"] == "René"


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r"])
def test_a_table_of_another_script_is_told_from_a_western_one(tmp_path: Path, encoding: str) -> None:
    rows = rows_of(tmp_path, "email,name,city\nivan@example.org,Иван Петров,Москва\n", encoding)

    assert rows[0].cells["name"] == "Иван Петров"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_cells_are_found_whatever_stands_between_them(tmp_path: Path, delimiter: str, line_end: str) -> None:
    lines = [["email", "name", "digests"], ["ann@example.org", "Ann", "weekly"]]

    rows = rows_of(tmp_path, line_end.join(delimiter.join(line) for line in lines) + line_end)

    assert rows == [TableRow(2, {"email": "ann@example.org", "name": "Ann", "digests": "weekly"})]


@pytest.mark.parametrize("heading", ["E-Mail", "Email Address", "mail"])
def test_the_column_of_addresses_may_be_called_as_other_programs_call_it(tmp_path: Path, heading: str) -> None:
    rows = rows_of(tmp_path, f"Name,{heading}\nRené,rene@example.org\n")

    assert rows == [TableRow(2, {"email": "rene@example.org", "name": "René"})]


def test_a_delimiter_within_quotes_belongs_to_the_cell(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 'email;"Name, first; last"\nann@example.org;"Other; Ann ""A."""\n')

    assert rows[0].cells == {"email": "ann@example.org", "name, first; last": 'Other; Ann "A."'}


def test_one_column_alone_needs_no_delimiter(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "EMAIL\nann@example.org\n\nbob@example.org")

    assert [(row.line, row.cells["email"]) for row in rows] == [(2, "ann@example.org"), (4, "bob@example.org")]


def test_headings_may_come_after_empty_lines_and_a_note_for_the_spreadsheet(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "sep=;\n\n ;\n E-Mail ; EMAIL \nx;ann@example.org\n", "utf-8-sig")

    assert rows == [TableRow(5, {"e-mail": "x", "email": "ann@example.org"})]


def test_lines_are_counted_as_an_editor_shows_them(tmp_path: Path) -> None:
    content = 'email,note\nann@example.org,"two\nlines"\n\nbob@example.org,one\n'

    rows = rows_of(tmp_path, content)

    assert [(row.line, row.cells["email"]) for row in rows] == [(2, "ann@example.org"), (5, "bob@example.org")]


def test_a_quote_that_is_never_closed_costs_one_line(tmp_path: Path) -> None:
    people = "".join(f"reader{number}@example.org,Reader\n" for number in range(1000))

    rows = rows_of(tmp_path, f'email,name\n"ann@example.org,Ann\n{people}')

    bad = [row for row in rows if row.problem]
    assert [row.line for row in bad] == [2]
    assert "quotes" in bad[0].problem
    assert len(rows) == 1001


def test_a_quote_that_is_closed_by_a_later_one_costs_no_line_between(tmp_path: Path) -> None:
    content = 'email,name\n"ann@example.org,Ann\nbob@example.org,Bob\n"eve@example.org",Eve\n'

    rows = rows_of(tmp_path, content)

    assert [row.line for row in rows if row.problem] == [2]
    assert [row.cells["name"] for row in rows if not row.problem] == ["Bob", "Eve"]


def test_a_line_with_more_cells_than_headings_is_bad(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "email,name\nann@example.org,Other,Ann\nbob@example.org,Bob,,\neve@example.org\n")

    assert [row.line for row in rows if row.problem] == [2]
    assert [row.cells["email"] for row in rows if not row.problem] == ["bob@example.org", "eve@example.org"]


def test_a_zero_byte_makes_its_line_bad(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "email,name\nann@example.org,A\0nn\nbob@example.org,Bob\n")

    assert [(row.line, row.problem) for row in rows] == [(2, "holds a zero byte"), (3, "")]


def test_columns_without_a_heading_are_left_out(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "email,,name\nann@example.org,x,Ann\n")

    assert rows[0].cells == {"email": "ann@example.org", "name": "Ann"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("address,name\nann@example.org,Ann\n", r"no column `email`; .*'address', 'name'"),
        ("ann@example.org,Ann\n", r"no column `email`; .*'ann'"),
        ("ann@example.org\n", r"no column `email`; .*none"),
        ("email,Name,name\n", "two columns of one name: name"),
    ],
)
def test_what_is_no_table_of_subscribers_is_refused_with_what_was_found(
    tmp_path: Path, content: str, problem: str
) -> None:
    with pytest.raises(BadInput, match=problem) as refused:
        read_table(a_file(tmp_path, content))

    assert refused.value.fix
    assert "ann@" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.csv cannot be read: No such file"):
        read_table(tmp_path / "nowhere.csv")
    with pytest.raises(BadInput, match="cannot be read"):
        read_table(tmp_path)


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MAX_TABLE_BYTES", 10)

    with pytest.raises(BadInput, match="is larger than"):
        read_table(a_file(tmp_path, "email\nann@example.org\n"))


@given(st.binary(max_size=300))
def test_no_bytes_whatever_end_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "people.csv"
    path.write_bytes(b"email,name\n" + content)

    lines = [row.line for row in read_table(path)]

    assert lines == sorted(set(lines))


@given(st.text(st.sampled_from("=+-@'\t\r\n\0＝ab1")))
def test_a_cell_that_looks_like_a_formula_is_guarded_and_read_back_as_it_was(text: str) -> None:
    shown = guarded(text)

    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝"))
    assert unguarded(shown) == text


@given(st.lists(st.tuples(st.emails(), st.text(st.characters(codec="utf-8")))))
def test_what_a_csv_writer_wrote_is_read_back_cell_by_cell(
    tmp_path_factory: pytest.TempPathFactory, people: list[tuple[str, str]]
) -> None:
    people = [(email, name.strip()) for email, name in people if "\0" not in name]
    text = io.StringIO()
    csv.writer(text).writerows([("email", "name"), *([guarded(cell) for cell in person] for person in people)])
    path = tmp_path_factory.mktemp("written") / "people.csv"
    path.write_bytes(text.getvalue().encode())

    rows = list(read_table(path))

    assert [(row.cells["email"], row.cells["name"]) for row in rows] == people
