from __future__ import annotations

import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import BadInput
from newsletter.subscribers.addresses import masked, normalise, one_line


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann.Other@Example.ORG", "ann.other@example.org"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@bücher.example"),
        ("josé@example.org", "jose\u0301@example.org"),
        ("JOSÉ@example.org", "josé@example.org"),
        ("  ann@example.org\u00a0", "\ufeffann@example.org"),
        ("δοκιμή@παράδειγμα.example", "ΔΟΚΙΜΉ@παράδειγμα.example"),
    ],
)
def test_two_spellings_of_one_address_are_the_same(one: str, other: str) -> None:
    assert normalise(one).email_key == normalise(other).email_key


@pytest.mark.parametrize(("one", "other"), [("ann@example.org", "anne@example.org"), ("a.b@x.org", "ab@x.org")])
def test_addresses_that_may_belong_to_different_people_stay_apart(one: str, other: str) -> None:
    assert normalise(one).email_key != normalise(other).email_key


def test_mail_goes_to_the_address_as_given_at_a_domain_that_every_server_takes() -> None:
    assert normalise("Ann.Other@Bücher.example").email == "Ann.Other@xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "an empty text"),
        ("ann.example.org", "@-sign"),
        ("ann@nodot", "period"),
        ("ann other@example.org", "SPACE"),
        ("Ann <ann@example.org>", "display name"),
        ("ann@example.org, bob@example.org", "invalid characters"),
        ("ann@example..org", "two periods"),
        ("ann@-example.org", "hyphen"),
        ("a" * 250 + "@example.org", "too long"),
        ("ann@" + "a" * 64 + ".org", "so many characters"),
        ("ann\r\nBcc: eve@example.org", "invalid characters"),
        ("ann@example.org\nbob@example.org", "invalid characters"),
    ],
)
def test_an_unusable_address_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason) as refused:
        normalise(text)

    assert refused.value.fix


def test_the_refusal_does_not_show_the_whole_address() -> None:
    with pytest.raises(BadInput) as refused:
        normalise("ann.other@nodot")

    assert "ann.other" not in str(refused.value)


plain = st.text("abcXYZ019._+-", min_size=1, max_size=70)


@given(plain, st.text("abcXYZ019.-", min_size=1, max_size=70))
def test_the_short_way_for_plain_addresses_decides_like_the_library(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except ValueError:
        with pytest.raises(BadInput):
            normalise(text)
        return

    assert normalise(text).email == f"{found.local_part}@{found.ascii_domain}"


def test_a_masked_address_shows_one_letter_and_the_domain() -> None:
    assert masked("ann.other@example.org") == "a…@example.org"
    assert masked("no address") == "n…"


@given(st.text())
def test_one_line_has_no_control_characters_whatever_comes_in(text: str) -> None:
    assert not any(ord(letter) < 32 or letter in "\x7f\x85\u2028\u2029" for letter in one_line(text))
