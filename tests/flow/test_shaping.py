"""An editor shapes a draft through the site: each edit is in `issue.md` at once, and nobody's work is lost."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.app import open_site
from newsletter.errors import BadInput, NotFound, NotPossible
from newsletter.issues import durable
from newsletter.issues.draft import read
from newsletter.issues.editing import LeaveOut, MovePost, Override, PinFirst, SetIntro, SetSubject, TakeIn
from newsletter.pipeline.build import build
from newsletter.pipeline.shape import Conflict, change, sheet
from newsletter.pipeline.site import Site
from tests.sites import ISSUE, SiteFolder, site

__all__ = ["site"]
FILE = f"issues/{ISSUE}/issue.md"
NOW = datetime(2023, 11, 16, 9, tzinfo=UTC)


@pytest.fixture
def opened(site: SiteFolder) -> Iterator[Site]:
    """The draft of 16 November with the posts a, b and c, newest first."""
    for post_id, day in (("a", 14), ("b", 13), ("c", 12)):
        site.post(post_id, on=f"2023-11-{day}", title=post_id.upper())
    site.facts("build", "weekly", "--on", "2023-11-16")
    with open_site(site.folder) as found:
        yield found


def test_a_sheet_shows_what_the_issue_says_and_what_was_left_out(opened: Site, site: SiteFolder) -> None:
    site.post("old", on="2023-01-01", title="Old news")

    seen = sheet(opened, ISSUE)

    assert [post.id for post in seen.sections[0].posts] == ["a", "b", "c"]
    assert seen.why_fixed is None
    assert seen.is_subject_automatic
    first = seen.sections[0].posts[0]
    assert (first.title, first.own_title, first.is_overridden, first.path) == ("A", "A", False, "a.md")
    assert first.own_summary == "What a says, in one paragraph."
    (left_out,) = seen.left_out
    assert (left_out.id, left_out.title, left_out.is_bygone, left_out.may_take_in) == ("old", "Old news", True, True)


def test_an_edit_is_in_the_file_at_once_and_the_automatic_subject_follows(opened: Site, site: SiteFolder) -> None:
    seen = change(opened, ISSUE, PinFirst(post="c"), version=sheet(opened, ISSUE).version)

    assert seen.issue.subject == "C · A · B"
    assert seen.text == site.read(FILE)
    assert seen == sheet(opened, ISSUE)


def test_a_written_subject_stays_and_an_emptied_one_is_automatic_again(opened: Site) -> None:
    own = change(opened, ISSUE, SetSubject(text="Ours"), version=sheet(opened, ISSUE).version)
    moved = change(opened, ISSUE, PinFirst(post="b"), version=own.version)
    emptied = change(opened, ISSUE, SetSubject(text=""), version=moved.version)

    assert (own.is_subject_automatic, moved.issue.subject) == (False, "Ours")
    assert (emptied.is_subject_automatic, emptied.issue.subject) == (True, "B · A · C")


def test_a_refresh_after_edits_changes_nothing(opened: Site, site: SiteFolder) -> None:
    seen = change(opened, ISSUE, LeaveOut(post="a"), version=sheet(opened, ISSUE).version)
    seen = change(opened, ISSUE, Override(post="b", title="Bee"), version=seen.version)
    seen = change(opened, ISSUE, MovePost(post="c", section=0, position=0), version=seen.version)

    built = build(opened, "weekly", on="2023-11-16", now=NOW)

    assert built.changes == ()
    assert site.read(FILE) == seen.text


def test_a_post_that_was_left_out_can_be_taken_back_in(opened: Site) -> None:
    without = change(opened, ISSUE, LeaveOut(post="b"), version=sheet(opened, ISSUE).version)
    back = change(opened, ISSUE, TakeIn(post="b", section=0, position=1), version=without.version)

    assert [(one.id, one.is_excluded, one.may_take_in) for one in without.left_out] == [("b", True, True)]
    assert back.issue.post_ids == ("a", "b", "c")
    assert back.left_out == ()


def test_what_was_deleted_by_hand_stays_deleted_through_an_edit(opened: Site, site: SiteFolder) -> None:
    site.write(FILE, site.read(FILE).replace("      - b  # B\n", ""))
    change(opened, ISSUE, SetIntro(markdown="Hello."), version=sheet(opened, ISSUE).version)

    build(opened, "weekly", on="2023-11-16", now=NOW)

    assert sheet(opened, ISSUE).issue.post_ids == ("a", "c")


def test_a_file_that_is_another_by_now_is_a_conflict_with_both_sides(opened: Site, site: SiteFolder) -> None:
    seen = sheet(opened, ISSUE)
    site.write(FILE, site.read(FILE) + "\nBy hand.\n")
    before, wanted = site.read(FILE), SetIntro(markdown="On the page.")

    with pytest.raises(Conflict) as caught:
        change(opened, ISSUE, wanted, version=seen.version)

    assert not isinstance(caught.value.theirs, BadInput)
    assert caught.value.theirs.issue.intro == "By hand."
    assert caught.value.edit == wanted
    assert site.read(FILE) == before


def test_a_file_that_was_broken_by_hand_is_told_with_its_place_and_left_as_it_is(
    opened: Site, site: SiteFolder
) -> None:
    seen = sheet(opened, ISSUE)
    broken = site.read(FILE).replace("sections:", "sections: [")
    site.write(FILE, broken)

    with pytest.raises(Conflict) as caught:
        change(opened, ISSUE, SetIntro(markdown="x"), version=seen.version)

    assert isinstance(caught.value.theirs, BadInput)
    assert re.fullmatch(rf"issues/{ISSUE}/issue.md:\d+:\d+", caught.value.theirs.places[0].where)
    assert site.read(FILE) == broken
    with pytest.raises(BadInput):
        sheet(opened, ISSUE)


def test_a_hand_edit_in_the_very_moment_of_writing_is_kept(
    opened: Site, site: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, by_hand = durable.exchange, site.read(FILE) + "\nBy hand.\n"

    def just_before(one: Path, other: Path) -> bool:
        monkeypatch.setattr(durable, "exchange", real)
        site.write(f"{FILE}.new", by_hand).replace(site.folder / FILE)
        return real(one, other)

    monkeypatch.setattr(durable, "exchange", just_before)
    with pytest.raises(Conflict):
        change(opened, ISSUE, SetIntro(markdown="On the page."), version=sheet(opened, ISSUE).version)

    assert site.read(FILE) == by_hand
    assert [path.name for path in (site.folder / f"issues/{ISSUE}").iterdir()] == ["issue.md"]


def test_two_hand_edits_in_that_moment_leave_the_newer_one(
    opened: Site, site: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, text = durable.exchange, site.read(FILE)
    by_hand = [f"{text}\nFirst.\n", f"{text}\nSecond.\n"]

    def just_before(one: Path, other: Path) -> bool:
        if by_hand:
            site.write(f"{FILE}.new", by_hand.pop(0)).replace(site.folder / FILE)
        return real(one, other)

    monkeypatch.setattr(durable, "exchange", just_before)
    with pytest.raises(Conflict):
        change(opened, ISSUE, SetIntro(markdown="On the page."), version=sheet(opened, ISSUE).version)

    assert site.read(FILE) == f"{text}\nSecond.\n"


def test_where_files_cannot_be_exchanged_an_edit_is_written_all_the_same(
    opened: Site, site: SiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "exchange", lambda one, other: False)

    change(opened, ISSUE, SetIntro(markdown="On the page."), version=sheet(opened, ISSUE).version)

    assert site.read(FILE).endswith("---\nOn the page.\n")
    assert [path.name for path in (site.folder / f"issues/{ISSUE}").iterdir()] == ["issue.md"]


def test_an_approved_issue_can_be_seen_and_not_changed(opened: Site, site: SiteFolder) -> None:
    site.facts("approve", ISSUE, "--yes")
    seen = sheet(opened, ISSUE)

    assert seen.why_fixed is not None
    assert [post.problem for post in seen.sections[0].posts] == [None] * 3
    with pytest.raises(NotPossible, match="only a draft"):
        change(opened, ISSUE, SetIntro(markdown="x"), version=seen.version)


def test_an_approved_issue_whose_file_is_gone_is_shown_from_its_manifest(opened: Site, site: SiteFolder) -> None:
    site.facts("approve", ISSUE, "--yes")
    (site.folder / FILE).unlink()

    assert [post.title for post in sheet(opened, ISSUE).sections[0].posts] == ["A", "B", "C"]


def test_an_issue_that_is_not_there_is_told(opened: Site) -> None:
    with pytest.raises(NotFound):
        sheet(opened, "weekly-2023-11-23")


def test_a_post_that_changed_on_the_disk_is_seen_changed(opened: Site, site: SiteFolder) -> None:
    sheet(opened, ISSUE)
    site.post("a", title="Another title", text="Another text.")

    (first, *_) = sheet(opened, ISSUE).sections[0].posts

    assert (first.title, first.own_summary) == ("Another title", "Another text.")


# --- two at once ----------------------------------------------------------------------------------------------------

BY_HAND = """
import random, sys
from pathlib import Path

