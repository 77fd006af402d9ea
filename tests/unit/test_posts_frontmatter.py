from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.models import BodyFormat, Post
from newsletter.posts.dates import BadDate, moment
from newsletter.posts.files import Unreadable
from newsletter.posts.frontmatter import split
from newsletter.posts.parsing import Reading, read_post
from tests.factories import utc

LONDON = ZoneInfo("Europe/London")


def post_of(text: str, path: str = "a.md", *, zone: ZoneInfo = LONDON) -> Post:
    """The post that a file with this text is."""
    reading = Reading(zone, "", lambda _: None)
    post = read_post(path, text.encode(), 1_700_000_000 * 10**9, reading)
    assert post is not None
    return post


def yaml_post(*lines: str) -> Post:
    return post_of("\n".join(["---", "title: A", "date: 2023-11-14", *lines, "---", "Text."]))


def problem_of(text: str, path: str = "a.md") -> Unreadable:
    with pytest.raises(Unreadable) as error:
        post_of(text, path)
    return error.value


# --- where front matter ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "body_line"),
    [
        ("---\ntitle: A\n---\nText.", "yaml", 4),
        ("\ufeff---\r\ntitle: A\r\n---\r\nText.".replace("\ufeff", "").replace("\r", ""), "yaml", 4),
        ("\n\n---\ntitle: A\n...\nText.", "yaml", 6),
        ("---toml\ntitle = 'A'\n---\nText.", "toml", 4),
        ('---json\n{"title": "A"}\n---\nText.', "json", 4),
        ("+++\ntitle = 'A'\n+++\nText.", "toml", 4),
        ('{\n"title": "A"\n}\nText.', "json", 4),
        ("title: A\nDate: 2023-11-14\nText.", "header", 3),
        ("title: A\ntags:\n  - b\n---\nText.", "yaml", 5),
        ("Text.", "none", 1),
        ("---\nnot: front matter? yes\n---\nText.", "yaml", 4),
        ("---\n---\nText.", "yaml", 3),
    ],
)
def test_every_kind_of_front_matter_is_told_from_the_text(text: str, kind: str, body_line: int) -> None:
    front = split(text, "markdown")

    assert (front.kind, front.body_line) == (kind, body_line)
    assert front.body.strip() == "Text."


@pytest.mark.parametrize(
    "text",
    [
        "---\nA rule above.\n---\nText.",
        "---\n\nA rule, and no second.",
        "Note: this is only a sentence.\n\nText.",
        "Place: the hall\nTime: nine\n\nText.",
        "{% include a.html %}\n\nText.",
        "{{< shortcode >}}\n\nText.",
        "[1, 2]",
        "https://www.example.org\n\nText.",
    ],
)
def test_text_that_only_looks_like_front_matter_stays_text(text: str) -> None:
    front = split(text, "markdown")

    assert (front.kind, front.body) == ("none", text)


def test_of_two_front_matters_the_first_counts_and_the_second_is_not_shown() -> None:
    post = post_of("---\ntitle: First\ndate: 2023-11-14\n---\n---\ntitle: Second\n---\nText.\n")
    front = split("---\ntitle: First\n---\n\n+++\ntitle = 'Second'\n+++\nText.\n", "markdown")

    assert post.title == "First"
    assert post.notes == ("has a second front matter in line 5: the first counts, the second is left out",)
    assert (front.body, front.body_line) == ("Text.\n", 8)


def test_a_rule_in_the_text_is_no_second_front_matter() -> None:
    front = split("---\ntitle: A\n---\n---\n\nText.\n\n---\n", "markdown")

    assert front.body == "---\n\nText.\n\n---\n"


@given(st.text(max_size=200), st.sampled_from(["markdown", "html", "text"]))
def test_any_text_is_split_or_its_line_is_told(text: str, body_format: BodyFormat) -> None:
    line: int | None = 1
    body = ""
    try:
        body = split(text, body_format).body
    except Unreadable as error:
        line = error.line

    assert line is None or line >= 1
    assert body in text


