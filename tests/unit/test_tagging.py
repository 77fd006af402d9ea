"""Links to posts carry UTM parameters where a site asks for it; every other address stays as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from newsletter.emails.render import render
from newsletter.emails.tagging import tagged
from newsletter.errors import BadInput
from newsletter.models import Email
from newsletter.settings_file import load
from tests.factories import a_content, a_post, a_site, an_issue

UTM = (("utm_source", "newsletter"), ("utm_content", "2"))
BODY = """<p><a href="https://www.example.org/other?page=2#part">other</a> <a href="https://elsewhere.example/">far</a>
<a href="mailto:a@example.org">write</a> <a href="#note">note</a>
<a href="https://news.example.org/unsubscribe/signed">leave</a></p>"""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://x.example", "https://x.example?utm_source=newsletter&utm_content=2"),
        ("https://x.example/a#b", "https://x.example/a?utm_source=newsletter&utm_content=2#b"),
        ("https://x.example/a?#b", "https://x.example/a?utm_source=newsletter&utm_content=2#b"),
        ("https://x.example/?q=1%20&&r=%zz", "https://x.example/?q=1%20&&r=%zz&utm_source=newsletter&utm_content=2"),
        ("https://x.example/?utm_source=mine", "https://x.example/?utm_source=mine&utm_content=2"),
        ("https://x.example/?UTM_Source=&a", "https://x.example/?UTM_Source=&a&utm_content=2"),
        ("https://x.example/?utm_source=a&utm_content=b#c", "https://x.example/?utm_source=a&utm_content=b#c"),
        ("HTTP://x.example/", "HTTP://x.example/?utm_source=newsletter&utm_content=2"),
        ("https://x.example/f?Expires=9&Signature=ab", "https://x.example/f?Expires=9&Signature=ab"),
        ("https://x.example/f?X-Amz-Signature=ab", "https://x.example/f?X-Amz-Signature=ab"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("tel:+44123", "tel:+44123"),
        ("#part", "#part"),
        ("/relative", "/relative"),
        ("", ""),
    ],
)
def test_parameters_are_added_before_the_fragment_and_never_replaced(address: str, expected: str) -> None:
    assert tagged(address, UTM) == expected


@given(st.from_regex(r"https?://[a-z]{1,5}\.example[!-~]{0,40}", fullmatch=True))
def test_tagging_twice_is_tagging_once_and_keeps_what_was_there(address: str) -> None:
    once = tagged(address, UTM)

    assert tagged(once, UTM) == once
    assert once.partition("#")[2] == address.partition("#")[2]
    assert once.startswith(re.split("[?#]", address)[0])
    assert set(parse_qsl(address.partition("#")[0].partition("?")[2])) <= set(
        parse_qsl(once.partition("#")[0].partition("?")[2])
    )


def test_a_value_is_encoded() -> None:
    assert tagged("https://x.example/", (("utm_campaign", "a b&c=ü"),)).endswith("?utm_campaign=a%20b%26c%3D%C3%BC")


def rendered(folder: Path, utm: dict[str, str] | None) -> Email:
    posts = {
        "one": (a_post("one", url="https://www.example.org/one"), a_content(summary_html=BODY)),
        "two": (a_post("two"), a_content()),
    }
    digest: dict[str, Any] = {"title": "The week"} | ({} if utm is None else {"utm": utm})
    return render(an_issue(*posts), posts, settings=a_site(folder, digests={"weekly": digest}), nonce="n0Nce42")


def links(html: str) -> list[str]:
    return list(lxml_html.document_fromstring(html).xpath("//a/@href"))


def test_it_is_off_by_default(tmp_path: Path) -> None:
    email = rendered(tmp_path, None)

    assert "utm_" not in email.html + email.text + email.web_html


def test_links_to_posts_name_the_issue_and_the_posts_place_in_both_parts(tmp_path: Path) -> None:
    email = rendered(tmp_path, {})

    common = "utm_source=newsletter&utm_medium=email&utm_campaign=weekly-2023-11-16"
    for wanted in (
        f"https://www.example.org/one?{common}&utm_content=1",
        f"https://www.example.org/other?page=2&{common}&utm_content=1#part",
        f"https://news.example.org/issues/weekly-2023-11-16?{common}&utm_content=2#post-two",
    ):
        assert wanted in links(email.html)
        assert wanted in email.text


def test_other_sites_mail_addresses_and_signed_pages_are_left_alone(tmp_path: Path) -> None:
    email = rendered(tmp_path, {})

    for wanted in ("https://elsewhere.example/", "mailto:a@example.org", "https://news.example.org/unsubscribe/signed"):
        assert wanted in links(email.html)
        assert wanted in email.text
    markers = [link for link in links(email.html) if "n0Nce42" in link]
    assert markers
    assert not any("utm_" in link for link in markers)


def test_the_web_version_links_as_it_did(tmp_path: Path) -> None:
    assert rendered(tmp_path, {}).web_html == rendered(tmp_path, None).web_html


def test_each_parameter_can_be_said_or_left_out(tmp_path: Path) -> None:
    utm = {"source": "{digest}", "medium": "", "campaign": "autumn", "content": "{date}-{position}"}

    (link,) = {link for link in links(rendered(tmp_path, utm).html) if link.startswith("https://www.example.org/one")}

    assert urlsplit(link).query == "utm_source=weekly&utm_campaign=autumn&utm_content=2023-11-16-1"


def test_an_unknown_name_in_a_pattern_is_told_at_load(tmp_path: Path) -> None:
    text = '[site]\nname = "N"\n[sender]\nemail = "n@example.org"\n[digests.weekly.utm]\ncampaign = "{week}"\n'
    (tmp_path / "newsletter.toml").write_text(text)

    with pytest.raises(
        BadInput, match=r"newsletter\.toml:6: .*\{week\}.*\{date\}, \{digest\}, \{issue\}, \{position\}"
    ):
        load(tmp_path, environ={})
