from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Set
from pathlib import Path
from zoneinfo import ZoneInfo

import lxml.html
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.errors import BadInput
from newsletter.models import Post
from newsletter.posts import markdown
from newsletter.posts.as_markdown import html_to_markdown, text_to_markdown
from newsletter.posts.content import render_content
from newsletter.posts.dated_lines import dated_line
from newsletter.posts.folder import read_folder
from newsletter.posts.import_text import read_dump
from newsletter.posts.imports import ImportReport, import_files
from newsletter.posts.shortcodes import Dialect, without_shortcodes
from tests.factories import utc

LONDON = ZoneInfo("Europe/London")
NEWS_PAGE = Path(__file__).parents[3] / "shared/content/proud2bops-news.txt"


def imported(
    folder: Path, name: str, content: str | bytes, seen: Set[str] = frozenset(), *, keep_closing: bool = False
) -> ImportReport:
    """What importing one file of this content into `folder/posts` gave."""
    folder.mkdir(exist_ok=True)
    source = folder / name
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    return import_files([source], into=folder / "posts", zone=LONDON, seen=seen, keep_closing=keep_closing)


def posts_in(folder: Path) -> dict[str, Post]:
    reading = read_folder(folder / "posts", zone=LONDON, cached={}, known=(), use_git=False).collected
    assert reading.problems == ()
    return {post.title: post for post in reading.posts}


def html_of(folder: Path, title: str) -> str:
    return render_content(posts_in(folder)[title], folder=folder / "posts").body_html


# --- page dumps -----------------------------------------------------------------------------------------------------

PAGE = """News of the network

November 16, 2023

A new hall

We have a hall.
It is *large* & <wide>, see https://www.example.org/hall_one.

  • one_two
  • two

1999. A year.

November 2, 2023

Dates on the way

On 3 November we meet:

3 November 2023

Membership

Nine of us are members.

October 16, 2023

The last one

Its text.

Membership

Join us for nothing.

Contact

Write to us.
"""


def test_a_line_that_is_only_a_date_then_a_title_begins_a_post(tmp_path: Path) -> None:
    report = imported(tmp_path, "page.txt", PAGE)

    assert report.added == (
        "2023-11-16-a-new-hall.md",
        "2023-11-02-dates-on-the-way.md",
        "2023-10-16-the-last-one.md",
    )
    assert [post.published_at for post in posts_in(tmp_path).values()] == [
        utc(2023, 10, 15, 23),
        utc(2023, 11, 2),
        utc(2023, 11, 16),
    ]


def test_a_dump_is_shown_as_it_was(tmp_path: Path) -> None:
    imported(tmp_path, "page.txt", PAGE)

    assert html_of(tmp_path, "A new hall") == (
        "<p>We have a hall.<br>\n\nIt is *large* &amp; &lt;wide&gt;, "
        'see <a href="https://www.example.org/hall_one">https://www.example.org/hall_one</a>.</p>\n'
        "<ul>\n<li>one_two</li>\n<li>two</li>\n</ul>\n<p>1999. A year.</p>"
    )


def test_the_closing_block_is_cut_after_the_last_post_only_and_it_is_told(tmp_path: Path) -> None:
    report = imported(tmp_path, "page.txt", PAGE)

    assert html_of(tmp_path, "The last one") == "<p>Its text.</p>"
    assert "Nine of us are members." in html_of(tmp_path, "Dates on the way")
    assert [item.id for item in report.left_out] == ["page.txt", "page.txt"]
    assert "News of the network" in report.left_out[0].reason
    assert "'Membership'" in report.left_out[1].reason


def test_the_closing_block_can_be_kept(tmp_path: Path) -> None:
    imported(tmp_path, "page.txt", PAGE, keep_closing=True)

    assert "Join us for nothing." in html_of(tmp_path, "The last one")


