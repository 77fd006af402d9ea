from __future__ import annotations

import random
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import BadInput
from newsletter.issues.edits import scalar
from newsletter.issues.file import Automatic, LastAutomatic, Refreshed, excluded_ids, parse, refresh, write_new
from newsletter.issues.select import Selection, select
from newsletter.issues.subject import PREHEADER_LENGTH, SUBJECT_LENGTH, automatic_preheader, automatic_subject
from newsletter.models import Entry, Issue, Post, Section
from newsletter.settings import DigestSettings
from tests.factories import a_post, utc

THURSDAY = datetime(2023, 11, 16, 9, tzinfo=ZoneInfo("Europe/London"))
HEAD: dict[str, Any] = {"issue_id": "weekly-2023-11-16", "digest": "weekly", "due_at": THURSDAY}
SECTIONS = ({"title": "News", "tags": ["news"]}, {"title": "Diary", "folder": "diary"})


def news(name: str, **values: Any) -> Post:
    return a_post(f"news/{name}", tags=("news",), title=name.title(), **values)


def diary(name: str, **values: Any) -> Post:
    return a_post(f"diary/{name}", title=name.title(), **values)


def the_selection(*posts: Post, exclude: frozenset[str] = frozenset(), **rules: Any) -> Selection:
    return select(
        posts,
        rules=DigestSettings(**({"sections": SECTIONS} | rules)),
        due_at=THURSDAY,
        start=THURSDAY - timedelta(days=7),
        used={},
        exclude=exclude,
    )


def new_file(*posts: Post, **rules: Any) -> Refreshed:
    return write_new(Automatic(the_selection(*posts, **rules), "The week"), **HEAD)


def refreshed(text: str, *posts: Post, last: LastAutomatic | None, **rules: Any) -> Refreshed:
    exclude = excluded_ids(text, issue_id=HEAD["issue_id"], last=last)
    automatic = Automatic(the_selection(*posts, exclude=exclude, **rules), "The week")
    return refresh(text, automatic, last=last, **HEAD)