# --- what cannot be read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("---\ntitle: A: B\n---\n", 2, "must stand in quotes"),
        ("---\ntitle: A\nauthor: {{ x }}\n---\n", 3, "must stand in quotes"),
        ("---\ntitle: A\ntags: [a\ndate: b\n---\n", 4, "YAML"),
        ("---\ntitle: A\n\n\ttags: b\n---\n", 4, "tab"),
        ("---\ntitle: !!python/object:os.system A\n---\n", 2, "YAML"),
        ("---\na: &a [x]\nb: *a\n---\n", 3, "alias"),
        ("---\ntitle: A\n", 1, "not closed"),
        ("\n\n---\n- a\n- b\n---\n", 4, "list"),
        ("+++\ntitle = 'A'\ndate = soon\n+++\n", 3, "TOML"),
        ('{"title": "A",\n "date": }\n', 2, "JSON"),
        ('{"title": "\\ud800"}\n', 1, "surrogate"),
        ("---js\n{}\n---\n", 1, "'js' cannot be read"),
        ("---\ntitle: [a, b]\n---\n", 2, "put its value in quotes"),
        ("+++\ntitle = true\n+++\n", 2, "put its value in quotes"),
        ("---\ntitle: A\ndraft: maybe\n---\n", 3, "neither true nor false"),
        ("---\ntitle: A\nid: [1]\n---\n", 3, "put its value in quotes"),
        ("---\ntitle: A\nexpiryDate: never\n---\n", 3, "'never' is no date"),
        ("Title: A\nDate: 31 February 2023\n\nText.", 2, "is no date"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line_and_what_to_do(text: str, line: int, words: str) -> None:
    problem = problem_of(text)

    assert problem.line == line
    assert words in problem.reason


def test_front_matter_over_64_kb_is_refused() -> None:
    problem = problem_of(f"---\ntitle: A\nx: {'y' * 70_000}\n---\n")

    assert problem.reason == "the front matter has 68 KB; it may have 64 KB"


@pytest.mark.parametrize("text", ["---\na: " + "[" * 20_000 + "\n---\n", '{"a": ' + "[" * 20_000 + "]" * 20_000 + "}"])
def test_deep_nesting_is_a_problem_and_no_crash(text: str) -> None:
    assert problem_of(text).line is not None


# --- values as they are written ---------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["no", "012", "1:30", "2023", "on", "1e3", "0x10", "yes", ".5"])
def test_values_that_yaml_would_turn_into_something_else_stay_as_written(written: str) -> None:
    post = post_of(f"---\ntitle: {written}\ndate: 2023-11-14\ntags: [{written}]\n---\n")

    assert (post.title, post.tags) == (written, (written,))


# --- synonyms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "pubDate: 2023-11-14",
        "published: 2023-11-14",
        "publish_date: 2023-11-14",
        "published_at: 2023-11-14T00:00:00Z",
        "date_published: 14 Nov 2023",
        "created: 2023-11-14",
        "Date: November 14, 2023",
        "pubDatetime: 2023-11-14",
        "date: Tue, 14 Nov 2023 00:00:00 GMT",
        "date: '2023-11-14'",
        "date: 1699920000",
        "date: 2023/11/14",
    ],
)
def test_every_word_for_the_date_is_understood(line: str) -> None:
    post = post_of(f"---\ntitle: A\n{line}\n---\n")

    assert post.published_at == utc(2023, 11, 14)
    assert post.notes == ()


@pytest.mark.parametrize(
    "line", ["lastmod: 2023-11-14", "updated: 2023-11-14", "modified: 2023-11-14", "date: git Created"]
)
def test_the_date_of_a_change_is_not_the_date_of_publication(line: str) -> None:
    post = post_of(f"---\ntitle: A\n{line}\n---\n")

    assert post.published_at != utc(2023, 11, 14)


@pytest.mark.parametrize(
    ("lines", "tags"),
    [
        (["tags: [a, b]"], ("a", "b")),
        (["tags: a b"], ("a b",)),
        (["tags: open day, hall"], ("open day", "hall")),
        (["category: Open Day"], ("Open Day",)),
        (["tags: ['#a', A, b]", "categories: [c, b]"], ("a", "b", "c")),
        (["keywords: a; b"], ("a", "b")),
        (["categories: [[a, b], [c]]"], ("a", "b", "c")),
        (["tags: [{name: a}, {title: b}]"], ("a", "b")),
        (["taxonomies: {tags: [a], series: [s]}"], ("a", "s")),
        (["extra: {tags: [a]}"], ("a",)),
        (["tags:"], ()),
    ],
)
def test_every_way_to_write_tags_is_understood(lines: list[str], tags: tuple[str, ...]) -> None:
    assert yaml_post(*lines).tags == tags