@pytest.mark.parametrize("heading", ["Membership of the board", "MEMBERSHIPS", "Our membership"])
def test_only_a_line_that_is_exactly_a_closing_heading_closes(heading: str) -> None:
    dump = read_dump(f"May 1, 2023\n\nTitle\n\nText.\n\n{heading}\n\nMore.\n")

    assert dump.closing == ""


def test_a_long_text_below_a_closing_heading_is_no_closing_block() -> None:
    dump = read_dump("May 1, 2023\n\nTitle\n\nText.\n\nContact\n\n" + "A long chapter about contact. " * 100)

    assert dump.closing == ""


@pytest.mark.parametrize(
    "line",
    ["November 2, 2023", "2 November 2023", "2nd Nov 2023", "Thursday, November 2nd, 2023", "Thu 2 Nov 2023",
     "2023-11-02", "2023/11/2", "02.11.2023", "02/11/2023", "2-Nov-2023", "Posted on November 2, 2023",
     "Nov. 2, 2023, 10:30 am", "Sept 2 2023", "2 NOVEMBER 2023", "  November 2, 2023  "],
)  # fmt: skip
def test_a_date_is_recognised_however_it_is_written(line: str) -> None:
    found = dated_line(line)

    assert found is not None
    day = found.day()
    assert day is not None
    assert (day.year, day.day) == (2023, 2)


@pytest.mark.parametrize(
    "line",
    ["", "November 2023", "2023", "On November 2, 2023 we met", "12:30", "1. 2. 3.", "November 2, 2023 and", "x" * 99],
)
def test_a_line_with_more_or_less_than_a_date_is_none(line: str) -> None:
    assert dated_line(line) is None


def test_the_other_dates_of_a_page_tell_which_number_is_the_month() -> None:
    dump = read_dump("11/2/2023\n\nOne\n\nText.\n\n11/16/2023\n\nTwo\n\nText.\n")

    assert [(post.day.month, post.day.day) for post in dump.posts] == [(11, 2), (11, 16)]


def test_the_real_news_page_gives_exactly_its_nine_posts(tmp_path: Path) -> None:
    if not NEWS_PAGE.exists():
        pytest.skip(f"needs {NEWS_PAGE}, which is not part of this repository")
    page = NEWS_PAGE.read_text("utf-8")

    report = import_files([NEWS_PAGE], into=tmp_path / "posts", zone=LONDON, seen=set())

    posts = sorted(posts_in(tmp_path).values(), key=lambda post: post.id)
    assert len(report.added) == len(posts) == 9
    assert sorted((f"{post.published_at:%Y-%m-%d}", _fingerprint(post.title)) for post in posts) == [
        ("2023-01-25", "79b87aa6"), ("2023-05-12", "00b5fd46"), ("2023-10-16", "d3ae1f39"),
        ("2023-11-02", "36272936"), ("2023-11-13", "e06697ba"), ("2023-11-13", "eadabf19"),
        ("2023-11-13", "ecfc08d6"), ("2023-11-14", "be51e250"), ("2023-11-16", "c654ecd0"),
    ]  # fmt: skip
    bodies = {post.title: _letters(html_of(tmp_path, post.title)) for post in posts}
    blurb = _letters(page.strip().splitlines()[-1])
    assert all(blurb not in body for body in bodies.values())
    # Every word of the page is in a title, a body, a date or the closing block: nothing was lost, nothing added.
    dump = read_dump(page)
    assert {
        post.title: _letters(re.sub(r"^\s*\d+\. ", "", post.body, flags=re.MULTILINE)) for post in dump.posts
    } == bodies
    assert [len(post.body.split()) for post in dump.posts] == [617, 207, 856, 681, 885, 857, 1045, 1172, 1190]
    assert len(report.left_out) == 1


def _without_numbers(text: str) -> str:
    """The text without the numbers of its lists, which HTML does not write out."""
    return re.sub(r"^\s*\d+\. ", "", text, flags=re.MULTILINE)


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _letters(text: str) -> str:
    plain = lxml.html.fromstring(f"<div>{text}</div>").text_content() if "<p>" in text else text
    return "".join(letter for letter in plain if letter.isalnum())