def mistakes_in(text: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        parse(text, **HEAD)
    assert caught.value.fix
    return [str(place) for place in caught.value.places]


def front(*lines: str) -> str:
    return "\n".join(["---", *lines, "---", ""])


# --- a new file -----------------------------------------------------------------------------------------------


def test_a_new_file_lists_the_posts_under_their_sections_with_their_titles_as_comments() -> None:
    file = new_file(news("a"), diary("may"), a_post("rest", title="The #1 rest: all"))

    assert file.text == (
        "---\n"
        'subject: "A · May · The #1 rest: all"  # automatic until edited\n'
        "preheader: The week  # automatic until edited\n"
        "sections:\n"
        "  - title: News\n"
        "    posts:\n"
        "      - news/a  # A\n"
        "  - title: Diary\n"
        "    posts:\n"
        "      - diary/may  # May\n"
        "  - posts:\n"
        "      - rest  # The #1 rest: all\n"
        "exclude: []  # also what you deleted from the list: it does not come back\n"
        "---\n"
    )


def test_a_new_file_reads_back_as_its_issue() -> None:
    file = new_file(news("a"), diary("may"))

    assert parse(file.text, **HEAD) == file.issue
    assert file.issue.sections == (
        Section(title="News", entries=(Entry(post_id="news/a"),)),
        Section(title="Diary", entries=(Entry(post_id="diary/may"),)),
    )


@given(st.lists(st.tuples(st.text(min_size=1, max_size=30), st.text(max_size=60)), min_size=1, max_size=5))
def test_any_id_and_any_title_survive_the_way_to_the_file_and_back(pairs: list[tuple[str, str]]) -> None:
    wanted = {post_id: title for post_id, title in pairs if post_id.strip()}
    posts = [
        a_post(post_id, title=title, path=f"{number}.md") for number, (post_id, title) in enumerate(wanted.items())
    ]

    file = new_file(*posts)

    assert set(file.issue.post_ids) == wanted.keys()
    assert parse(file.text, **HEAD) == file.issue
    assert refreshed(file.text, *posts, last=file.last).text == file.text


@given(st.text(max_size=80))
def test_any_text_is_a_value_that_yaml_reads_back(text: str) -> None:
    issue = parse(front(f"exclude: [{scalar(text)}, b]", f"x: {scalar(text)}  # c"), **HEAD) if text.strip() else None

    assert issue is None or issue.exclude == (text, "b")


# --- reading what an editor wrote -----------------------------------------------------------------------------


def test_an_editor_may_write_a_post_with_its_own_title_and_summary() -> None:
    issue = parse(
        front(
            "subject: Hello",
            "sections:",
            "  - title: News",
            "    posts:",
            "      - {id: a, title: Save the date, summary: Only here.}",
            "      - id: b",
            "        summary: |",
            "          Two",
            "          lines",
        )
        + "\nThe *intro*.\n\n---\n\nmore\n",
        **HEAD,
    )

    assert issue == Issue(
        id="weekly-2023-11-16",
        digest="weekly",
        due_at=THURSDAY,
        subject="Hello",
        preheader="",
        intro="The *intro*.\n\n---\n\nmore",
        sections=(
            Section(
                title="News",
                entries=(
                    Entry(post_id="a", title="Save the date", summary="Only here."),
                    Entry(post_id="b", summary="Two\nlines"),
                ),
            ),
        ),
    )


@pytest.mark.parametrize("typed", ["no", "012", "1:30", "2023-11-16", "3.0", "yes", "0x1f"])
def test_a_text_that_yaml_takes_for_something_else_stays_what_was_typed(typed: str) -> None:
    issue = parse(front(f"subject: {typed}", f"sections: [{{title: {typed}, posts: [{typed}]}}]"), **HEAD)

    assert (issue.subject, issue.sections[0].title, issue.post_ids) == (typed, typed, (typed,))


def test_a_subject_over_two_lines_becomes_one() -> None:
    assert parse(front("subject: |", "  Two", "  lines"), **HEAD).subject == "Two lines"


def test_an_excluded_post_is_not_in_the_issue_even_if_it_is_still_listed() -> None:
    assert parse(front("sections: [{posts: [a, b]}]", "exclude: [a]"), **HEAD).post_ids == ("b",)


def test_every_mistake_is_told_at_once_with_its_line_and_column() -> None:
    text = front(
        "subject: [a]",
        "sections:",
        "  - posts: [a, {title: x}]",
        "  - foo",
        "  - title: T",
        "    posts:",
        "      - a",
        "      -",
        "exclude: x",
        "subject: b",
    )

    assert mistakes_in(text) == [
        "issues/weekly-2023-11-16/issue.md:2:10: subject: a text is wanted, this is a list (put the text in quotes)",
        "issues/weekly-2023-11-16/issue.md:4:16: the post's `id:` is missing",
        "issues/weekly-2023-11-16/issue.md:5:5: a section is wanted: `title:` (or none) and `posts:`",
        "issues/weekly-2023-11-16/issue.md:8:9: a is listed twice, it stands on line 4 too",
        "issues/weekly-2023-11-16/issue.md:9:8: a post's id is wanted",
        "issues/weekly-2023-11-16/issue.md:10:10: exclude: a list of post ids is wanted, this is a text",
        "issues/weekly-2023-11-16/issue.md:11:1: subject: stands here twice",
    ]


@pytest.mark.parametrize(
    ("text", "place", "wanted"),
    [
        (front("subject: News: the week"), "2:14", "put the text in quotes"),
        (front("sections:", "\t- posts:"), "3:1", "use spaces"),
        (front('subject: "The week'), "2:10", "quoted scalar"),
        (front("sections: [a"), "2:11", "flow sequence"),
        (front("subject: @everyone"), "2:10", "cannot start any token"),
        (front("subject: *bold* news"), "2:10", "put the text in quotes"),
        (front("subject: a\x07b"), "2:11", "no text file should hold"),
        (front("- a"), "2:1", "lines such as `subject: …`"),
        (front("a: &x [*x]"), "2:8", "alias"),
        (front("x: " + "[" * 20000), "2:54", "too deep"),
        ("subject: a\n", "1:1", "first line must be ---"),
        ("", "1:1", "first line must be ---"),
        ("---\nsubject: a\n", "3:1", "a line --- is missing"),
        (front("x: " + "y" * 300_000), "1:1", "longer than"),
        ("\ufeff---\nsubject: b: c\n---\n", "2:11", "put the text in quotes"),
    ],
)
def test_a_broken_hand_edit_is_told_with_its_line_and_column_and_what_is_wanted(
    text: str, place: str, wanted: str
) -> None:
    (mistake,) = mistakes_in(text)

    assert mistake.startswith(f"issues/weekly-2023-11-16/issue.md:{place}: ")
    assert wanted in mistake


def test_a_broken_file_is_not_refreshed() -> None:
    with pytest.raises(BadInput):
        refreshed("---\nsubject: [\n---\n", last=None)


@given(st.text(alphabet="-:[]{}#&*!|>'\"%@`, \n\r\tab\ufeff\u2028\x00", max_size=60))
def test_whatever_is_typed_is_read_or_told(typed: str) -> None:
    with suppress(BadInput):
        issue = parse(front(typed), **HEAD)
        assert issue.id == HEAD["issue_id"]


# --- refreshing -----------------------------------------------------------------------------------------------


def test_a_refresh_of_what_has_not_changed_changes_nothing() -> None:
    posts = [news("a"), news("b"), diary("may")]
    file = new_file(*posts)

    again = refreshed(file.text, *posts, last=file.last)

    assert (again.text, again.changes, again.last) == (file.text, (), file.last)


def test_a_new_post_comes_at_the_end_of_its_section_and_is_told() -> None:
    file = new_file(news("a"), diary("may"))
    newer = news("b", published_at=utc(2023, 11, 15))

    again = refreshed(file.text, news("a"), diary("may"), newer, last=file.last)

    assert again.issue.post_ids == ("news/a", "news/b", "diary/may")
    assert "added news/b to News" in again.changes
    assert "      - news/a  # A\n      - news/b  # B\n" in again.text


def test_a_new_section_takes_the_place_that_the_settings_give_it() -> None:
    file = new_file(news("a"), a_post("rest"))

    again = refreshed(file.text, news("a"), a_post("rest"), diary("may"), last=file.last)

    assert [section.title for section in again.issue.sections] == ["News", "Diary", None]


def test_a_vanished_post_is_dropped_and_told() -> None:
    file = new_file(news("a"), news("b"))

    again = refreshed(file.text, news("b"), last=file.last)

    assert again.issue.post_ids == ("news/b",)
    assert "dropped news/a: there is no such post" in again.changes
    assert "news/a" not in again.text


def test_what_an_editor_wrote_for_a_vanished_post_stays_as_a_comment() -> None:
    file = new_file(news("a"), news("b"))
    edited = file.text.replace("- news/a  # A", "- id: news/a   # ask Ann\n        title: Mine")

    again = refreshed(edited, news("b"), last=file.last)

    assert "      # - id: news/a   # ask Ann\n      #   title: Mine\n      - news/b" in again.text
    assert again.issue.post_ids == ("news/b",)


def test_a_post_that_is_no_longer_eligible_is_dropped_with_the_reason() -> None:
    file = new_file(news("a"), news("b"))

    again = refreshed(file.text, news("a", is_draft=True), news("b"), last=file.last)

    assert "dropped news/a: a draft" in again.changes


def test_a_post_that_newer_ones_push_over_max_posts_goes_unless_the_editor_put_it_in() -> None:
    older, newer = news("older", published_at=utc(2023, 11, 13)), news("newer", published_at=utc(2023, 11, 15))
    listed_by_us = new_file(older, max_posts=1)
    by_the_editor = front("subject: S", "preheader: P", "sections: [{title: News, posts: [news/older]}]")

    ours = refreshed(listed_by_us.text, older, newer, last=listed_by_us.last, max_posts=1)
    theirs = refreshed(by_the_editor, older, newer, last=LastAutomatic(), max_posts=1)

    assert ours.issue.post_ids == ("news/newer",)
    assert "dropped news/older: over max_posts (1), waits for the next issue" in ours.changes
    assert theirs.issue.post_ids == ("news/older", "news/newer")


def test_a_post_that_the_editor_put_in_stays_as_long_as_it_exists() -> None:
    old = a_post("old", published_at=utc(2020, 1, 1))
    file = new_file(news("a"))
    edited = file.text.replace("      - news/a", "      - old\n      - news/a")

    kept = refreshed(edited, news("a"), old, last=file.last)
    gone = refreshed(kept.text, news("a"), last=kept.last)

    assert kept.issue.post_ids == ("old", "news/a")
    assert gone.issue.post_ids == ("news/a",)


def test_not_even_an_editor_can_put_in_a_draft() -> None:
    file = new_file(news("a"))
    edited = file.text.replace("      - news/a", "      - secret\n      - news/a")

    again = refreshed(edited, news("a"), a_post("secret", is_draft=True), last=file.last)

    assert again.issue.post_ids == ("news/a",)
    assert "dropped secret: a draft" in again.changes


def test_a_post_that_the_editor_deleted_does_not_come_back() -> None:
    file = new_file(news("a"), news("b"))
    edited = file.text.replace("      - news/a  # A\n", "")

    once = refreshed(edited, news("a"), news("b"), last=file.last)
    twice = refreshed(once.text, news("a"), news("b"), last=once.last)

    assert once.issue.post_ids == twice.issue.post_ids == ("news/b",)
    assert once.issue.exclude == ("news/a",)
    assert "excluded news/a: it was deleted from the list" in once.changes
    assert twice.text == once.text


def test_what_the_editor_takes_out_of_exclude_comes_back() -> None:
    file = new_file(news("a"), news("b"))
    deleted = refreshed(file.text.replace("      - news/a  # A\n", ""), news("a"), news("b"), last=file.last)

    back = refreshed(deleted.text.replace("[news/a]", "[]"), news("a"), news("b"), last=deleted.last)

    assert back.issue.post_ids == ("news/b", "news/a")


def test_what_the_editor_excludes_leaves_the_list() -> None:
    file = new_file(news("a"), news("b"))

    again = refreshed(file.text.replace("exclude: []", "exclude: [news/a]"), news("a"), news("b"), last=file.last)

    assert again.issue.post_ids == ("news/b",)
    assert "dropped news/a: it is excluded" in again.changes


def test_deleting_every_post_leaves_none() -> None:
    file = new_file(news("a"))
    edited = file.text.replace("      - news/a  # A\n", "")

    again = refreshed(edited, news("a"), last=file.last)

    assert again.issue.post_ids == ()
    assert again.issue.subject == file.issue.subject


def test_a_post_stays_in_the_section_to_which_the_editor_moved_it() -> None:
    file = new_file(news("a"), news("b"), diary("may"))
    moved = file.text.replace("      - news/a  # A\n", "").replace("- diary/may", "- news/a\n      - diary/may")

    again = refreshed(moved, news("a"), news("b"), diary("may"), last=file.last)

    assert again.issue.post_ids == ("news/b", "news/a", "diary/may")
    assert "      - news/a\n      - diary/may" in again.text


def test_the_editors_order_stays_and_the_subject_follows_it_until_it_is_edited() -> None:
    file = new_file(news("a"), news("b"))
    swapped = file.text.replace(
        "      - news/a  # A\n      - news/b  # B\n", "      - news/b  # B\n      - news/a  # A\n"
    )

    again = refreshed(swapped, news("a"), news("b"), last=file.last)

    assert again.issue.post_ids == ("news/b", "news/a")
    assert again.issue.subject == "B · A"


def test_a_subject_that_the_editor_wrote_is_never_overwritten() -> None:
    file = new_file(news("a"))
    edited = file.text.replace("subject: A ", "subject: 'Mine!'   ")

    again = refreshed(edited, news("a"), news("b"), last=file.last)
    and_again = refreshed(again.text, news("b"), last=again.last)

    assert again.issue.subject == and_again.issue.subject == "Mine!"
    assert "subject: 'Mine!'    # automatic until edited\n" in and_again.text


def test_a_subject_that_the_editor_emptied_is_automatic_again() -> None:
    file = new_file(news("a"))
    edited = file.text.replace("subject: A ", "subject:")

    assert refreshed(edited, news("a"), last=file.last).issue.subject == "A"


def test_a_subject_stays_automatic_through_an_issue_without_posts() -> None:
    file = new_file(news("a"))
    empty = refreshed(file.text, last=file.last)

    again = refreshed(empty.text, news("b"), last=empty.last)

    assert again.issue.subject == "B"


def test_a_changed_title_changes_the_comment_unless_the_editor_wrote_another() -> None:
    file = new_file(news("a"), news("b"))
    edited = file.text.replace("# B", "# check with Ann")

    again = refreshed(
        edited,
        a_post("news/a", title="New", tags=("news",)),
        a_post("news/b", title="Newer", tags=("news",)),
        last=file.last,
    )

    assert "- news/a  # New\n" in again.text
    assert "- news/b  # check with Ann\n" in again.text


def test_a_section_that_the_editor_renamed_still_gets_its_posts() -> None:
    file = new_file(news("a"), diary("may"))

    again = refreshed(
        file.text.replace("title: Diary", "title: What's on"), news("a"), diary("may"), diary("june"), last=file.last
    )

    assert [section.title for section in again.issue.sections] == ["News", "What's on"]


def test_with_a_lost_store_all_that_is_in_the_file_is_the_editors() -> None:
    old = news("old", published_at=utc(2020, 1, 1))
    file = new_file(news("a"))

    again = refreshed(file.text.replace("- news/a  # A", "- news/old"), news("a"), old, news("b"), last=None)

    assert again.issue.post_ids == ("news/old", "news/a", "news/b")
    assert again.issue.subject == "A"


def test_comments_unknown_keys_line_ends_and_the_intro_survive_a_refresh() -> None:
    text = (
        "\ufeff---\r\n"
        "# the editor's own\r\n"
        "colour:   red      # unknown to us\r\n"
        "subject: 'مرحبا 🎉'\r\n"
        "sections:\r\n"
        "- title: News\r\n"
        "  mood: {a: [1,  2]}\r\n"
        "  posts:\r\n"
        "  # first the best\r\n"
        "  -   news/a     # mine\r\n"
        "\r\n"
        "  - news/gone\r\n"
        "  # and then\r\n"
        "  - id: news/b\r\n"
        "    summary: >\r\n"
        "      folded\r\n"
        "    later: true\r\n"
        "    # within\r\n"
        "# before the end\r\n"
        "---\r\n"
        "\r\n"
        "An intro,\twith 🎉 and مرحبا\r\n"
        "---\r\n"
        "subject: not this one"
    )

    again = refreshed(text, news("a"), news("b"), news("c"), last=LastAutomatic())

    expected = (
        text.replace("  - news/gone\r\n", "")
        .replace("    later: true\r\n", "    later: true\r\n  - news/c  # C\r\n")
        .replace("\ufeff---\r\n", "\ufeff---\r\npreheader: A · B · C · folded · The week\r\n")
    )
    assert again.text == expected
    assert again.issue.intro == "An intro,\twith 🎉 and مرحبا\n---\nsubject: not this one"
    assert refreshed(again.text, news("a"), news("b"), news("c"), last=again.last).text == again.text


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "sections:\n  - title: News\n    posts:\n      - news/a  # A\n"),
        (["sections:"], "sections:\n  - title: News\n    posts:\n      - news/a  # A\n"),
        (["sections: ~  # c"], "sections:  # c\n  - title: News\n    posts:\n      - news/a  # A\n"),
        (["sections: []"], "sections:\n  - title: News\n    posts:\n      - news/a  # A\n"),
        (["sections: [{title: News}]"], "sections: [{title: News, posts: [news/a]}]\n"),
        (["sections: [{title: News, posts: }]"], "sections: [{title: News, posts: [news/a] }]\n"),
        (["sections: [{title: News, posts: []}]"], "sections: [{title: News, posts: [news/a]}]\n"),
        (["sections: [{title: Mine, posts: [old]}]"], "posts: [old]}, {title: News, posts: [news/a]}]\n"),
        (["sections:", "- title: News"], "sections:\n- title: News\n  posts:\n    - news/a  # A\n"),
        (["sections:", "- title: News", "  posts: []  # c"], "- title: News\n  posts: [news/a]  # c\n"),
        (["sections:", "- posts: [old,]", "  title: News  # c"], "- posts: [old, news/a,]\n  title: News  # c\n"),
        (["sections:", "-", "  title: News", "  posts:", "  -", "    old # c"], "    old # c\n  - news/a  # A\n"),
        (
            ["sections:", "- title: Diary", "  posts:", "x: 1"],
            "- title: News\n  posts:\n    - news/a  # A\n- title: Diary\n",
        ),
    ],
)
def test_a_post_finds_its_place_however_the_editor_writes_lists(lines: Sequence[str], expected: str) -> None:
    posts = [news("a"), a_post("old", published_at=utc(2020, 1, 1))]
    extra = [diary("may")] if "- title: Diary" in lines else []

    again = refreshed(front("subject: S", "preheader: P", *lines), *posts, *extra, last=None)

    assert expected in again.text
    assert "news/a" in again.issue.post_ids


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("posts: [gone, news/a]", "posts: [news/a]"),
        ("posts: [news/a, gone]", "posts: [news/a]"),
        ("posts: [news/a, gone, ]", "posts: [news/a, ]"),
        ("posts: [gone]", "posts: [, {title: News, posts: [news/a]}"),
        ("posts: [news/a,\n    # why\n    gone\n    ]", "posts: [news/a,\n    # why\n    \n    ]"),
        ("posts: [news/a, {id: gone, title: Mine}]", "posts: [news/a]}]\nx: 1\n# {id: gone, title: Mine}\n"),
    ],
)
def test_a_vanished_post_leaves_a_list_in_brackets(before: str, after: str) -> None:
    again = refreshed(
        front("subject: S", "preheader: P", f"sections: [{{title: T, {before}}}]", "x: 1"), news("a"), last=None
    )

    assert again.issue.post_ids == ("news/a",)
    assert after in again.text or again.text.count("gone") == 0


