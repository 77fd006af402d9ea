"""What the checks say of words: subject, preheader, text part, what nobody filled in, what filters count."""

from __future__ import annotations

import pytest

from newsletter.emails.markers import marker
from tests.checking import FIRST_AID, ISSUE_FILE, MARKET, NONCE, Told, found, looked_at, told, written

SPANISH = {"name": "Red de ejemplo", "url": "https://news.example.org", "language": "es"}

# --- subject and preheader -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "level"),
    [
        ("Winter market", None),
        ("", "error"),
        ("Re: winter market", "error"),
        ("Fwd: winter market", "error"),
        ("Reading by the fire", None),
        ("Hello {{ name }}", "error"),
        ("Hello *|FNAME|*", "error"),
        ("x" * 70, None),
        ("x" * 71, "warning"),
        ("WINTER MARKET OPENS", "warning"),
        ("NHS news", None),
    ],
)
def test_a_subject_that_would_embarrass_is_told_in_issue_md(subject: str, level: str | None) -> None:
    checked = looked_at(subject=subject)

    assert [told(one) for one in found(checked, "subject")] == ([(level, f"{ISSUE_FILE}:2")] if level else [])


def test_braces_that_the_subject_took_from_a_posts_title_are_a_warning() -> None:
    checked = looked_at(written("<p>Words.</p>", title="Use {{ page }}"), MARKET, subject="Use {{ page }} and more")

    assert [one.level for one in found(checked, "subject")] == ["warning"]


@pytest.mark.parametrize(
    ("preheader", "says"),
    [
        ("", "empty"),
        ("Winter market and two new GUIDES!", "the subject"),
        ("First aid in the workshop", "first heading"),
        ("Soup at noon.", "13 characters"),
        ("x" * 141, "141"),
        ("x" * 35, None),
    ],
)
def test_a_preheader_that_says_nothing_new_is_told_in_issue_md(preheader: str, says: str | None) -> None:
    said = found(looked_at(preheader=preheader), "preheader")

    assert [told(one) for one in said] == ([("warning", f"{ISSUE_FILE}:3")] if says else [])
    assert all(str(says) in one.message for one in said)


# --- characters ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("It\u2019s here", False),
        ("It\u0092s here", True),
        ("It\ufffds here", True),
        ("Ita\u00e2\u20ac\u2122s here", True),
        ("Caf\u00c3\u00a9", True),
        ("S\u00c3O PAULO, a \u00c2ngulo", False),
        ("déjà vu", False),
    ],
)
def test_characters_that_were_misread_once_are_told_in_their_post(text: str, is_told: bool) -> None:
    post = written("<p>Marked here.</p>")

    checked = looked_at(post, MARKET, html=lambda html: html.replace("Marked here.", text))

    assert [told(one) for one in found(checked, "charset")] == [("error", "posts/first-aid.md")] * is_told


def test_a_part_in_another_charset_is_told() -> None:
    checked = looked_at(message=lambda mail: mail.replace(b'charset="utf-8"', b'charset="iso-8859-1"'))

    assert len(found(checked, "charset")) == 2


# --- left over -------------------------------------------------------------------------------------------------


def test_an_open_merge_field_is_told() -> None:
    unknown = marker("name", NONCE).replace("name", "nickname")

    checked = looked_at(html=lambda html: html.replace("</body>", f"{unknown}</body>"))

    assert [one.level for one in found(checked, "markers")] == ["error"]


@pytest.mark.parametrize(
    "left", ["{{ title }}", "{% if x %}", "*|FNAME|*", "%recipient.name%", "<mj-quote></mj-quote>"]
)
def test_template_syntax_of_the_theme_in_the_mail_is_an_error(left: str) -> None:
    checked = looked_at(html=lambda html: html.replace("</body>", f"<p>{left}</p></body>"))

    assert [one.level for one in found(checked, "markers")] == ["error"]


@pytest.mark.parametrize("left", ["{{ page.title }}", "{% include x %}", "*|FNAME|*"])
def test_template_syntax_in_a_post_is_a_warning_in_its_line_and_none_in_code(left: str) -> None:
    prose = looked_at(written(f"<p>Hello {left} all.</p>"), MARKET)
    code = looked_at(written(f"<p>Hello <code>{left}</code> all.</p>"), MARKET)

    assert [told(one) for one in found(prose, "template-braces")] == [("warning", "posts/first-aid.md:4")]
    assert found(prose, "markers") == found(code, "template-braces") == found(code, "markers") == []


def test_braces_in_a_title_are_the_posts_and_not_the_themes() -> None:
    checked = looked_at(written("<p>Words.</p>", title="How {{ braces }} work"), MARKET)

    assert found(checked, "markers") == []
    assert {one.where for one in found(checked, "template-braces")} == {"posts/first-aid.md:2"}


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("Lorem ipsum dolor sit amet", True),
        ("The date is TBC", True),
        ("TODO: write this", True),
        ("Bring [your name] along", True),
        ("A todo list for the winter", False),
        ("Write in the box [1] below", False),
    ],
)
def test_placeholders_are_told_in_their_line(text: str, is_told: bool) -> None:
    checked = looked_at(written(f"<p>{text}</p>"), MARKET)

    assert [told(one) for one in found(checked, "placeholder-text")] == [("warning", "posts/first-aid.md:4")] * is_told


