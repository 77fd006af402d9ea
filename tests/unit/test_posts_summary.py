from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from newsletter.models import Post, PostContent
from newsletter.posts.content import render_content
from newsletter.posts.folder import read_folder
from newsletter.posts.summary import sentence_ends

PATTERN = "https://www.example.org/{path}"


def post_in(folder: Path, path: str, url_pattern: str = PATTERN) -> Post:
    reading = read_folder(
        folder, zone=ZoneInfo("UTC"), cached={}, known=(), url_pattern=url_pattern, use_git=False
    ).collected
    assert reading.problems == ()
    return next(post for post in reading.posts if post.path == path)


def rendered(
    folder: Path, body: str, *, front: str = "title: A title", path: str = "news/a.md", url_pattern: str = PATTERN
) -> PostContent:
    """The content of a post with this body, written to the folder."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(f"---\n{front}\ndate: 2023-11-14\n---\n{body}", "utf-8")
    return render_content(post_in(folder, path, url_pattern), folder=folder, url_pattern=url_pattern)


LONG = "A sentence of about fifty characters stands in here. "


def test_the_authors_summary_may_have_markup_and_is_not_cut(tmp_path: Path) -> None:
    content = rendered(tmp_path, "Text.\n", front=f"title: A\nsummary: 'A *b* [c](/d). {LONG * 8}'")

    assert content.summary_html.startswith('<p>A <em>b</em> <a href="https://www.example.org/d">c</a>.')
    assert content.summary_text == f"A b c. {LONG * 8}".strip()


def test_the_summary_ends_where_the_author_said(tmp_path: Path) -> None:
    content = rendered(tmp_path, "# Head\n\nOne.\n\n- two\n- three\n\nFour <!--more--> five.\n\nSix.\n")

    assert content.summary_text == "One.\n\n• two\n\n• three\n\nFour"
    assert "Four  five." in content.body_html


def test_jekylls_own_mark_is_honoured(tmp_path: Path) -> None:
    content = rendered(tmp_path, "One.\n\n<!-- cut -->\n\nTwo.\n", front="title: A\nexcerpt_separator: <!-- cut -->")

    assert content.summary_text == "One."


def test_else_the_summary_is_the_first_sentences_of_the_text(tmp_path: Path) -> None:
    body = (
        "## Head\n\n![a](/b.png)\n\n| a |\n|---|\n\n```\ncode\n```\n\n"
        + LONG * 4
        + "[^1]\n\n"
        + LONG * 9
        + "\n\n[^1]: Note.\n"
    )

    content = rendered(tmp_path, body)

    assert content.summary_text == (LONG * 4).strip()


def test_a_long_first_paragraph_is_cut_at_the_end_of_a_sentence_and_never_inside_a_tag(tmp_path: Path) -> None:
    content = rendered(tmp_path, f"{LONG * 4}An **important [link here](/x) that. Goes on** and on. {LONG * 9}\n")

    link = '<a href="https://www.example.org/x">link here</a>'
    assert content.summary_html == f"<p>{LONG * 4}An <strong>important {link} that. Goes on</strong> and on.</p>"


def test_a_sentence_without_an_end_is_cut_between_words(tmp_path: Path) -> None:
    content = rendered(tmp_path, "word " * 500)

    assert content.summary_text.endswith("word…")
    assert len(content.summary_text) <= 301


def test_lines_like_headings_are_no_summary_unless_there_is_nothing_else(tmp_path: Path) -> None:
    assert (
        rendered(tmp_path, "A line like a heading\n\nThe text begins here.\n").summary_text == "The text begins here."
    )
    assert rendered(tmp_path, "Only this\n").summary_text == "Only this"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Smith came. He left.", 2),
        ("Ask e.g. the St. John's team, i.e. us. Now.", 2),
        ("J. R. Smith wrote it. Yes.", 2),
        ("Is it so? “It is!” she said. Good.", 3),
        ("It costs £3.50 at 9 a.m. today. Done.", 2),
        ("これは文です。次の文。", 2),
        ("No end", 0),
    ],
)
def test_abbreviations_end_no_sentence(text: str, sentences: int) -> None:
    assert len(sentence_ends(text)) == sentences