@pytest.mark.parametrize("exclude", ["exclude:", "exclude: ~", "exclude: []", "", "exclude:\n- x", "exclude: [x]  # c"])
def test_a_deleted_post_is_excluded_however_the_editor_writes_the_list(exclude: str) -> None:
    text = front("subject: S", "preheader: P", "sections: [{posts: [news/b]}]", *exclude.splitlines())
    last = LastAutomatic(listed=("news/a", "news/b"))

    again = refreshed(text, news("a"), news("b"), last=last)

    assert again.issue.post_ids == ("news/b",)
    assert again.issue.exclude[-1] == "news/a"
    assert ("x" in again.issue.exclude) == ("x" in exclude.replace("exclude", ""))


# --- nothing is ever lost -------------------------------------------------------------------------------------

ALL_POSTS = [
    post
    for name in "abcd"
    for post in (news(name), diary(name), a_post(f"rest/{name}"), a_post(f"old/{name}", published_at=utc(2020, 1, 1)))
]


class Editor:
    """Edits an `issue.md` at random, as a person might; remembers every word that must still be there."""

    def __init__(self, text: str, chance: random.Random) -> None:
        self.lines = text.split("\n")
        self.chance = chance
        self.words: list[str] = []
        self.deleted: set[str] = set()

    def edit(self) -> None:
        self.chance.choice(
            [
                self.delete,
                self.put_in,
                self.comment,
                self.comment_behind,
                self.reword,
                self.move,
                self.retitle,
                self.key,
            ]
        )()

    def word(self) -> str:
        self.words.append(f"word{self.chance.randrange(10**9)}é🎉")
        return self.words[-1]

    def items(self) -> list[int]:
        return [n for n, line in enumerate(self.lines) if re.match(r" +- [a-z]+/[a-d]\b", line)]

    def id_on(self, number: int) -> str:
        found = re.match(r" +- ([a-z]+/[a-d])", self.lines[number])
        assert found
        return found[1]

    def delete(self) -> None:
        plain = [n for n in self.items() if "word" not in self.lines[n]]
        if plain:
            self.deleted.add(self.id_on(plain[0]))
            del self.lines[plain[0]]

    def put_in(self) -> None:
        post_id = f"old/{self.chance.choice('abcd')}"
        if self.items() and post_id not in "\n".join(self.lines):
            self.lines.insert(self.chance.choice(self.items()), f"      - {post_id}")

    def comment(self) -> None:
        if self.items():
            self.lines.insert(self.chance.choice(self.items()), f"{' ' * self.chance.randrange(9)}# {self.word()}")

    def comment_behind(self) -> None:
        if self.items():
            number = self.chance.choice(self.items())
            self.lines[number] = (
                f"      - {self.id_on(number)}   # {self.word()}"
                if "word" not in self.lines[number]
                else self.lines[number]
            )

    def reword(self) -> None:
        plain = [n for n in self.items() if "word" not in self.lines[n]]
        if plain:
            number = self.chance.choice(plain)
            shape = self.chance.choice(
                ["      - {{id: {0}, title: {1}}}", "      - id: {0}\n        summary: >\n          {1}"]
            )
            self.lines[number : number + 1] = shape.format(self.id_on(number), self.word()).split("\n")

    def move(self) -> None:
        if len(self.items()) > 1:
            line = self.lines.pop(self.chance.choice(self.items()))
            if self.items():
                self.lines.insert(self.chance.choice(self.items()), line)
            else:
                self.deleted.add(re.sub(r" +- ([a-z]+/[a-d]).*", r"\1", line))

    def retitle(self) -> None:
        titles = [n for n, line in enumerate(self.lines) if "title: News" in line or "title: Diary" in line]
        if titles:
            self.lines[titles[0]] = self.lines[titles[0]].split("title:")[0] + f"title: {self.word()}"

    def key(self) -> None:
        self.lines.insert(1, f"{self.word()}: [1,   2]")


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_whatever_is_edited_and_whatever_changes_no_word_is_lost_and_a_second_refresh_changes_nothing(
    seed: int, has_crlf: bool
) -> None:
    chance = random.Random(seed)
    file = new_file(*chance.sample(ALL_POSTS, 8))
    for _ in range(3):
        editor = Editor(file.text.replace("\r\n", "\n"), chance)
        for _ in range(chance.randrange(6)):
            editor.edit()
        intro = editor.word()
        text = "\n".join([*editor.lines, intro])
        text = text.replace("\n", "\r\n") if has_crlf else text
        posts = chance.sample(ALL_POSTS, 10)

        again = refreshed(text, *posts, last=file.last)

        exclude = set(again.issue.exclude)
        assert not [word for word in editor.words if word not in again.text]
        assert again.text.count("\r\n") == (again.text.count("\n") if has_crlf else 0)
        assert not editor.deleted & set(again.issue.post_ids)
        assert editor.deleted - {post.id for post in ALL_POSTS if post.id.startswith("old/")} <= exclude
        expected = {post.id for post in the_selection(*posts).posts} - exclude
        assert expected <= set(again.issue.post_ids) <= {post.id for post in posts}
        before = [post_id for post_id in parse(text, **HEAD).post_ids if post_id in again.issue.post_ids]
        assert [post_id for post_id in again.issue.post_ids if post_id in before] == before
        assert parse(again.text, **HEAD) == again.issue
        twice = refreshed(again.text, *posts, last=again.last)
        assert (twice.text, twice.changes, twice.last) == (again.text, (), again.last)
        file = again