@pytest.mark.parametrize(
    ("line", "authors"),
    [
        ("author: Ann Other", ("Ann Other",)),
        ("authors: [Ann, Bob]", ("Ann", "Bob")),
        ("authors: Ann, Bob", ("Ann", "Bob")),
        ("authors: Other, A.; Builder, B.", ("Other, A.", "Builder, B.")),
        ("author: Other, A.", ("Other, A.",)),
        ("byline: By Ann Other", ("Ann Other",)),
        ("author: {name: Ann, email: ann@example.org}", ("Ann",)),
        ("authors: [{name: Ann}, {displayName: Bob}]", ("Ann", "Bob")),
        ("author: Ann Other <ann@example.org>", ("Ann Other",)),
        ("authors: {ann: {name: Ann Other}}", ("Ann Other",)),
    ],
)
def test_every_way_to_write_authors_is_understood(line: str, authors: tuple[str, ...]) -> None:
    assert yaml_post(line).authors == authors


@pytest.mark.parametrize(
    ("line", "image", "alt"),
    [
        ("image: a.jpg", "a.jpg", None),
        ("featured_image: /a.jpg", "/a.jpg", None),
        ("coverImage: https://www.example.org/a.jpg", "https://www.example.org/a.jpg", None),
        ("cover: {image: a.jpg, alt: A hall}", "a.jpg", "A hall"),
        ("image: {path: a.jpg, alt: A hall}", "a.jpg", "A hall"),
        ("header: {overlay_image: a.jpg}", "a.jpg", None),
        ("header: centered", None, None),
        ("images: [a.jpg, b.jpg]", "a.jpg", None),
        ("heroImage: a.jpg\nheroAlt: A hall", "a.jpg", "A hall"),
        ("image: true\nthumbnail: a.jpg", "a.jpg", None),
        ("extra: {banner: {src: a.jpg}}", "a.jpg", None),
        ("resources: [{src: b.jpg}, {name: cover, src: a.jpg}]", "a.jpg", None),
    ],
)
def test_every_way_to_name_a_picture_is_understood(line: str, image: str | None, alt: str | None) -> None:
    post = yaml_post(line)

    assert (post.image, post.image_alt) == (image, alt)


@pytest.mark.parametrize(
    ("line", "summary"),
    [
        ("description: In short", "In short"),
        ("excerpt: In short", "In short"),
        ("summary: |\n  In\n\n  short", "In\n\nshort"),
        ("excerpt: true\ndescription: In short", "In short"),
        ("params: {summary: In short}", "In short"),
    ],
)
def test_every_word_for_the_summary_is_understood(line: str, summary: str) -> None:
    assert yaml_post(line).summary == summary


@pytest.mark.parametrize(
    "line",
    [
        "draft: true",
        "draft: yes",
        "Draft: 'True'",
        "published: false",
        "status: draft",
        "Status: hidden",
        "hidden: true",
        "visibility: private",
        "unlisted: true",
        "extra: {draft: true}",
    ],
)
def test_what_is_not_public_is_a_draft_and_it_is_said_why(line: str) -> None:
    post = yaml_post(line)

    assert post.is_draft
    assert post.notes[0].startswith("not public (")


@pytest.mark.parametrize(
    "line", ["draft: false", "published: true", "published: 2023-11-14", "status: published", "draft:"]
)
def test_what_is_public_is_no_draft(line: str) -> None:
    assert not yaml_post(line).is_draft


@pytest.mark.parametrize("line", ["expiryDate: 2023-12-24", "expires: 24 December 2023", "unpublishDate: 2023-12-24"])
def test_every_word_for_the_expiry_is_understood(line: str) -> None:
    assert yaml_post(line).expires_at == utc(2023, 12, 24)


@pytest.mark.parametrize(
    ("line", "own_id"),
    [
        ("id: a-1", "a-1"),
        ("guid: 0042", "0042"),
        ("canonical_url: https://www.example.org/x", "https://www.example.org/x"),
        ("canonical: /x", None),
        ("url: https://www.example.org/x", None),
        ("slug: x", None),
    ],
)
def test_an_id_a_guid_or_a_canonical_address_is_the_posts_identity(line: str, own_id: str | None) -> None:
    post = yaml_post(line)

    assert post.has_own_id == (own_id is not None)
    assert post.id == (own_id or "a")


