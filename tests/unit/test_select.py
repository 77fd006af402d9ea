from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from newsletter.issues.select import Selection, select, start_of
from newsletter.models import Post
from newsletter.schedules import Schedule, place
from newsletter.settings import DigestSettings
from tests.factories import a_post, utc

LONDON = ZoneInfo("Europe/London")
THURSDAY = datetime(2023, 11, 16, 9, tzinfo=LONDON)
WEEK = timedelta(days=7)


def chosen_from(
    *posts: Post, start: datetime = THURSDAY - WEEK, due_at: datetime = THURSDAY, **values: Any
) -> Selection:
    selecting: dict[str, Any] = {name: values.pop(name) for name in ("used", "left_over", "exclude") if name in values}
    return select(posts, rules=DigestSettings(**values), due_at=due_at, start=start, **({"used": {}} | selecting))


def ids(selection: Selection) -> list[str]:
    return [post.id for post in selection.posts]


def why_not(selection: Selection) -> dict[str, str]:
    return dict(selection.left_out)


# --- the window -----------------------------------------------------------------------------------------------


def test_a_post_published_at_the_cut_off_is_in_the_issue() -> None:
    post = a_post(published_at=THURSDAY)

    assert chosen_from(post).posts == (post,)


def test_a_post_published_after_the_cut_off_waits_for_the_next_issue() -> None:
    selection = chosen_from(a_post("late", published_at=THURSDAY + timedelta(hours=1)))

    assert why_not(selection) == {
        "late": "published 2023-11-16 10:00, after the cut-off; waits for the issue of 2023-11-23"
    }


def test_a_post_published_when_the_first_period_begins_is_not_in_the_issue() -> None:
    before, after = (
        a_post("a", published_at=THURSDAY - WEEK),
        a_post("b", published_at=THURSDAY - WEEK + timedelta(seconds=1)),
    )

    selection = chosen_from(before, after)

    assert ids(selection) == ["b"]
    assert why_not(selection)["a"] == "published 2023-11-09 09:00, older than what this issue takes"


def test_the_lookback_ends_where_the_start_is_longer_ago() -> None:
    posts = [a_post(f"{days}-days-old", published_at=THURSDAY - timedelta(days=days)) for days in (27, 28, 29)]

    selection = chosen_from(*posts, start=THURSDAY - timedelta(days=365), lookback="28d")

    assert ids(selection) == ["27-days-old"]


def test_a_post_dated_last_week_and_added_today_is_in_the_next_issue() -> None:
    last_weeks = a_post("dated-last-week", published_at=THURSDAY - timedelta(days=5))
    in_the_last = a_post("was-there", published_at=THURSDAY - timedelta(days=4))

    selection = chosen_from(
        last_weeks,
        in_the_last,
        due_at=THURSDAY + WEEK,
        start=THURSDAY - WEEK,
        used={"was-there": "weekly-2023-11-16"},
    )

    assert ids(selection) == ["dated-last-week"]
    assert why_not(selection) == {"was-there": "already in weekly-2023-11-16"}


def test_what_an_earlier_issue_left_over_is_taken_at_any_age() -> None:
    old = a_post("old", published_at=utc(2020, 1, 1))

    assert ids(chosen_from(old, left_over={"old"})) == ["old"]


def test_what_was_left_over_and_used_since_is_not_taken_again() -> None:
    old = a_post("old", published_at=utc(2020, 1, 1))

    assert ids(chosen_from(old, left_over={"old"}, used={"old": "weekly-2020-01-02"})) == []


def test_the_lookback_is_counted_on_the_clock_on_the_wall() -> None:
    monday = datetime(2026, 3, 30, 9, tzinfo=LONDON)  # the clocks went forward on Sunday, so this week has 167 hours
    in_time = a_post("in-time", published_at=utc(2026, 3, 23, 9, 1))
    too_old = a_post("too-old", published_at=utc(2026, 3, 23, 9, 0))

    selection = chosen_from(in_time, too_old, due_at=monday, start=utc(2026, 1, 1), lookback="7d")

    assert ids(selection) == ["in-time"]


def test_an_hour_that_comes_twice_does_not_confuse_the_cut_off() -> None:
    first_half_past_one = datetime(2026, 10, 25, 1, 30, tzinfo=LONDON)
    second_quarter_past_one = datetime(2026, 10, 25, 1, 15, fold=1, tzinfo=LONDON)
    post = a_post("after", published_at=second_quarter_past_one)

    selection = chosen_from(post, due_at=first_half_past_one, start=first_half_past_one - WEEK)

    assert ids(selection) == []