# --- the automatic subject and preheader ----------------------------------------------------------------------


def test_the_subject_names_what_fits_and_counts_the_rest() -> None:
    titles = ["Three new guides for managers", "A date for your diary", "A third title that is long", "Four"]

    assert automatic_subject(titles) == "Three new guides for managers · A date for your diary +2"


def test_a_long_title_is_cut_at_a_word() -> None:
    title = "How a small hospital in the hills halved the time that its patients wait for a bed"

    assert automatic_subject([title]) == "How a small hospital in the hills halved the time that its patients…"
    assert automatic_subject([title, "Two"]) == "How a small hospital in the hills halved the time that its… +1"


def test_the_preheader_does_not_repeat_a_title_that_the_subject_had_to_cut() -> None:
    titles = ["How a very long title goes on and on until no subject line in the world can hold it", "A guide"]

    preheader = automatic_preheader(titles, subject=automatic_subject(titles))

    assert preheader == "A guide"


def test_the_preheader_says_what_the_subject_does_not() -> None:
    titles = ["Three new guides for managers", "A date for your diary", "A third title that is long", "Four"]

    preheader = automatic_preheader(titles, subject=automatic_subject(titles), summaries=["What they are for."])

    assert preheader == "A third title that is long · Four · What they are for."


def test_the_preheader_of_a_single_post_is_its_summary() -> None:
    summary = "What every manager should know before the first day, and whom to call when it goes wrong at night."

    assert automatic_preheader(["A guide"], subject="A guide", summaries=[summary]) == summary


def test_a_summary_with_markup_is_not_shown_raw() -> None:
    preheader = automatic_preheader(
        ["A"], subject="A", summaries=["See <b>this</b>", "**bold**"], digest_title="The week"
    )

    assert preheader == "The week"


words = st.text(max_size=90)


@given(st.lists(words, max_size=8), st.lists(words, max_size=3), words)
def test_subject_and_preheader_are_short_single_lines_and_never_the_same(
    titles: list[str], summaries: list[str], digest_title: str
) -> None:
    subject = automatic_subject(titles)
    preheader = automatic_preheader(titles, subject=subject, summaries=summaries, digest_title=digest_title)

    assert len(subject) <= SUBJECT_LENGTH
    assert len(preheader) <= PREHEADER_LENGTH
    assert len((subject + preheader).splitlines()) <= 1
    assert subject != preheader or not subject
    assert subject or not any(title.split() for title in titles if title.isprintable())


def test_a_cut_never_splits_an_emoji_that_is_made_of_several() -> None:
    family = "👩‍👩‍👧‍👦"

    subject = automatic_subject([family * 20])

    assert subject.removesuffix("…") == family * 9