file, count, chance = Path(sys.argv[1]), int(sys.argv[2]), random.Random(5)
for number in range(count):
    lines = file.read_text().split("\\n")
    second = lines.index("---", 1)
    posts = [place for place, line in enumerate(lines[:second]) if line.startswith("      - ")]
    if chance.random() < 0.5 and len(posts) > 1:
        one, other = chance.sample(posts, 2)
        lines[one], lines[other] = lines[other], lines[one]
    lines.insert(second, f"# by hand {number}.")
    new = file.with_name(".by-hand")
    new.write_text("\\n".join(lines))
    new.replace(file)
"""


def an_edit(chance: random.Random, number: int, post_ids: tuple[str, ...]) -> SetIntro | MovePost | Override:
    post = chance.choice(post_ids)
    edits = (
        SetIntro(markdown=f"Intro {number}."),
        MovePost(post=post, section=0, position=chance.randrange(len(post_ids))),
        Override(post=post, title=f"Title {number}"),
    )
    return chance.choice(edits)


def test_two_who_edit_at_once_lose_nothing_without_a_conflict(site: SiteFolder) -> None:
    for number in range(6):
        site.post(f"p{number}")
    site.facts("build", "weekly", "--on", "2023-11-16")
    chance, count = random.Random(3), 200
    kept = conflicts = 0
    with open_site(site.folder) as opened:
        hand = subprocess.Popen([sys.executable, "-c", BY_HAND, str(site.folder / FILE), str(count)])
        seen = sheet(opened, ISSUE)
        for number in range(count):
            edit = an_edit(chance, number, seen.issue.post_ids)
            before = seen.text
            try:
                seen = change(opened, ISSUE, edit, version=seen.version)
            except Conflict:
                conflicts += 1
                seen = sheet(opened, ISSUE)
            else:
                kept += 1
                assert marks(seen.text) == marks(before)
            read(site.read(FILE), issue_id=ISSUE)
        assert hand.wait() == 0

    assert marks(site.read(FILE)) == set(range(count))
    assert kept + conflicts == count
    assert kept
    assert conflicts


def marks(text: str) -> set[int]:
    return {int(number) for number in re.findall(r"# by hand (\d+)\.", text)}