def test_todo_in_capitals_is_a_word_in_spanish() -> None:
    post = written("<p>Para TODO el mundo.</p>")

    assert found(looked_at(post, MARKET, site=SPANISH), "placeholder-text") == []
    assert found(looked_at(post, MARKET), "placeholder-text") != []


def test_a_link_to_an_address_for_examples_is_told_unless_the_site_lives_there() -> None:
    post = written('<p>See <a href="https://www.example.com/x">the stalls</a> soon.</p>')
    own = {"email": "news@example.com", "postal_address": "1 Example Street, London"}

    assert [one.where for one in found(looked_at(post, MARKET), "placeholder-text")] == ["posts/first-aid.md:4"]
    assert found(looked_at(post, MARKET, sender=own), "placeholder-text") == []


def test_the_subject_of_a_test_is_told() -> None:
    assert found(looked_at(subject="Test newsletter"), "placeholder-text") != []
    assert found(looked_at(subject="Test your smoke alarm"), "placeholder-text") == []


# --- posts -----------------------------------------------------------------------------------------------------


def test_a_post_of_an_earlier_issue_is_told() -> None:
    checked = looked_at(used={"first-aid": "weekly-2023-11-09"})

    assert "weekly-2023-11-09" in found(checked, "duplicate")[0].message


def test_two_posts_with_one_title_or_one_text_are_told_at_the_second() -> None:
    copy = Told("Another title", FIRST_AID.html, path="copy")
    namesake = Told("first aid in the WORKSHOP", "<p>Other words.</p>", path="namesake")

    said = found(looked_at(FIRST_AID, copy, namesake, MARKET), "duplicate")

    assert [told(one) for one in said] == [("warning", "posts/copy.md"), ("warning", "posts/namesake.md")]


@pytest.mark.parametrize(
    ("note", "count"),
    [("without a date: dated by the file's time, which copying changes", 1), ("dated by its name", 0)],
)
def test_a_post_without_a_date_of_its_own_is_told(note: str, count: int) -> None:
    checked = looked_at(written("<p>Words.</p>", notes=(note,)), MARKET)

    assert [told(one) for one in found(checked, "undated")] == [("warning", "posts/first-aid.md:2")] * count


# --- text part -------------------------------------------------------------------------------------------------


def test_a_mail_without_a_text_part_is_an_error() -> None:
    (problem,) = found(looked_at(text=lambda _: ""), "text-part")

    assert problem.level == "error"
    assert "no text part" in problem.message


def test_a_text_part_that_lacks_words_is_told_by_how_many() -> None:
    some = looked_at(text=lambda text: text.replace("Forty stalls along the river, and a fire to warm your", ""))
    most = looked_at(text=lambda text: text[-300:])

    assert [one.level for one in found(some, "text-part") if "words" in one.message] == ["warning"]
    assert [one.level for one in found(most, "text-part") if "words" in one.message] == ["error"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("<p>Words</p>", "HTML"),
        ("Salt &amp; pepper", "entity"),
        ("word " * 17, "columns"),
        ("https://www.example.org/" + "x" * 90, None),
        ("\n\n\n\nend", "empty lines"),
        ("字" * 39, None),
        ("字" * 40, "columns"),
    ],
)
def test_a_text_part_that_reads_badly_is_told(more: str, says: str | None) -> None:
    messages = [one.message for one in found(looked_at(text=lambda text: text + "\n" + more), "text-part")]

    assert len(messages) == (says is not None)
    assert all(str(says) in message for message in messages)


def test_a_post_about_html_may_show_tags_in_the_text_part() -> None:
    post = written("<p>Write <code>&lt;p&gt;</code> and <code>&amp;amp;</code> in templates.</p>")

    assert found(looked_at(post, MARKET), "text-part") == []


def test_a_link_that_only_the_html_has_is_told() -> None:
    link = '<a href="https://www.example.org/hidden?utm_source=x">The market hall</a>'

    checked = looked_at(html=lambda html: html.replace("Forty stalls", link))

    assert any("the link “The market hall”" in one.message for one in found(checked, "text-part"))


# --- spam ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Act now, it is risk-free.", 2),
        ("You may buy now or later.", 0),
        ("Come all!!!", 1),
        ("Come all!", 0),
        ('See <a href="https://bit.ly/x">the stalls</a>.', 1),
    ],
)
def test_what_spam_filters_count_is_told_in_its_line(text: str, count: int) -> None:
    checked = looked_at(written(f"<p>{text}</p>"), MARKET)

    assert [told(one) for one in found(checked, "spam-words")] == [("warning", "posts/first-aid.md:4")] * count


def test_a_loud_subject_is_told_in_issue_md() -> None:
    assert [one.where for one in found(looked_at(subject="Free soup!!!"), "spam-words")] == [f"{ISSUE_FILE}:2"]
