"""The calendar: what each issue to come would hold if nothing else came."""

from __future__ import annotations

from datetime import UTC, datetime

from newsletter.app import open_site
from newsletter.pipeline.ahead import Ahead, ahead
from tests.sites import SETTINGS, SiteFolder, site

__all__ = ["site"]
WEDNESDAY = datetime(2023, 11, 15, 12, tzinfo=UTC)


def seen(site: SiteFolder, count: int = 3) -> list[Ahead]:
    with open_site(site.folder) as opened:
        return ahead(opened, now=WEDNESDAY, count=count)


def ids(found: list[Ahead]) -> list[list[str]]:
    return [[post.id for post in one.posts] for one in found]


def test_a_post_is_in_the_first_issue_that_takes_it_and_in_no_later_one(site: SiteFolder) -> None:
    site.post("now", on="2023-11-14")
    site.post("next", on="2023-11-20")

    found = seen(site)

    assert [one.issue for one in found] == ["weekly-2023-11-16", "weekly-2023-11-23", "weekly-2023-11-30"]
    assert ids(found) == [["now"], ["next"], []]


def test_an_empty_week_is_named(site: SiteFolder) -> None:
    site.post("now", on="2023-11-14")

    first, second = seen(site, 2)

    assert (first.is_empty, second.is_empty) == (False, True)
    assert second.note == "empty: there is no post for it"


def test_what_does_not_fit_is_in_the_next_issue(site: SiteFolder) -> None:
    site.write("newsletter.toml", SETTINGS + "max_posts = 1\n")
    site.post("a", on="2023-11-14")
    site.post("b", on="2023-11-13")

    assert ids(seen(site)) == [["a"], ["b"], []]


def test_posts_of_a_week_with_too_few_wait_for_the_next(site: SiteFolder) -> None:
    site.write("newsletter.toml", SETTINGS + "min_posts = 2\n")
    site.post("a", on="2023-11-14")
    site.post("b", on="2023-11-20")

    first, second, _ = seen(site)

    assert first.note.startswith("skipped: 1 of at least 2 posts")
    assert ids([first, second]) == [["a"], ["b", "a"]]
    assert not second.is_empty


def test_a_draft_is_shown_as_its_editor_left_it_with_what_a_refresh_will_add(site: SiteFolder) -> None:
    for post_id in ("a", "b"):
        site.post(post_id, on="2023-11-14", title=post_id.upper())
    site.facts("build", "weekly", "--on", "2023-11-16")
    file = "issues/weekly-2023-11-16/issue.md"
    site.write(file, site.read(file).replace("- a  # A", "- {id: a, title: Ours}"))
    before = site.read(file)
    site.post("late", on="2023-11-15", title="Late")

    (first,) = seen(site, 1)

    assert [post.title for post in first.posts] == ["Ours", "B", "Late"]
    assert site.read(file) == before


def test_an_approved_issue_shows_what_was_approved(site: SiteFolder) -> None:
    site.post("a", on="2023-11-14")
    site.approved()
    site.post("b", on="2023-11-15")

    assert ids(seen(site, 2)) == [["a"], ["b"]]


def test_a_broken_draft_is_told_and_the_others_are_shown(site: SiteFolder) -> None:
    site.post("b", on="2023-11-20")
    site.write("issues/weekly-2023-11-16/issue.md", "no front matter")

    first, second = seen(site, 2)

    assert "issue.md cannot be read" in first.note
    assert ids([second]) == [["b"]]


def test_looking_ahead_writes_nothing(site: SiteFolder) -> None:
    site.post("a", on="2023-11-14")

    seen(site)

    assert site.facts("status") == []
    assert not (site.folder / "issues").exists()