def test_times_at_the_end_of_the_calendar_are_times_like_others() -> None:
    never_expires = a_post("a", expires_at=datetime(9999, 12, 31, 23, 59, tzinfo=ZoneInfo("America/New_York")))
    never_comes = a_post("b", published_at=datetime(9999, 12, 31, 23, 59, tzinfo=ZoneInfo("America/New_York")))

    selection = chosen_from(never_expires, never_comes, lookback="3000000d")

    assert ids(selection) == ["a"]
    assert why_not(selection)["b"].startswith("published 9999-12-31 23:59, after the cut-off")


# --- what never goes out --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"is_draft": True}, "a draft"),
        ({"expires_at": THURSDAY}, "expired 2023-11-16 09:00"),
    ],
)
def test_drafts_and_expired_posts_are_left_out(values: dict[str, Any], reason: str) -> None:
    selection = chosen_from(a_post("p", **values))

    assert why_not(selection) == {"p": reason}
    assert "p" not in selection.may_stay


def test_a_post_that_expires_after_the_due_time_is_in_the_issue() -> None:
    assert ids(chosen_from(a_post("p", expires_at=THURSDAY + timedelta(seconds=1)))) == ["p"]


def test_what_the_editor_excluded_is_left_out_even_if_it_was_left_over() -> None:
    selection = chosen_from(a_post("p"), exclude={"p"}, left_over={"p"})

    assert why_not(selection) == {"p": "excluded by the editor"}


def test_of_posts_with_one_id_only_the_newest_file_counts() -> None:
    older = a_post("same", path="a.md", title="Older", has_own_id=True, modified_at=utc(2023, 11, 14))
    newer = a_post("same", path="b.md", title="Newer", has_own_id=True, modified_at=utc(2023, 11, 15))

    selection = chosen_from(newer, older)

    assert selection.posts == (newer,)
    assert why_not(selection) == {"same": "a.md is a duplicate of b.md, the newer file with the same id"}
    assert selection.warnings == ("a.md and b.md have one id, 'same': the newer file, b.md, counts",)


def test_files_as_old_as_each_other_are_told_apart_by_their_path() -> None:
    posts = [a_post("same", path=path, has_own_id=True) for path in ("b.md", "c.md", "a.md")]

    assert [post.path for post in chosen_from(*posts).posts] == ["c.md"]


def test_posts_with_the_same_text_or_slug_are_no_duplicates() -> None:
    posts = [a_post("a/hello", slug="hello"), a_post("b/hello", slug="hello")]

    assert ids(chosen_from(*posts)) == ["a/hello", "b/hello"]


def test_an_editor_may_put_in_what_only_the_dates_or_the_maximum_leave_out() -> None:
    old, late = a_post("old", published_at=utc(2020, 1, 1)), a_post("late", published_at=THURSDAY + WEEK)
    over, used = a_post("over", published_at=THURSDAY - timedelta(days=3)), a_post("used")
    newest = a_post("newest", published_at=THURSDAY)

    selection = chosen_from(old, late, over, used, newest, max_posts=1, used={"used": "weekly-2023-11-09"})

    assert selection.may_stay.keys() == {"old", "late", "over", "newest"}


# --- how many -------------------------------------------------------------------------------------------------


def test_over_max_posts_the_newest_stay_and_the_rest_are_named() -> None:
    posts = [a_post(f"p{day}", published_at=utc(2023, 11, day)) for day in (11, 14, 12, 13)]

    selection = chosen_from(*posts, max_posts=2)

    assert ids(selection) == ["p14", "p13"]
    assert selection.over_max == selection.left_over == ("p12", "p11")
    assert why_not(selection)["p12"] == "over max_posts (2), waits for the next issue"
    assert selection.warnings == ("2 over max_posts (2) and wait for the next issue: p12, p11",)


def test_fewer_than_min_posts_wait_for_the_next_issue() -> None:
    selection = chosen_from(a_post("alone"), min_posts=2)

    assert selection.too_few
    assert selection.left_over == ("alone",)
    assert why_not(selection) == {"alone": "waits for the next issue: 1 of at least 2 posts (min_posts)"}


def test_an_issue_without_posts_has_too_few() -> None:
    assert chosen_from().too_few


