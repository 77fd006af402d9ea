from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.models import SubscriberState
from newsletter.store.store import Store
from newsletter.subscribers.exports import export_subscribers
from newsletter.subscribers.imports import ImportReport, import_subscribers, read_table
from newsletter.subscribers.roster import Roster
from tests.factories import utc

NOW = utc(2023, 11, 16, 9)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def roster(tmp_path: Path) -> Iterator[Roster]:
    """An empty roster of a site with two digests."""
    store = Store("sqlite:///data/newsletter.db", folder=tmp_path)
    yield Roster(store.subscribers, keys=[b"k" * 32], digests=["monthly", "weekly"])
    store.close()


def imported(roster: Roster, folder: Path, text: str, *, consent: str = "", encoding: str = "utf-8") -> ImportReport:
    path = folder / "people.csv"
    path.write_bytes(text.encode(encoding))
    return import_subscribers(read_table(path), roster, consent=consent, now=NOW)


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report[:4]


def everybody(roster: Roster) -> list[object]:
    return [found.model_dump() for found in roster.list()]


def exported(roster: Roster) -> str:
    file = io.StringIO()
    export_subscribers(roster, file)
    return file.getvalue()


def test_a_line_makes_an_active_subscriber_with_all_that_it_says(roster: Roster, tmp_path: Path) -> None:
    text = "email,name,digests,topics,City\nann@example.org,Ann Other,Weekly,news; diary|news,Leeds\n"

    report = imported(roster, tmp_path, text, consent="at the fair")

    assert counts(report) == (1, 0, 0, 0)
    ann = roster.show("ann@example.org")
    assert (ann.state, ann.name, ann.consent) == (SubscriberState.ACTIVE, "Ann Other", "at the fair")
    assert (ann.digests, ann.topics) == (("weekly",), ("news", "diary"))
    assert ann.attributes == {"city": "Leeds"}


def test_who_names_no_digest_gets_all_there_are(roster: Roster, tmp_path: Path) -> None:
    imported(roster, tmp_path, "email\nann@example.org\n")

    assert roster.show("ann@example.org").digests == ("monthly", "weekly")


def test_importing_twice_changes_nothing(roster: Roster, tmp_path: Path) -> None:
    text = "email,name,digests,topics,city\nann@example.org,Ann,weekly,news,Leeds\nBob@example.org,,,,\n"
    imported(roster, tmp_path, text, consent="at the fair")
    before = everybody(roster)

    again = imported(roster, tmp_path, text, consent="at the fair")

    assert counts(again) == (0, 0, 2, 0)
    assert everybody(roster) == before


def test_an_empty_cell_changes_nothing(roster: Roster, tmp_path: Path) -> None:
    imported(roster, tmp_path, "email,name,digests,topics,city\nann@example.org,Ann,weekly,news,Leeds\n")
    before = everybody(roster)

    report = imported(roster, tmp_path, "email,name,digests,topics,city\nann@example.org,,,,\n")

    assert counts(report) == (0, 0, 1, 0)
    assert everybody(roster) == before


def test_a_filled_cell_changes_that_and_nothing_else(roster: Roster, tmp_path: Path) -> None:
    imported(roster, tmp_path, "email,name,digests,topics,city,team\nann@example.org,Ann,weekly,news,Leeds,red\n")

    report = imported(roster, tmp_path, "email,topics,city,digests\nANN@example.org,diary,York,monthly\n")

    assert counts(report) == (0, 1, 0, 0)
    ann = roster.show("ann@example.org")
    assert (ann.name, ann.topics) == ("Ann", ("diary",))
    assert ann.attributes == {"city": "York", "team": "red"}
    assert ann.digests == ("monthly", "weekly")


def test_bad_lines_are_reported_by_number_and_the_rest_is_taken(roster: Roster, tmp_path: Path) -> None:
    lines = [f"reader{number}@example.org,Reader {number},weekly" for number in range(1000)]
    lines[17] = "reader17(at)example.org,Reader 17,weekly"
    lines[500] = ",Reader 500,weekly"
    lines[999] = "reader999@example.org,Reader 999,wekly"

    report = imported(roster, tmp_path, "\n".join(["email,name,digests", *lines]))

    assert counts(report) == (997, 0, 0, 0)
    assert [bad.line for bad in report.bad] == [19, 502, 1001]
    assert "no digest 'wekly'" in report.bad[2].message
    assert report.taken == 997


def test_people_who_are_gone_stay_gone_and_are_counted(roster: Roster, tmp_path: Path) -> None:
    text = "email,name\n" + "".join(f"{name}@example.org,{name}\n" for name in ("ann", "bob", "cy", "dee", "eve"))
    imported(roster, tmp_path, text)
    roster.unsubscribe("ann@example.org", now=NOW)
    roster.erase("bob@example.org", now=NOW)
    with roster.store.changing() as transaction:
        transaction.mark(roster.show("cy@example.org").id, SubscriberState.BOUNCED, now=NOW)
        transaction.mark(roster.show("dee@example.org").id, SubscriberState.COMPLAINED, now=NOW)
    before = everybody(roster)

    report = imported(roster, tmp_path, text.replace("@example", "@EXAMPLE").replace(",", ",New name of "))

    assert counts(report) == (0, 1, 0, 4)
    assert [found.email for found in roster.list(state=SubscriberState.ACTIVE)] == ["eve@example.org"]
    assert everybody(roster)[:-1] == before[:-1]