def test_the_text_is_known_again_when_date_title_or_tags_were_edited() -> None:
    one = post_of("---\ntitle: A\ndate: 2023-11-14\n---\n\nText.\n")
    other = post_of("+++\ntitle = 'B'\ndate = 2024-01-01\n+++\nText.\n\n")

    assert one.text_sha256 == other.text_sha256


def test_link_posts_without_a_text_are_told_apart() -> None:
    one = post_of("---\ntitle: A\ndate: 2023-11-14\n---\n")
    other = post_of("---\ntitle: B\ndate: 2023-11-14\n---\n")

    assert one.text_sha256 != other.text_sha256


# --- dates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2023-11-16", utc(2023, 11, 16)),
        ("2023-07-16", utc(2023, 7, 15, 23)),
        ("2023-07-16 09:30", utc(2023, 7, 16, 8, 30)),
        ("2023-07-16T09:30:00Z", utc(2023, 7, 16, 9, 30)),
        ("2023-07-16 09:30:00 +0200", utc(2023, 7, 16, 7, 30)),
        ("2023-07-16 09:30 America/New_York", utc(2023, 7, 16, 13, 30)),
        ("Sun, 16 Jul 2023 09:30:00 EST", utc(2023, 7, 16, 14, 30)),
        ("16.7.2023", utc(2023, 7, 15, 23)),
        ("16/07/2023", utc(2023, 7, 15, 23)),
        ("July 16th, 2023", utc(2023, 7, 15, 23)),
        ("20230716", utc(2023, 7, 15, 23)),
        (1689499800, utc(2023, 7, 16, 9, 30)),
        (1689499800000, utc(2023, 7, 16, 9, 30)),
        (datetime(2023, 7, 16, 9, 30), utc(2023, 7, 16, 8, 30)),
        # The clocks go forward at 01:00 and back at 02:00.
        ("2023-03-26 01:30", utc(2023, 3, 26, 1, 30)),
        ("2023-10-29 01:30", utc(2023, 10, 29, 0, 30)),
    ],
)
def test_a_date_is_read_in_the_sites_zone_unless_it_names_one(value: Any, expected: datetime) -> None:
    assert moment(value, LONDON).astimezone(UTC) == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("02/11/2023", "can mean two days"),
        ("November 2023", "no whole date"),
        ("10:30", "no whole date"),
        ("2023", "no whole date"),
        ("2023-13-45", "is no date"),
        ("2023-02-30", "is no date"),
        ("{{ date }}", "is no date"),
        ("9" * 400, "is no date"),
        ("1023-11-16", "in the year 1023"),
        ("2023-11-16 10:00 XYZ", "not known"),
        ("2023-11-16 Mars/Base", "time zone"),
        ([1], "is no date"),
        (7, "is no date"),
        (float("inf"), "is no date"),
    ],
)
def test_a_date_that_cannot_be_sure_is_refused_with_how_to_write_it(value: Any, words: str) -> None:
    with pytest.raises(BadDate, match=words):
        moment(value, LONDON)


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.none(), st.booleans()))
def test_any_value_is_a_moment_or_a_bad_date(value: Any) -> None:
    try:
        found = moment(value, LONDON)
    except BadDate:
        return
    assert found.tzinfo is not None


def test_the_name_gives_the_date_only_where_the_front_matter_does_not() -> None:
    named = post_of("Text.\n", "2023-11-02-a.md")
    both = post_of("---\ntitle: A\ndate: 2023-11-14\n---\n", "2023-11-02-a.md")
    bundle = post_of("Text.\n", "news/2023-11-02-a/index.md")
    folders = post_of("Text.\n", "2023/11/02/a.md")

    assert [post.published_at for post in (named, both, bundle, folders)] == [
        utc(2023, 11, 2),
        utc(2023, 11, 14),
        utc(2023, 11, 2),
        utc(2023, 11, 2),
    ]
    assert [post.slug for post in (named, both, bundle, folders)] == ["a"] * 4


def test_gos_zero_time_is_no_date() -> None:
    post = post_of("---\ntitle: A\ndate: 0001-01-01T00:00:00Z\n---\n", "2023-11-02-a.md")

    assert post.published_at == utc(2023, 11, 2)