# --- sections -------------------------------------------------------------------------------------------------

SECTIONS = ({"title": "News", "tags": ["News"]}, {"title": "Diary", "folder": "diary/"})


def test_sections_come_as_the_settings_say_and_the_rest_last_untitled() -> None:
    posts = [
        a_post("other", published_at=utc(2023, 11, 15)),
        a_post("diary/may"),
        a_post("diary-of-a-dog"),
        a_post("n1", tags=("news",), published_at=utc(2023, 11, 12)),
        a_post("n2", tags=("x", "NEWS"), published_at=utc(2023, 11, 13)),
    ]

    selection = chosen_from(*posts, sections=SECTIONS)

    assert [(section.title, [post.id for post in section.posts]) for section in selection.sections] == [
        ("News", ["n2", "n1"]),
        ("Diary", ["diary/may"]),
        (None, ["other", "diary-of-a-dog"]),
    ]


def test_a_post_is_in_the_first_section_that_wants_it() -> None:
    selection = chosen_from(a_post("diary/may", tags=("news",)), sections=SECTIONS)

    assert [section.title for section in selection.sections] == ["News"]


def test_a_section_that_names_neither_tags_nor_a_folder_takes_all_that_is_left() -> None:
    selection = chosen_from(a_post("a"), sections=[*SECTIONS, {"title": "More"}])

    assert [section.title for section in selection.sections] == ["More"]


# --- where it all begins --------------------------------------------------------------------------------------


def the_start(*due_ats: datetime, due_at: datetime = THURSDAY, schedule: str | None = "thu 09:00") -> datetime:
    parsed = Schedule.parse(schedule) if schedule else None
    return start_of(due_ats, due_at=due_at, schedule=parsed, lookback=timedelta(days=28), zone=LONDON)


def test_the_first_issue_begins_one_period_before_its_cut_off() -> None:
    assert the_start() == THURSDAY - WEEK


def test_the_first_issue_that_was_approved_or_skipped_is_where_the_digest_begins() -> None:
    assert the_start(THURSDAY, THURSDAY - 3 * WEEK, due_at=THURSDAY + WEEK) == THURSDAY - 4 * WEEK


def test_an_issue_before_all_others_is_the_first_whenever_it_is_built() -> None:
    before_there_were_others = the_start(due_at=THURSDAY)

    with_a_later_one = the_start(THURSDAY + 2 * WEEK, due_at=THURSDAY)
    itself_skipped = the_start(THURSDAY + 2 * WEEK, THURSDAY, due_at=THURSDAY)

    assert with_a_later_one == itself_skipped == before_there_were_others


def test_a_period_is_the_time_since_the_due_time_before_however_uneven() -> None:
    assert the_start(schedule="mon,thu 07:30", due_at=datetime(2023, 11, 16, 7, 30, tzinfo=LONDON)) == datetime(
        2023, 11, 13, 7, 30, tzinfo=LONDON
    )


def test_a_period_over_the_change_of_the_clocks_is_a_week_on_the_wall() -> None:
    after_the_change = datetime(2026, 10, 29, 9, tzinfo=LONDON)

    assert the_start(due_at=after_the_change).isoformat() == "2026-10-22T09:00:00+01:00"


def test_a_due_time_that_the_clocks_skipped_has_a_whole_period_too() -> None:
    moved = place(datetime(2027, 3, 28, 1, 30), LONDON)

    assert the_start(due_at=moved, schedule="daily 01:30").isoformat() == "2027-03-27T01:30:00+00:00"


def test_a_digest_without_a_schedule_begins_one_lookback_before_its_first_issue() -> None:
    assert the_start(schedule=None) == THURSDAY - 4 * WEEK


# --- over many issues -----------------------------------------------------------------------------------------

moments = st.datetimes(datetime(2023, 10, 1), datetime(2024, 2, 1)).map(lambda wall: place(wall, LONDON))
several_posts = st.lists(
    st.builds(
        a_post,
        st.from_regex(r"[a-f]/[a-f]", fullmatch=True),
        published_at=moments,
        modified_at=moments,
        is_draft=st.booleans(),
        expires_at=st.none() | moments,
        tags=st.lists(st.sampled_from(["news", "other"]), max_size=2).map(tuple),
    ),
    max_size=30,
)


