"""A mail stays under the size at which Gmail clips it, and says which posts had to be shortened for that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as lxml_html

from newsletter.emails import budget, render
from newsletter.emails.budget import LIMIT_BYTES, STYLE_LIMIT_BYTES, Fit
from newsletter.emails.fields import fields_of
from newsletter.emails.inline import inline
from newsletter.emails.markers import filled
from newsletter.emails.minify import minified
from newsletter.emails.render import Rendered, render_fitting
from newsletter.models import Body, Entry, Post, PostContent, Section
from tests.factories import a_content, a_post, a_reader, a_site, an_issue

NONCE = "n0Nce42"
Posts = dict[str, tuple[Post, PostContent]]
PARAGRAPH = "<p>" + "Words that say what happened, and to whom. " * 5 + "</p>"


def posts_of(*paragraphs: int, summary: str = "<p>In short.</p>") -> Posts:
    """Posts p0, p1, … with so many paragraphs each."""
    return {
        f"p{number}": (
            a_post(f"p{number}", title=f"Title number {number}", url=f"https://www.example.org/{number}"),
            a_content(body_html=PARAGRAPH * count, summary_html=summary),
        )
        for number, count in enumerate(paragraphs)
    }


def rendered(folder: Path, posts: Posts, *, body: Body = "full") -> Rendered:
    settings = a_site(folder, digests={"weekly": {"title": "The week", "body": body}})
    return render_fitting(an_issue(*posts), posts, settings=settings, nonce=NONCE)


def shown(rendered: Rendered) -> str:
    return " ".join(lxml_html.document_fromstring(rendered.email.html).body.text_content().split())


def test_a_mail_that_fits_shows_every_post_whole(tmp_path: Path) -> None:
    made = rendered(tmp_path, posts_of(3, 3))

    assert made.fit.shortened == ()
    assert made.fit.warnings == ()
    assert shown(made).count("Words that say") == 30


def test_the_longest_posts_fall_back_to_their_summaries(tmp_path: Path) -> None:
    made = rendered(tmp_path, posts_of(20, 300, 10))

    assert [(one.post_id, one.was, one.now) for one in made.fit.shortened] == [("p1", "full", "summary")]
    assert shown(made).count("Words that say") == 150
    assert "In short." in shown(made)


def test_no_more_posts_are_shortened_than_must_be(tmp_path: Path) -> None:
    listed = "<ul>" + '<li>See <a href="https://www.example.org/a">this</a></li>' * 60 + "</ul>"
    posts = {post_id: (post, a_content(body_html=listed)) for post_id, (post, _) in posts_of(*[1] * 16).items()}

    made = rendered(tmp_path, posts)

    post_bytes = made.fit.would_be_bytes // len(posts)
    assert 0 < len(made.fit.shortened) < len(posts)
    assert budget.counted_bytes(made.fit.size_bytes, made.email.html) + 2 * post_bytes > LIMIT_BYTES


@pytest.mark.parametrize("body", ["full", "summary"])
def test_to_shorten_takes_one_more_page_and_one_of_the_frame(
    tmp_path: Path, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[str] = []

    def counted(page: str, css: str) -> str:
        pages.append(page)
        return inline(page, css)

    monkeypatch.setattr(render, "inline", counted)

    made = rendered(tmp_path, posts_of(*[8] * 30, summary=PARAGRAPH * 16), body=body)

    assert made.fit.shortened
    assert len(pages) == 3


def test_the_report_names_the_posts_and_the_bytes(tmp_path: Path) -> None:
    made = rendered(tmp_path, posts_of(1, 600))

    first, second = made.fit.warnings
    less = len((PARAGRAPH * 600).encode()) - len("<p>In short.</p>")
    assert f"{made.fit.would_be_bytes:,} bytes" in first
    assert second == f"“Title number 1” shows its summary instead of the whole post: {less:,} bytes less"


def test_summaries_fall_back_to_titles_when_all_posts_are_summaries(tmp_path: Path) -> None:
    made = rendered(tmp_path, posts_of(*[1] * 12, summary=PARAGRAPH * 60), body="summary")

    assert {one.now for one in made.fit.shortened} == {"title"}
    assert made.fit.over_bytes == 0
    assert 0 < len(made.fit.shortened) < 12


@pytest.mark.parametrize("body", ["full", "summary", "title"])
def test_two_hundred_posts_stay_under_the_limit_and_all_are_linked(tmp_path: Path, body: Body) -> None:
    posts = posts_of(*[4] * 200, summary=PARAGRAPH)

    made = rendered(tmp_path, posts, body=body)

    links = set(lxml_html.document_fromstring(made.email.html).xpath("//a/@href"))
    assert all(post.url in links for post, _ in posts.values())
    assert all(post.title in made.email.text for post, _ in posts.values())
    assert made.fit.size_bytes < LIMIT_BYTES
    assert made.fit.over_bytes == 0


def test_a_thousand_titles_are_too_much_and_that_is_said(tmp_path: Path) -> None:
    made = rendered(tmp_path, posts_of(*[1] * 1000), body="title")

    assert made.fit.over_bytes > 0
    assert "take out posts" in made.fit.warnings[-1]


def test_the_web_version_is_not_shortened(tmp_path: Path) -> None:
    posts = {
        post_id: (post.model_copy(update={"url": None}), content) for post_id, (post, content) in posts_of(600).items()
    }

    made = rendered(tmp_path, posts)

    assert made.fit.shortened
    assert made.email.web_html.count("Words that say") == 3000


def test_what_is_measured_is_one_readers_copy_at_its_longest(tmp_path: Path) -> None:
    settings = a_site(tmp_path)
    email = rendered(tmp_path, posts_of(1, 1)).email
    values = budget.longest_fields(settings)

    measured = budget.merged_bytes(email.html, NONCE, values)

    assert measured == len(filled(email, values).html.encode())
    usual = fields_of(a_reader(), delivery_id="d1", unsubscribe_url="https://n.example/u", web_url="https://n.example")
    assert measured > len(filled(email, usual).html.encode())


def test_links_leave_room_for_a_providers_tracking() -> None:
    link = '<a class="x" href="https://www.example.org">a</a>'

    few, many = budget.counted_bytes(0, link * 10), budget.counted_bytes(0, link * 1000)

    assert few == budget.ROOM_BYTES
    assert many == 1000 * budget.TRACKED_LINK_BYTES
    assert budget.counted_bytes(0, '<a href="mailto:a@example.org">a</a>' * 1000) == budget.ROOM_BYTES


def test_styles_stay_far_under_what_gmail_takes_with_dark_and_media_rules_in_blocks_of_their_own(
    tmp_path: Path,
) -> None:
    html = rendered(tmp_path, posts_of(1)).email.html

    blocks = lxml_html.document_fromstring(html).xpath("//style/text()")
    assert budget.style_bytes(html) < STYLE_LIMIT_BYTES / 2
    for at_rule in ("prefers-color-scheme", "max-width:479px", "[data-ogsc]"):
        assert len([block for block in blocks if at_rule in block.replace(" ", "")]) <= 1
    assert not [block for block in blocks if "prefers-color-scheme" in block and ":root" in block]


@pytest.mark.parametrize("theme", ["default", "plain", "magazine"])
def test_ten_posts_take_at_most_six_bytes_of_html_for_one_of_text(tmp_path: Path, theme: str) -> None:
    words = "What happened in the old mill, who came to see it, and what they would like to do there next. " * 6
    posts = {
        f"p{number}": (
            a_post(f"p{number}", title=f"Title number {number}", authors=("Ann Other",), tags=("News",)),
            a_content(f"{number} {words}", image_url=f"https://www.example.org/{number}.jpg", image_alt="The mill"),
        )
        for number in range(10)
    }
    settings = a_site(tmp_path, digests={"weekly": {"title": "The week", "theme": theme}})

    html = render_fitting(an_issue(*posts), posts, settings=settings, nonce=NONCE).email.html

    text = " ".join(lxml_html.document_fromstring(html).body.text_content().split())
    assert len(html.encode()) / len(text.encode()) < 6
    assert not re.search(r"<!\[endif\]-->\s*<!--\[if mso \| IE\]>", html)
    assert html.count("<!--[if") == html.count("<![endif]-->")


Sizes = dict[str, dict[Body, int]]
_sizes = st.dictionaries(
    st.text(min_size=1, max_size=3),
    st.fixed_dictionaries({"full": st.integers(0, 5000), "summary": st.integers(0, 500), "title": st.just(0)}),
    min_size=1,
)


@given(_sizes, st.integers(1, 100_000), st.integers(0, 100_000))
def test_shortening_ends_and_never_shows_more(sizes: Sizes, save_bytes: int, posts_bytes: int) -> None:
    order: list[Body] = ["full", "summary", "title"]
    bodies: dict[str, Body] = dict.fromkeys(sizes, "full")

    for _ in range(2 * len(sizes) + 1):
        less = budget.shorter(bodies, sizes, posts_bytes=posts_bytes, save_bytes=save_bytes)
        assert all(order.index(less[post_id]) >= order.index(body) for post_id, body in bodies.items())
        if less == bodies:
            break
        bodies = less

    assert set(bodies.values()) == {"title"}


def test_minifying_keeps_conditional_comments_and_code_and_the_space_between_words() -> None:
    page = (
        '<!--[if mso]>\n  <table>\n<![endif]-->\n   <p>one\n      two</p><div style="top: 0;">a\u00a0\u00a0b</div>'
        "<style> a { color: red; }\n\n b { margin: 0 } /* why */ </style>"
    )

    assert minified(page) == (
        '<!--[if mso]>\n<table>\n<![endif]-->\n<p>one\ntwo</p><div style="top:0">a\u00a0\u00a0b</div>'
        "<style>a{color: red}b{margin: 0}</style>"
    )


def test_nothing_is_said_of_a_mail_that_needed_nothing() -> None:
    assert Fit(100, 100).warnings == ()


def test_the_editors_own_summary_counts_as_the_whole_post(tmp_path: Path) -> None:
    posts = posts_of(600)
    issue = an_issue(sections=(Section(entries=(Entry(post_id="p0", summary="Only this."),)),))
    settings = a_site(tmp_path, digests={"weekly": {"body": "full"}})

    made = render_fitting(issue, posts, settings=settings, nonce=NONCE)

    assert made.fit.shortened == ()
    assert "Only this." in shown(made)
