from __future__ import annotations

import hmac
import multiprocessing
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import BadInput
from newsletter.subscribers.keys import Blinding, load_keys
from newsletter.subscribers.links import Links, Seal, digest_of
from tests.factories import a_site

SITE = "https://news.example.org"
OLD, NEW = b"o" * 32, b"n" * 32


def token_of(url: str) -> str:
    return url.rpartition("/")[2]


def test_a_link_says_who_opened_it_and_from_which_issue() -> None:
    links = Links([NEW], SITE)

    url = links.unsubscribe_url("abcdefgh", "weekly-2023-11-16T0900")

    assert url.startswith("https://news.example.org/unsubscribe/")
    assert links.read_unsubscribe(token_of(url)) == ("abcdefgh", "weekly-2023-11-16T0900")


def test_links_of_one_issue_differ_in_their_ends_only() -> None:
    links, issue = Links([NEW], SITE), "weekly-2023-11-16"

    for reader in ("abcdefgh", "ijklmnop"):
        end = links.unsubscribe_ends(issue)(reader)
        assert links.unsubscribe_start(issue) + end == links.unsubscribe_url(reader, issue)
        assert reader in end


def test_a_link_survives_any_mail_program() -> None:
    urls = [Links([NEW], SITE).unsubscribe_url(f"reader{number}", "weekly-2023-11-16") for number in range(500)]

    assert all(set(url) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/") for url in urls)
    # A program that makes links of plain text leaves out a mark at the end.
    assert all(url[-1].isalnum() for url in urls)
    assert max(map(len, urls)) < 150


def test_a_link_with_one_letter_changed_is_nobodys() -> None:
    links = Links([NEW], SITE)
    token = token_of(links.unsubscribe_url("abcdefgh", "weekly-2023-11-16"))

    forged = [
        f"{token[:place]}{'x' if token[place] != 'x' else 'y'}{token[place + 1 :]}" for place in range(len(token))
    ]

    assert [links.read_unsubscribe(text) for text in forged] == [None] * len(token)


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=200), st.binary(max_size=200))
def test_a_seal_is_the_left_half_of_an_hmac_however_the_value_is_parted(key: bytes, start: bytes, rest: bytes) -> None:
    expected = hmac.digest(key, start + rest, "sha256")[:16]

    assert Seal(key).signature(start + rest) == expected
    assert Seal(key).begun(start).signature(rest) == expected


@given(st.text(max_size=500))
def test_a_text_that_was_never_signed_is_nobodys(text: str) -> None:
    assert Links([NEW], SITE).read_unsubscribe(text) is None


def test_the_first_key_signs_and_links_of_the_former_still_work() -> None:
    former, both, later = Links([OLD], SITE), Links([NEW, OLD], SITE), Links([NEW], SITE)

    sent_before = token_of(former.unsubscribe_url("abc", "weekly-2023-11-16"))
    sent_now = token_of(both.unsubscribe_url("abc", "weekly-2023-11-16"))

    assert both.read_unsubscribe(sent_before) is not None
    assert later.read_unsubscribe(sent_now) is not None
    assert later.read_unsubscribe(sent_before) is None


@pytest.mark.parametrize("keys", [[], [b""], [b"k" * 31], [NEW, b"short"]])
def test_a_key_that_could_be_guessed_is_refused(keys: list[bytes]) -> None:
    with pytest.raises(BadInput, match="at least 32 bytes"):
        Links(keys, SITE)


@pytest.mark.parametrize(
    ("issue_id", "digest"),
    [
        ("weekly-2023-11-16", "weekly"),
        ("two-words-2023-11-16T0900", "two-words"),
        ("test", None),
        ("../weekly-2023-11-16", None),
        ("weekly-2023-11-16/../x", None),
        ("-2023-11-16", None),
    ],
)
def test_an_issue_id_names_its_digest(issue_id: str, digest: str | None) -> None:
    assert digest_of(issue_id) == digest


# --- the site's keys ------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    settings = a_site(tmp_path)

    first, second = load_keys(settings), load_keys(settings)

    assert first == second
    assert [path.name for path in settings.data_folder.iterdir()] == ["secret.key"]
    assert stat.S_IMODE((settings.data_folder / "secret.key").stat().st_mode) == 0o600


def keys_of_site(folder: str) -> list[bytes]:
    return load_keys(a_site(Path(folder)))


def test_processes_that_start_at_the_same_moment_agree_on_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        keys = pool.map(keys_of_site, [str(tmp_path)] * 12, chunksize=1)

    assert len({tuple(found) for found in keys}) == 1
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret.key"]


def test_keys_of_the_environment_come_in_order_and_make_no_file(tmp_path: Path) -> None:
    settings = a_site(tmp_path, secret_key=f"{'n' * 32}, {'o' * 32}")

    assert load_keys(settings) == [NEW, OLD]
    assert not settings.data_folder.exists()


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40])
def test_a_damaged_key_file_is_an_error_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data" / "secret.key"
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(BadInput, match=r"secret\.key") as refused:
        load_keys(a_site(tmp_path))

    assert path.read_bytes() == content
    assert refused.value.fix


def test_a_blinded_address_is_found_with_every_key_and_says_nothing_without() -> None:
    before, now = Blinding([OLD]), Blinding([NEW, OLD])

    assert before.hashes("ann@example.org")[0] in now.hashes("ann@example.org")
    assert now.hashes("ann@example.org")[0] not in before.hashes("ann@example.org")
    assert not set(now.hashes("ann@example.org")) & set(now.hashes("bob@example.org"))