def test_a_digest_that_was_left_is_not_brought_back(roster: Roster, tmp_path: Path) -> None:
    imported(roster, tmp_path, "email\nann@example.org\n")
    roster.unsubscribe("ann@example.org", "weekly", now=NOW)

    report = imported(roster, tmp_path, "email,digests\nann@example.org,weekly|monthly\n")

    assert counts(report) == (0, 0, 1, 0)
    assert roster.show("ann@example.org").digests == ("monthly",)


def test_of_two_lines_about_one_person_the_first_counts_and_the_other_fills_in(roster: Roster, tmp_path: Path) -> None:
    text = (
        "email,name,digests,city\nann@example.org,Ann,weekly,\nbob@example.org,,,\nAnn@Example.org,Anna,monthly,Leeds\n"
    )

    first = imported(roster, tmp_path, text)
    again = imported(roster, tmp_path, text)

    assert counts(first) == (2, 1, 0, 0)
    assert counts(again) == (0, 0, 3, 0)
    ann = roster.show("ann@example.org")
    assert (ann.name, ann.digests, ann.attributes) == ("Ann", ("monthly", "weekly"), {"city": "Leeds"})


def test_lines_about_one_person_far_apart_are_still_no_news_the_second_time(roster: Roster, tmp_path: Path) -> None:
    people = [f"reader{number % 3000}@example.org,Name {number}" for number in range(9000)]
    random.Random(7).shuffle(people)
    text = "\n".join(["email,name", *people])

    first = imported(roster, tmp_path, text)
    again = imported(roster, tmp_path, text)

    assert counts(first) == (3000, 0, 6000, 0)
    assert counts(again) == (0, 0, 9000, 0)


def test_a_name_with_a_line_break_becomes_one_line(roster: Roster, tmp_path: Path) -> None:
    imported(roster, tmp_path, 'email,name\nann@example.org,"Ann\r\nBcc: eve@example.org"\n')

    assert roster.show("ann@example.org").name == "Ann Bcc: eve@example.org"


def test_a_table_in_utf_16_with_semicolons_counts_like_any_other(roster: Roster, tmp_path: Path) -> None:
    report = imported(roster, tmp_path, "Email;Name\r\nann@example.org;Ærø\r\n", encoding="utf-16")

    assert counts(report) == (1, 0, 0, 0)
    assert roster.show("ann@example.org").name == "Ærø"


def test_progress_is_told_up_to_the_last_line(roster: Roster, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("email\n" + "".join(f"reader{number}@example.org\n" for number in range(4500)) + "bad\n")
    told: list[int] = []

    import_subscribers(read_table(path), roster, now=NOW, tell=told.append)

    assert told == sorted(told)
    assert told[-1] == 4501


# --- there and back -------------------------------------------------------------------------------------------


def test_an_exported_table_imported_again_changes_nothing(roster: Roster, tmp_path: Path) -> None:
    text = (
        "email,name,topics,city,state\n"
        "ann@example.org,=HYPERLINK(1),news|diary,-5,Ohio\n"
        "'+bob@example.org,'quoted,,+49 30,Texas\n"
        '"eve@example.org","Eve, ""E"" Other",,@home,\n'
    )
    imported(roster, tmp_path, text, consent="=consent")
    roster.unsubscribe("eve@example.org", now=NOW)
    before = everybody(roster)

    report = imported(roster, tmp_path, exported(roster))

    assert counts(report) == (0, 0, 2, 1)
    assert everybody(roster) == before
    assert roster.show("ann@example.org").attributes == {"city": "-5", "state": "Ohio"}


def test_no_cell_of_an_exported_table_is_run_by_a_spreadsheet(roster: Roster, tmp_path: Path) -> None:
    imported(roster, tmp_path, "email,name,=evil\n+ann@example.org,=1+1,@SUM(A1)\n", consent="-consent")

    cells = [cell for line in csv.reader(io.StringIO(exported(roster))) for cell in line]

    assert "'=1+1" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_an_exported_table_makes_the_same_roster_on_another_site(roster: Roster, tmp_path: Path) -> None:
    imported(roster, tmp_path, "email,digests,city\nann@example.org,weekly,Leeds\nbob@example.org,,\n", consent="fair")
    roster.unsubscribe("bob@example.org", now=NOW)
    store = Store("sqlite:///other.db", folder=tmp_path)
    other = Roster(store.subscribers, keys=[b"o" * 32], digests=["monthly", "weekly"])

    report = imported(other, tmp_path, exported(roster))

    assert counts(report) == (1, 0, 0, 1)
    assert exported(other).replace("monthly|weekly", "") == exported(roster).replace("monthly|weekly", "")
    assert [found.email for found in other.list(state=SubscriberState.ACTIVE)] == ["ann@example.org"]
    store.close()


def test_a_table_that_says_somebody_has_left_is_believed(roster: Roster, tmp_path: Path) -> None:
    imported(roster, tmp_path, "email\nann@example.org\n")

    report = imported(roster, tmp_path, "email,state\nann@example.org,Unsubscribed\n")

    assert counts(report) == (0, 0, 0, 1)
    assert roster.show("ann@example.org").state is SubscriberState.UNSUBSCRIBED
