"""An issue becomes an email: what is in it, what stays out, and what third-party text cannot do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html

from newsletter.emails.fields import fields_of
from newsletter.emails.markers import filled, marker
from newsletter.emails.render import render
from newsletter.emails.text import width
from newsletter.errors import BadInput
from newsletter.models import Email, Entry, Issue, Post, PostContent, Section
from newsletter.settings import Settings
from tests.factories import a_content, a_post, a_reader, a_site, an_issue, utc

NONCE = "n0Nce42"
Posts = dict[str, tuple[Post, PostContent]]


def posts_of(*pairs: tuple[Post, PostContent]) -> Posts:
    return {post.id: (post, content) for post, content in pairs}


def rendered(
    tmp_path: Path, posts: Posts, *, issue: Issue | None = None, settings: Settings | None = None, nonce: str = NONCE
) -> Email:
    return render(issue or an_issue(*posts), posts, settings=settings or a_site(tmp_path), nonce=nonce)


def one_post(tmp_path: Path, *, title: str = "A title", html: str = "<p>What it says.</p>", **values: Any) -> Email:
    """The email of one post with an address of its own."""
    post = a_post("one", **({"title": title, "url": "https://www.example.org/one"} | values))
    return rendered(tmp_path, posts_of((post, a_content(summary_html=html))))


def page(html: str) -> lxml_html.HtmlElement:
    return lxml_html.document_fromstring(html)


def shown(html: str) -> str:
    """The text of a page as a reader sees it, white space made one."""
    return " ".join(page(html).body.text_content().split())


# --- what is in it ---------------------------------------------------------------------------------------------


def test_a_post_is_there_with_title_date_authors_tags_summary_image_and_link(tmp_path: Path) -> None:
    post = a_post("one", title="First aid", url="https://www.example.org/one", authors=("Ann", "Bob"), tags=("Health",))
    content = a_content("Be calm.", image_url="https://www.example.org/a b.jpg", image_alt="A bandage")

    email = rendered(tmp_path, posts_of((post, content)))

    for wanted in ("First aid", "14 November 2023 · Ann, Bob", "Health", "Be calm.", "Read “First aid” at example.org"):
        assert wanted in shown(email.html)
        assert wanted in " ".join(email.text.split())
    (image,) = page(email.html).xpath("//img")
    assert (image.get("src"), image.get("alt"), image.get("width")) == (
        "https://www.example.org/a%20b.jpg",
        "A bandage",
        "600",
    )
    assert {link.get("href") for link in page(email.html).xpath("//a[contains(., 'First aid')]")} == {post.url}


def test_a_post_without_an_address_is_read_on_in_the_web_version_as_a_whole(tmp_path: Path) -> None:
    post = a_post("guides/first-aid", title="First aid")
    content = a_content("Be calm.", body_html="<h1>Start</h1><p>Be calm.</p><p>Then call for help.</p>")

    email = rendered(tmp_path, posts_of((post, content)))

    address = "https://news.example.org/issues/weekly-2023-11-16#post-first-aid"
    assert f'href="{address}"' in email.html
    assert address in email.text.splitlines()
    article = page(email.web_html).get_element_by_id("post-first-aid")
    assert "Then call for help." in article.text_content()
    assert [heading.tag for heading in article.xpath(".//h1|.//h2|.//h3")] == ["h2", "h3"]
    assert "Then call for help." not in email.html


def test_the_web_version_links_a_post_with_an_address_and_shows_its_summary_only(tmp_path: Path) -> None:
    post = a_post("one", url="https://www.example.org/one")

    email = rendered(tmp_path, posts_of((post, a_content("Short.", body_html="<p>Very long.</p>"))))

    assert "Short." in email.web_html
    assert "Very long." not in email.web_html
    assert 'href="https://www.example.org/one"' in email.web_html


def test_the_web_version_holds_no_marker_no_script_and_no_style_attribute(tmp_path: Path) -> None:
    html = '<p style="color:red" onclick="x()">a</p><script>x()</script>'

    email = rendered(tmp_path, posts_of((a_post(), a_content(body_html=html))))

    assert NONCE not in email.web_html
    assert not page(email.web_html).xpath("//script|//@style|//@onclick")
    assert page(email.web_html).xpath("//link[@rel='canonical']/@href") == [
        "https://news.example.org/issues/weekly-2023-11-16"
    ]


def test_two_posts_with_one_slug_have_two_places_in_the_web_version(tmp_path: Path) -> None:
    posts = posts_of((a_post("a/note"), a_content()), (a_post("b/note"), a_content()))

    email = rendered(tmp_path, posts)

    assert page(email.web_html).xpath("//article/@id") == ["post-note", "post-note-2"]


def test_ids_of_two_posts_do_not_meet_in_the_web_version(tmp_path: Path) -> None:
    note = '<p>Text<a href="#fn1">1</a></p><p id="fn1">Note</p>'
    posts = posts_of((a_post("a"), a_content(body_html=note)), (a_post("b"), a_content(body_html=note)))

    email = rendered(tmp_path, posts)

    ids = page(email.web_html).xpath("//@id")
    assert len(ids) == len(set(ids))
    assert set(page(email.web_html).xpath("//article//a/@href")) == {"#post-a-fn1", "#post-b-fn1"}


def test_what_the_editor_says_differently_for_this_issue_is_said(tmp_path: Path) -> None:
    post = a_post("one", title="Old title", url="https://www.example.org/one")
    entry = Entry(post_id="one", title="Save the date", summary="Only *this* [week](https://x.example/).")
    issue = an_issue(sections=(Section(entries=(entry,)),))

    email = rendered(tmp_path, posts_of((post, a_content("Old text."))), issue=issue)

    assert "Save the date" in email.html
    assert "Only <em>this</em>" in email.html
    assert "Only this week [1]." in email.text
    assert "[1] https://x.example/" in email.text.splitlines()
    assert "Old t" not in email.html + email.text + email.web_html


def test_the_intro_is_markdown(tmp_path: Path) -> None:
    issue = an_issue("one", intro="Hello **all**,\n\n- one\n- two\n\n> said\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")

    email = rendered(tmp_path, posts_of((a_post("one"), a_content())), issue=issue)

    assert "<strong>all</strong>" in email.html
    assert "- one\n- two" in email.text
    assert "> said" in email.text
    assert "1 | 2" in email.text


@pytest.mark.parametrize(("count", "expected"), [(6, 0), (7, 7)])
def test_more_than_six_posts_get_contents_that_lead_to_the_web_version(
    tmp_path: Path, count: int, expected: int
) -> None:
    posts = posts_of(*((a_post(f"p{n}", url=f"https://www.example.org/{n}"), a_content()) for n in range(count)))

    email = rendered(tmp_path, posts)

    links = page(email.html).xpath("//td[contains(@class,'contents')]//a/@href")
    assert len(links) == expected
    assert all(link.startswith("https://news.example.org/issues/weekly-2023-11-16#post-p") for link in links)
    assert ("In this issue" in email.text) is bool(expected)


def test_no_link_text_leads_to_two_places(tmp_path: Path) -> None:
    long = "A very long title that two posts share for more than forty-eight characters, number"
    posts = posts_of(
        *((a_post(f"p{n}", title=f"{long} {n}", url=f"https://www.example.org/{n}"), a_content()) for n in range(8))
    )

    email = rendered(tmp_path, posts)

    places: dict[str, set[str]] = {}
    for link in page(email.html).xpath("//a"):
        places.setdefault(link.text_content(), set()).add(link.get("href"))
    assert all(len(found) == 1 for found in places.values())


def test_sections_have_their_titles_and_headings_skip_no_level(tmp_path: Path) -> None:
    posts = posts_of((a_post("a"), a_content()), (a_post("b"), a_content()), (a_post("c"), a_content()))
    sections = (
        Section(title="News", entries=(Entry(post_id="a"),)),
        Section(title="Empty"),
        Section(entries=(Entry(post_id="b"), Entry(post_id="c"))),
    )

    email = rendered(tmp_path, posts, issue=an_issue(sections=sections))

    headings = page(email.html).xpath("//h1|//h2|//h3")
    assert [heading.tag for heading in headings] == ["h1", "h2", "h3", "h2", "h2"]
    assert "Empty" not in email.html + email.text
    assert "News\n====" in email.text


def test_the_footer_says_who_why_and_how_to_leave(tmp_path: Path) -> None:
    email = one_post(tmp_path)

    values = fields_of(
        a_reader(), delivery_id="d1", unsubscribe_url="https://n.example/u/1", web_url="https://n.example/w"
    )
    copy = filled(email, values)

    for wanted in ("Example Network", "1 Example Street, London", "because you subscribed to The week"):
        assert wanted in shown(copy.html)
        assert wanted in copy.text
    assert "https://n.example/u/1" in page(copy.html).xpath("//a/@href")
    assert copy.text.splitlines()[-1] == "https://n.example/u/1"
    assert "https://n.example/w" in copy.text.splitlines()


def test_the_preheader_is_the_first_text_of_the_body_and_not_in_the_text_part(tmp_path: Path) -> None:
    email = one_post(tmp_path)

    assert shown(email.html).startswith("And a date for your diary.")
    assert "mso-hide:all" in email.html
    assert "And a date for your diary." not in email.text


def test_headers_come_in_order_with_markers_open(tmp_path: Path) -> None:
    sender = {"email": "news@example.org", "reply_to": "editor@example.org", "unsubscribe_email": "leave@example.org"}
    posts = posts_of((a_post(), a_content()))

    email = rendered(tmp_path, posts, settings=a_site(tmp_path, sender=sender))

    delivery, leave = marker("delivery_id", NONCE), marker("unsubscribe_url", NONCE)
    assert email.headers == (
        ("From", '"Example Network" <news@example.org>'),
        ("Reply-To", "editor@example.org"),
        ("To", marker("to", NONCE)),
        ("Message-ID", f"<{delivery}@example.org>"),
        ("List-Id", '"The week" <weekly.example.org>'),
        ("List-Unsubscribe", f"<{leave}>, <mailto:leave@example.org?subject=unsubscribe>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("X-Delivery-ID", delivery),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
    )


def test_without_a_reply_address_or_a_mailto_there_are_none(tmp_path: Path) -> None:
    headers = dict(one_post(tmp_path).headers)

    assert "Reply-To" not in headers
    assert "mailto:" not in headers["List-Unsubscribe"]


def test_the_same_input_gives_the_same_email(tmp_path: Path) -> None:
    posts = posts_of((a_post("one"), a_content()), (a_post("two"), a_content()))

    assert rendered(tmp_path, posts) == rendered(tmp_path, posts)


def test_dates_are_those_of_the_sites_zone_and_language(tmp_path: Path) -> None:
    site = {"name": "N", "url": "https://n.example", "language": "de-AT", "timezone": "Pacific/Auckland"}
    posts = posts_of((a_post(published_at=utc(2023, 3, 1, 18)), a_content()))

    email = rendered(tmp_path, posts, settings=a_site(tmp_path, site=site))

    assert "2. März 2023" in email.text
    assert "Abbestellen" in email.html
    assert 'lang="de-AT"' in email.html


def test_a_language_that_the_theme_does_not_know_gets_dates_that_everybody_reads(tmp_path: Path) -> None:
    site = {"name": "N", "url": "https://n.example", "language": "fi"}

    email = rendered(tmp_path, posts_of((a_post(), a_content())), settings=a_site(tmp_path, site=site))

    assert "2023-11-14" in email.text
    assert "November" not in email.text


def test_an_arabic_issue_runs_from_right_to_left(tmp_path: Path) -> None:
    site = {"name": "N", "url": "https://n.example", "language": "ar"}

    email = rendered(
        tmp_path, posts_of((a_post(title="دليل الإسعافات"), a_content("نص"))), settings=a_site(tmp_path, site=site)
    )

    assert "direction:ltr;font-size:0px;padding:36px" not in email.html
    assert "direction:rtl" in email.html
    assert "text-align:left;color" not in email.html
    assert page(email.html).get("dir") == page(email.web_html).get("dir") == "rtl"


def test_a_post_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="gone/away"):
        rendered(tmp_path, {}, issue=an_issue("gone/away"))


# --- how it is made --------------------------------------------------------------------------------------------


def test_the_page_keeps_what_mail_clients_need(tmp_path: Path) -> None:
    email = one_post(tmp_path)

    assert email.html.startswith("<!DOCTYPE html>")
    assert email.html.count("<!--[if") == email.html.count("<![endif]-->") > 4
    for wanted in ("prefers-color-scheme:dark", "[data-ogsc] .card", '<meta name="color-scheme"', "!important"):
        assert wanted in email.html
    assert "fonts.googleapis" not in email.html
    assert "<mj-" not in email.html
    tables = re.findall(r"<table[^>]*>", email.html)
    assert all('role="presentation"' in table for table in tables)
    assert page(email.html).xpath("//title/text()") == ["Three new guides"]


def test_every_style_block_is_small_and_stands_in_the_head(tmp_path: Path) -> None:
    document = page(one_post(tmp_path).html)

    assert not document.xpath("//body//style")
    assert sum(len(style.text) for style in document.xpath("//style")) < 6_000


def test_ten_posts_cost_at_most_six_bytes_of_html_per_byte_of_text(tmp_path: Path) -> None:
    text = "Some words that a reader can read in a moment or two. " * 11
    posts = posts_of(*((a_post(f"p{n}", url=f"https://www.example.org/{n}"), a_content(text)) for n in range(10)))

    email = rendered(tmp_path, posts)

    assert len(email.html.encode()) <= 6 * len(shown(email.html).encode())


def test_the_text_part_has_no_long_line_and_at_most_two_empty_ones(tmp_path: Path) -> None:
    wide = "漢字かな交じり文" * 30
    html = (
        f"<p>{'word ' * 99}</p><ol><li>{'more ' * 60}</li></ol><pre>{'co ' * 40}</pre><p>{wide}</p><p>{'x' * 999}</p>"
    )

    email = one_post(tmp_path, title="A title that is long enough to be wrapped " * 4, html=html)

    lines = [line for line in email.text.split("\n") if "://" not in line and NONCE not in line]
    assert max(width(line) for line in lines) <= 76
    assert "\n\n\n\n" not in email.text
    assert all(line == line.rstrip() for line in lines)


# --- what third-party text cannot do ---------------------------------------------------------------------------

MERGE_SYNTAX = [
    "{{ name }}",
    "%recipient.name%",
    "*|NAME|*",
    "-name-",
    "[[data:name]]",
    "${name}",
    "{% raw %}",
    "<%= x %>",
]


@pytest.mark.parametrize("syntax", MERGE_SYNTAX)
def test_merge_syntax_of_providers_and_templates_arrives_as_written(tmp_path: Path, syntax: str) -> None:
    escaped = syntax.replace("<", "&lt;").replace(">", "&gt;")
    issue = an_issue("one", intro=f"Intro `{syntax}`.", subject=f"Subject {syntax}", preheader=f"Pre {syntax}")
    post = a_post("one", title=f"Title {syntax}", authors=(f"Author {syntax}",), tags=(f"Tag {syntax}",))

    email = rendered(tmp_path, posts_of((post, a_content(f"Body {escaped}."))), issue=issue)

    assert email.subject == f"Subject {syntax}"
    for wanted in ("Intro", "Title", "Author", "Tag", "Body", "Pre"):
        assert f"{wanted} {syntax}" in shown(email.html)
    for wanted in ("Intro", "Title", "Author", "Tag", "Body"):
        assert f"{wanted} {syntax}" in " ".join(email.text.split())
        assert f"{wanted} {syntax}" in shown(email.web_html)


@pytest.mark.parametrize(
    "hostile",
    [
        "</td></tr></table>",
        "</div></div></div></body></html>",
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "<style>*{display:none}</style>",
        "<!-- <!--[if mso]>",
        "<![endif]-->",
        "<mj-section><mj-quote>",
        '<a href="javascript:alert(1)">x</a>',
        '<form action="https://evil.example"><input></form>',
        "1 < 2 && 3 > 2 & so on",
        "]]><![CDATA[",
    ],
)
def test_markup_in_a_title_is_text_and_in_a_summary_is_harmless(tmp_path: Path, hostile: str) -> None:
    calm = page(one_post(tmp_path).html)

    email = one_post(tmp_path, title=f"Title {hostile} end", html=f"<p>before {hostile} after</p>")

    document = page(email.html)
    assert f"Title {' '.join(hostile.split())} end" in shown(email.html)
    assert "before" in shown(email.html)
    assert "Unsubscribe" in shown(email.html)
    for kind in (
        "//script",
        "//form",
        "//body//style",
        "//@onerror",
        "//input",
        "//a[starts-with(@href,'javascript')]",
    ):
        assert not document.xpath(kind)
    assert len(document.xpath("//table")) == len(calm.xpath("//table"))


@pytest.mark.parametrize(
    "title", ["دليل الإسعافات الأولية", "小さな庭の本", "Fun 🎉👩‍👩‍👧 for all", "שלום", "İstanbul ß ŉ"]
)
def test_titles_in_any_script_arrive_as_written(tmp_path: Path, title: str) -> None:
    email = one_post(tmp_path, title=title)

    for part in (email.html, email.text, email.web_html):
        assert title in part
    assert page(email.html).xpath("//h2/@dir") == ["auto"]


def test_a_line_of_20000_characters_arrives_whole(tmp_path: Path) -> None:
    long = "x" * 20_000

    email = one_post(tmp_path, title=long, html=f"<p>{long}</p>")

    assert long in email.html
    assert email.text.replace("\n", "").count("x" * 20_000) == 2


def test_deep_nesting_neither_crashes_nor_loses_text(tmp_path: Path) -> None:
    email = one_post(tmp_path, html="<blockquote>" * 20_000 + "deep" + "</blockquote>" * 20_000)

    assert "deep" in shown(email.html)
    assert "deep" in email.text


def test_control_characters_and_lone_surrogates_are_dropped(tmp_path: Path) -> None:
    email = one_post(tmp_path, title="a\x00b\x85c\ud800d\ne", html="<p>f\x00g\x93h\ud83di</p>", authors=("j\x1bk",))

    for wanted in ("abcd e", "fghi", "jk"):
        assert wanted in email.html
        assert wanted in email.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", email.html + email.text + email.web_html)
    email.html.encode()


def test_a_post_cannot_forge_a_marker_or_a_token(tmp_path: Path) -> None:
    forged = marker("email", "0ther")
    token = "slot0therT0e"

    email = one_post(tmp_path, title=f"{forged} {token}", html=f"<p>{forged} {token}</p>")

    copy = filled(email, fields_of(a_reader(), delivery_id="d", unsubscribe_url="u", web_url="w"))
    assert copy.html.count(forged) >= 2
    assert copy.html.count(token) >= 2
    assert copy.html.count("ann@example.org") == 0


@pytest.mark.parametrize(
    "bad", ["javascript:alert(1)", "data:text/html,x", "/relative", "https://", "ftp://x.example/"]
)
def test_a_post_whose_address_is_none_is_read_on_in_the_web_version(tmp_path: Path, bad: str) -> None:
    email = one_post(tmp_path, url=bad)

    assert bad not in page(email.html).xpath("//a/@href")
    assert "https://news.example.org/issues/weekly-2023-11-16#post-one" in page(email.html).xpath("//a/@href")


@pytest.mark.parametrize("bad", ["data:image/png;base64,AAAA", "https://x.example/a.svg", "cid:a", "a.png"])
def test_an_image_that_mail_clients_cannot_show_is_left_out(tmp_path: Path, bad: str) -> None:
    post = a_post("one", url="https://www.example.org/one")

    email = rendered(tmp_path, posts_of((post, a_content(image_url=bad))))

    assert not page(email.html).xpath("//img")


def test_an_address_is_not_rewritten_on_its_way(tmp_path: Path) -> None:
    address = 'https://www.example.org/é/{{x}}?a=1&b="2"&c=%20#ü'

    email = one_post(tmp_path, url=address, html=f'<p><a href="{address.replace(chr(34), "&quot;")}">there</a></p>')

    assert set(page(email.html).xpath("//a[.='there' or contains(.,'A title')]/@href")) == {address}
    assert address in email.text.splitlines()


def test_a_line_break_in_a_subject_becomes_a_space(tmp_path: Path) -> None:
    issue = an_issue("one", subject="Hello\r\nBcc: all@example.org", preheader="a\nb")

    email = rendered(tmp_path, posts_of((a_post("one"), a_content())), issue=issue)

    assert email.subject == "Hello Bcc: all@example.org"
    assert email.preheader == "a b"