# --- once, and never again ------------------------------------------------------------------------------------------


def test_importing_again_adds_only_what_is_new(tmp_path: Path) -> None:
    imported(tmp_path, "page.txt", PAGE)

    report = imported(tmp_path, "page.txt", "November 20, 2023\n\nNewer\n\nText.\n\n" + PAGE.split("\n", 2)[2])

    assert (report.added, report.unchanged) == (("2023-11-20-newer.md",), 3)


def test_what_an_editor_deleted_renamed_or_rewrote_stays_as_it_is(tmp_path: Path) -> None:
    keys = imported(tmp_path, "page.txt", PAGE).keys
    posts = tmp_path / "posts"
    (posts / "2023-11-16-a-new-hall.md").unlink()
    (posts / "2023-11-02-dates-on-the-way.md").rename(posts / "dates.md")
    (posts / "2023-10-16-the-last-one.md").write_text("Mine.\n")

    report = imported(tmp_path, "page.txt", PAGE, set(keys))

    assert (report.added, report.unchanged) == ((), 3)
    assert sorted(path.name for path in posts.iterdir()) == ["2023-10-16-the-last-one.md", "dates.md"]
    assert (posts / "2023-10-16-the-last-one.md").read_text() == "Mine.\n"


def test_a_corrected_title_makes_no_second_post(tmp_path: Path) -> None:
    keys = imported(tmp_path, "page.txt", PAGE).keys

    report = imported(tmp_path, "page.txt", PAGE.replace("A new hall", "The new hall"), set(keys))

    assert report.added == ()


def test_without_the_store_the_files_themselves_tell_what_was_imported(tmp_path: Path) -> None:
    imported(tmp_path, "page.txt", PAGE)
    (tmp_path / "posts/2023-11-16-a-new-hall.md").rename(tmp_path / "posts/hall.md")

    report = imported(tmp_path, "page.txt", PAGE)

    assert report.added == ()


def test_a_name_that_is_taken_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts/2023-11-16-a-new-hall.md").write_text("Somebody's.\n")

    report = imported(tmp_path, "page.txt", PAGE)

    assert report.added[0] == "2023-11-16-a-new-hall-2.md"
    assert (tmp_path / "posts/2023-11-16-a-new-hall.md").read_text() == "Somebody's.\n"


def test_two_posts_of_one_day_and_title_are_two(tmp_path: Path) -> None:
    page = "May 1, 2023\n\nNews\n\nOne.\n\nMay 1, 2023\n\nNews\n\nTwo.\n"

    first, again = imported(tmp_path, "page.txt", page), imported(tmp_path, "page.txt", page)

    assert first.added == ("2023-05-01-news.md", "2023-05-01-news-2.md")
    assert (again.added, again.unchanged) == ((), 2)


def test_missing_and_unusable_files_are_all_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "page.txt").write_text(PAGE)
    (tmp_path / "none.txt").write_text("No date here.\n")
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    (tmp_path / "b.docx").write_bytes(b"PK")
    names = ["page.txt", "gone.txt", "none.txt", "a.pdf", "b.docx", "."]

    with pytest.raises(BadInput) as error:
        import_files([tmp_path / name for name in names], into=tmp_path / "posts", zone=LONDON, seen=set())

    assert [place.where.rsplit("/", 1)[1] for place in error.value.places[:4]] == [
        "gone.txt",
        "none.txt",
        "a.pdf",
        "b.docx",
    ]
    assert len(error.value.places) == 5
    assert "feeds" in str(error.value.fix)
    assert not (tmp_path / "posts").exists()


# --- feeds ----------------------------------------------------------------------------------------------------------

RSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>News</title>
<item><title>Open &amp;amp; free</title><link>https://www.example.org/open</link><guid isPermaLink="false">n-1</guid>
<pubDate>Thu, 16 Nov 2023 10:00:00 +0100</pubDate><category>News</category><dc:creator>Ann Other</dc:creator>
<description>In short.</description>
<content:encoded><![CDATA[<h2>Head</h2><p>Text with <b>bold</b> {{ name }} {% if %}.</p>
<script>steal()</script>]]></content:encoded></item>
<item><title>Undated</title><guid>n-2</guid><description>x</description></item>
</channel></rss>"""


def test_an_rss_file_gives_its_entries_with_what_they_say_of_themselves(tmp_path: Path) -> None:
    report = imported(tmp_path, "feed.xml", RSS)

    post = posts_in(tmp_path)["Open & free"]
    assert report.added == ("2023-11-16-open-free.md",)
    assert [(item.id, item.reason) for item in report.left_out] == [("Undated", "the feed gives no date for it")]
    assert (post.id, post.url) == ("n-1", "https://www.example.org/open")
    assert post.published_at == utc(2023, 11, 16, 9)
    assert (post.tags, post.authors, post.summary) == (("News",), ("Ann Other",), "In short.")
    assert (
        html_of(tmp_path, "Open & free") == "<h2>Head</h2>\n<p>Text with <strong>bold</strong> {{ name }} {% if %}.</p>"
    )


def test_an_entry_that_changed_in_its_feed_is_not_imported_again(tmp_path: Path) -> None:
    imported(tmp_path, "feed.xml", RSS)

    report = imported(tmp_path, "feed.xml", RSS.replace("bold", "bolder").replace("Open", "Closed"))

    assert (report.added, report.unchanged) == ((), 1)


def test_an_atom_file_is_read_too(tmp_path: Path) -> None:
    atom = """<feed xmlns="http://www.w3.org/2005/Atom"><title>N</title><entry><id>urn:1</id><title>One</title>
    <published>2023-11-16T09:00:00Z</published><content type="html">&lt;p&gt;Text.&lt;/p&gt;</content></entry></feed>"""

    imported(tmp_path, "feed.atom", atom)

    assert posts_in(tmp_path)["One"].id == "urn:1"


@pytest.mark.parametrize(
    "xml",
    [
        '<!DOCTYPE x [<!ENTITY a "aaa"><!ENTITY b "&a;&a;">]><rss version="2.0"><channel>&b;</channel></rss>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel>&a;</channel></rss>',
        '<!DOCTYPE x [<!ENTITY a "a">]><rss><broken>',
    ],
)
def test_a_feed_with_entities_of_its_own_is_refused(tmp_path: Path, xml: str) -> None:
    with pytest.raises(BadInput, match="entities"):
        imported(tmp_path, "feed.xml", xml)


def test_a_json_feed_is_read_too(tmp_path: Path) -> None:
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "N", "items": [
        {"id": "1", "title": "One", "date_published": "2023-11-16T09:00:00Z", "content_text": "*Text* & more."},
        {"id": "2", "title": "Two", "content_html": "<p>x</p>"},
    ]}  # fmt: skip

    report = imported(tmp_path, "feed.json", json.dumps(feed))

    assert (len(report.added), report.left_out[0].id) == (1, "Two")
    assert html_of(tmp_path, "One") == "<p>*Text* &amp; more.</p>"


# --- exports --------------------------------------------------------------------------------------------------------


def test_a_wordpress_export_gives_its_published_posts(tmp_path: Path) -> None:
    def item(title: str, kind: str, status: str) -> str:
        return f"""<item><title>{title}</title><link>https://www.example.org/{title}</link><guid>{title}-1</guid>
        <dc:creator>ann</dc:creator><content:encoded><![CDATA[First.\n\nSecond.<!--more-->\n\nThird.]]></content:encoded>
        <wp:post_date_gmt>2023-11-16 09:00:00</wp:post_date_gmt><wp:post_type>{kind}</wp:post_type>
        <wp:status>{status}</wp:status><category domain="post_tag">Hall</category></item>"""

    items = item("One", "post", "publish") + item("Two", "post", "draft") + item("Three", "page", "publish")
    export = f"""<?xml version="1.0"?><rss version="2.0" xmlns:wp="http://wordpress.org/export/1.2/"
    xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
    <channel>{items}{item("Photo", "attachment", "inherit")}</channel></rss>"""

    report = imported(tmp_path, "export.xml", export)

    assert report.added == ("2023-11-16-one.md",)
    assert [item.id for item in report.left_out] == ["Two", "Three"]
    content = render_content(posts_in(tmp_path)["One"], folder=tmp_path / "posts")
    assert content.summary_text == "First.\n\nSecond."
    assert posts_in(tmp_path)["One"].tags == ("Hall",)


def test_a_ghost_export_gives_its_published_posts(tmp_path: Path) -> None:
    data = {
        "posts": [
            {"id": "a", "uuid": "u1", "title": "One", "html": "<p>Text.</p>", "status": "published",
             "published_at": "2023-11-16 09:00:00"},
            {"id": "b", "title": "Two", "html": "", "status": "draft"},
        ],
        "tags": [{"id": "t", "name": "Hall"}],
        "posts_tags": [{"post_id": "a", "tag_id": "t"}],
        "users": [{"id": "x", "name": "Ann"}],
        "posts_authors": [{"post_id": "a", "author_id": "x"}],
    }  # fmt: skip

    report = imported(tmp_path, "ghost.json", json.dumps({"db": [{"data": data}]}))

    post = posts_in(tmp_path)["One"]
    assert (post.id, post.tags, post.authors) == ("ghost-u1", ("Hall",), ("Ann",))
    assert post.published_at == utc(2023, 11, 16, 9)
    assert report.left_out[0].reason == "not published (its status is draft)"


# --- pages and documents --------------------------------------------------------------------------------------------

HTML_PAGE = """<html><head><title>Hall | Example</title><meta property="og:image" content="https://www.example.org/h.jpg">
<link rel="canonical" href="https://www.example.org/hall">
<script type="application/ld+json">{"@graph": [{"@type": "Article", "datePublished": "2023-11-16T09:00:00Z",
"author": {"name": "Ann"}}]}</script></head>
<body><nav>Menu</nav><main><article><h1>The hall</h1><time datetime="2023-11-16">16 November 2023</time>
<p>Text, see <a href="/map">the map</a>.</p></article></main><footer>Foot</footer></body></html>"""


def test_a_saved_page_gives_its_main_text_title_and_date(tmp_path: Path) -> None:
    imported(tmp_path, "hall.html", HTML_PAGE)

    post = posts_in(tmp_path)["The hall"]
    assert post.published_at == utc(2023, 11, 16, 9)
    assert (post.url, post.image, post.authors) == (
        "https://www.example.org/hall",
        "https://www.example.org/h.jpg",
        ("Ann",),
    )
    assert html_of(tmp_path, "The hall") == '<p>Text, see <a href="https://www.example.org/map">the map</a>.</p>'


def test_a_page_without_a_date_is_dated_by_its_file_and_the_post_file_says_so(tmp_path: Path) -> None:
    report = imported(tmp_path, "hall.html", "<h1>Hall</h1><p>Text.</p>")

    assert "# from the file's time; correct it" in (tmp_path / "posts" / report.added[0]).read_text()


WORD = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{}</w:body></w:document>'
CORE = """<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"><dc:creator>Ann Other</dc:creator>
<dcterms:created>2023-11-16T09:00:00Z</dcterms:created></cp:coreProperties>"""
CONTENT_TYPES = """<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/word/document.xml"
ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"""
RELATIONS = """<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1"
Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>
</Relationships>"""


def a_word_file(*paragraphs: str, document: str = "", **more: str) -> bytes:
    """A .docx with these paragraphs, as Word would pack it."""
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    parts = {"[Content_Types].xml": CONTENT_TYPES, "_rels/.rels": RELATIONS, "docProps/core.xml": CORE}
    parts |= {"word/document.xml": document or WORD.format(body)} | more
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return packed.getvalue()


def test_a_word_file_gives_its_text_title_date_and_author(tmp_path: Path) -> None:
    report = imported(tmp_path, "hall.docx", a_word_file("The hall", "It is *open*.", "Come in."))

    post = posts_in(tmp_path)["The hall"]
    assert report.added == ("2023-11-16-the-hall.md",)
    assert (post.published_at, post.authors) == (utc(2023, 11, 16, 9), ("Ann Other",))
    assert html_of(tmp_path, "The hall") == "<p>It is *open*.</p>\n<p>Come in.</p>"


def test_a_date_at_the_top_of_a_word_file_is_its_date(tmp_path: Path) -> None:
    imported(tmp_path, "hall.docx", a_word_file("14 November 2023", "The hall", "It is open."))

    assert posts_in(tmp_path)["The hall"].published_at == utc(2023, 11, 14)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (a_word_file("x", bomb="0" * 60_000_000), "would unpack to 60 MB"),
        (a_word_file("x", document='<!DOCTYPE x [<!ENTITY a "b">]>' + WORD.format("&a;")), "XML entities"),
        (a_word_file("x", document="<w:broken"), "cannot be read as a Word file"),
        (b"PK\x03\x04 not a zip", "no Word file"),
        (a_word_file(""), "without text"),
    ],
)
def test_a_word_file_that_could_do_harm_or_is_none_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        imported(tmp_path, "a.docx", content)


# --- Markdown that shows what was there -----------------------------------------------------------------------------


def shown(written: str) -> str:
    """The text that a reader of this Markdown sees, blanks folded."""
    html = markdown.to_html(without_shortcodes(written, Dialect(is_liquid=True, is_tera=True)))
    return " ".join(lxml.html.fromstring(f"<div>{html}</div>").text_content().split())


MARKUP = [
    "*", "_", "`", "#", "+", "1.a", "<b>", "[x](y)", "![", "|", "~~", "&amp;", "&#38;", "\\", "{%", "{{x}}",
    "{:.x}", "{#id}", "===", "---", "***", "<!--more-->", ":::", "[TOC]", "[^1]", "a_b_c", "*|X|*", "2*3*4",
    "<!--", "{%raw%}", "{{<x>}}", "**b**", "__b__", "~~s~~", "<https://x>", "](", "http://a_b.c/*d*",
    "{{'a'|b}}", "[caption]", ">", "-", "7)",
]  # fmt: skip
LINES = st.lists(st.sampled_from([*MARKUP, "# x", "1. a", "> q", "{{ x }}", "    code"]), min_size=1, max_size=6)


@settings(max_examples=300)
@given(LINES)
def test_text_that_looks_like_markup_is_shown_as_it_was(parts: list[str]) -> None:
    text = "x " + " ".join(parts)

    assert shown(text_to_markdown(text)) == " ".join(text.split())


@given(
    st.sampled_from(
        [
            "# x",
            "- x",
            "+ x",
            "12) x",
            "===",
            "---",
            "> x",
            "~~~",
            "```",
            "    x",
            "| a |",
            ":::",
            "1986. x",
            "<p>",
            "[a]: b",
        ]
    )
)
def test_a_line_that_begins_like_markup_is_shown_as_it_was(line: str) -> None:
    text = f"Above.\n\n{line} and more\n\nBelow."

    expected = re.sub(r"^- ", "", f"{line} and more".strip())
    assert shown(text_to_markdown(text)) == " ".join(f"Above. {expected} Below.".split())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(LINES)
def test_text_of_a_page_that_looks_like_markup_is_shown_as_it_was(parts: list[str]) -> None:
    text = " ".join(["x", *parts]).replace("    code", "code")
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    assert shown(html_to_markdown(f"<p>{escaped}</p>")) == " ".join(text.split())
