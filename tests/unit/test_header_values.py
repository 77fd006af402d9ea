"""Header values as APIs want them."""

from __future__ import annotations

from email.header import decode_header, make_header

import pytest

from newsletter.emails.markers import Markers
from newsletter.providers.header_values import ascii_value, by_sharing


@pytest.mark.parametrize(
    "value", ["plain", "<https://example.org/u/1>", "List-Unsubscribe=One-Click", '"A, B" <list.example.org>']
)
def test_a_value_in_ascii_stays_as_it_is(value: str) -> None:
    assert ascii_value(value) == value


@pytest.mark.parametrize("name", ["Übersicht", 'Grüße, "die" Netze', "小さな庭の会 " * 20])
def test_of_a_mailbox_only_the_name_is_encoded(name: str) -> None:
    escaped = name.strip().replace('"', '\\"')

    written = ascii_value(f'"{escaped}" <weekly.example.org>')

    words, _, address = written.rpartition(" ")
    assert address == "<weekly.example.org>"
    assert written.isascii()
    assert written.isprintable()
    assert str(make_header(decode_header(words))) == name.strip()


def test_any_other_value_is_encoded_in_one_line() -> None:
    written = ascii_value("Nächste Woche " * 30)

    assert written.isascii()
    assert written.isprintable()
    assert max(map(len, written.split(" "))) <= 75
    assert str(make_header(decode_header(written))) == ("Nächste Woche " * 30)


def test_headers_in_which_readers_differ_are_told_from_those_that_all_share() -> None:
    markers = Markers("q7")
    own_link = f"<{markers('unsubscribe_url')}>"
    headers = {"List-Id": "<weekly>", "List-Unsubscribe": own_link, "Archived-At": "<https://example.org/i>"}

    shared, own = by_sharing(headers, markers)

    assert shared == {"List-Id": "<weekly>", "Archived-At": "<https://example.org/i>"}
    assert own == {"List-Unsubscribe": own_link}