@given(
    several_posts,
    st.sets(st.from_regex(r"[a-f]/[a-f]", fullmatch=True), max_size=10),
    st.sets(st.from_regex(r"[a-f]/[a-f]", fullmatch=True), max_size=10),
    st.integers(1, 4),
    st.integers(4, 10),
)
def test_every_post_is_taken_once_or_left_out_with_a_reason(
    posts: list[Post], used: set[str], left_over: set[str], min_posts: int, max_posts: int
) -> None:
    selection = chosen_from(
        *posts,
        used=dict.fromkeys(used, "weekly-2023-11-09"),
        left_over=left_over,
        min_posts=min_posts,
        max_posts=max_posts,
        sections=SECTIONS,
    )

    taken = ids(selection)
    reasons = why_not(selection)
    assert len(taken) == len(set(taken)) <= max_posts
    assert {post.id for post in posts} == set(taken) | set(reasons)
    assert len(posts) == len(taken) * (not selection.too_few) + len(selection.left_out)
    assert selection.too_few == (len(taken) < min_posts)
    assert not used & set(taken)
    assert set(taken) <= selection.may_stay.keys()
    for post in selection.posts:
        assert post.published_at <= THURSDAY
        assert not post.is_draft


class ManyWeeks(RuleBasedStateMachine):
    """Posts come in at any time with any date, issues are approved, skipped, cancelled or left as drafts, week by
    week. Whatever happens: no post is in two issues, and one that a past issue could have taken is in an issue, or the
    next one takes it, unless it is older than the lookback."""

    limits = DigestSettings(min_posts=2, max_posts=3, lookback=timedelta(days=28))
    schedule = Schedule.parse("thu 09:00")

    @initialize()
    def begin(self) -> None:
        walls = islice(self.schedule.after(datetime(2023, 10, 5)), 60)
        self.due_ats = [place(wall, LONDON) for wall in walls]
        self.week = 0
        self.posts: list[Post] = []
        self.issues: dict[datetime, tuple[str, ...]] = {}
        self.cancelled: set[datetime] = set()
        self.begun: list[datetime] = []
        self.left_over: set[str] = set()

    @property
    def due_at(self) -> datetime:
        return self.due_ats[self.week]

    def used(self, *, but: datetime | None = None) -> dict[str, str]:
        return {
            post_id: f"weekly-{due_at:%Y-%m-%d}"
            for due_at, post_ids in self.issues.items()
            for post_id in post_ids
            if due_at != but and due_at not in self.cancelled
        }

    def build(self) -> Selection:
        start = start_of(
            self.begun, due_at=self.due_at, schedule=self.schedule, lookback=self.limits.lookback, zone=LONDON
        )
        used: Mapping[str, str] = self.used(but=self.due_at)
        left_over: Set[str] = self.left_over
        return select(self.posts, rules=self.limits, due_at=self.due_at, start=start, used=used, left_over=left_over)

    @rule(age_h=st.integers(-200, 500), count=st.integers(1, 4))
    def add_posts(self, age_h: int, count: int) -> None:
        for _ in range(count):
            published_at = self.due_at - timedelta(hours=age_h)
            self.posts.append(a_post(f"p{len(self.posts)}", published_at=published_at))

    @rule()
    def approve_or_skip(self) -> None:
        selection = self.build()
        self.left_over |= set(selection.left_over)
        self.begun.append(self.due_at)
        if not selection.too_few:
            self.issues[self.due_at] = tuple(ids(selection))
        self.week += 1

    @rule()
    def leave_a_draft(self) -> None:
        self.build()
        self.week += 1

    @rule(which=st.integers(0, 100))
    def cancel(self, which: int) -> None:
        if self.issues:
            self.cancelled.add(list(self.issues)[which % len(self.issues)])

    @invariant()
    def no_post_is_in_two_issues(self) -> None:
        sent = [post_id for due, post_ids in self.issues.items() if due not in self.cancelled for post_id in post_ids]
        assert len(sent) == len(set(sent))

    @invariant()
    def none_is_forgotten(self) -> None:
        selection = self.build()
        taken, reasons, used = set(ids(selection)), why_not(selection), self.used()
        first = min(self.begun, default=self.due_at) - WEEK
        for post in self.posts:
            is_old = post.published_at <= max(first, self.due_at - self.limits.lookback)
            waits = "waits for" in reasons.get(post.id, "")
            assert post.id in taken or post.id in used or waits or (is_old and post.id not in self.left_over)


TestManyWeeks = ManyWeeks.TestCase
TestManyWeeks.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
