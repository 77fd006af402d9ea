"""What the editor's page is made of: an issue looked at before it goes out, and its sending watched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from newsletter.app import open_site
from newsletter.errors import BadInput, NotFound, NotPossible, TemplateBroken
from newsletter.models import IssueState
from newsletter.pipeline import decide
from newsletter.pipeline.approve import approve
from newsletter.pipeline.preview import (
    MADE_UP,
    asset,
    copy_for,
    headers_for,
    preview,
    problems,
    reader,
    with_pictures,
)
from newsletter.pipeline.site import Site
from newsletter.pipeline.watching import Progress, Rate, Sendings, outlook, troubles
from tests.sites import ISSUE, SiteFolder, site

__all__ = ["site"]
NOW = datetime(2023, 11, 16, 9, tzinfo=UTC)
FILE = f"issues/{ISSUE}/issue.md"


@pytest.fixture
def opened(site: SiteFolder) -> Iterator[Site]:
    """The draft of 16 November with one post, and three subscribers."""
    site.post("a", title="A new path")
    site.readers(3)
    site.facts("build", "weekly", "--on", "2023-11-16")
    with open_site(site.folder) as found:
        yield found


# --- looked at ----------------------------------------------------------------------------------------------------


def test_what_the_preview_of_a_draft_shows_is_what_is_approved(opened: Site) -> None:
    whom = MADE_UP["ordinary"]
    draft = copy_for(opened, preview(opened, ISSUE, now=NOW), whom)

    approve(opened, ISSUE, now=NOW)

    approved = preview(opened, ISSUE, now=NOW)
    assert approved.is_frozen
    assert copy_for(opened, approved, whom) == draft


@pytest.mark.parametrize("who", MADE_UP)
def test_a_copy_can_be_seen_as_any_made_up_reader(opened: Site, who: str) -> None:
    seen, whom = preview(opened, ISSUE, now=NOW), reader(opened, who)

    filled, headers = copy_for(opened, seen, whom), dict(headers_for(opened, seen, whom))

    assert f"merge{seen.email.nonce}" not in filled.html + filled.text + "".join(headers.values())
    assert whom.email in headers["To"]
    assert whom.name in headers["To"]
    assert headers["Subject"] == "A new path"


def test_a_copy_can_be_seen_as_a_subscriber_and_its_link_is_harmless(opened: Site) -> None:
    whom = reader(opened, "reader1@example.net")

    filled = copy_for(opened, preview(opened, ISSUE, now=NOW), whom)

    subscriber = opened.roster.show("reader1@example.net")
    assert whom.name == "Reader 1"
    assert subscriber.id not in filled.html + filled.text


@pytest.mark.parametrize("who", ["somebody", "nobody@example.org"])
def test_a_reader_that_there_is_not_is_told(opened: Site, who: str) -> None:
    with pytest.raises(NotFound):
        reader(opened, who)


def test_what_hinders_the_approval_does_not_hinder_looking(opened: Site, site: SiteFolder) -> None:
    site.write(FILE, site.read(FILE).replace("- a  # A new path", "- a\n      - gone"))

    seen = preview(opened, ISSUE, now=NOW)

    assert "A new path" in seen.email.html
    (problem,) = [one for one in problems(opened, seen) if one.check == "issue"]
    assert "gone: there is no such post" in problem.message
    assert outlook(opened, ISSUE, now=NOW).has_errors


def test_a_broken_template_is_told_with_its_line_and_mended_it_shows(opened: Site, site: SiteFolder) -> None:
    part = site.write("templates/default/parts/footer.mjml.j2", "<mj-text>\n{{ nothing.at_all }}\n</mj-text>\n")

    with pytest.raises(TemplateBroken) as caught:
        preview(opened, ISSUE, now=NOW)

    assert (caught.value.template, caught.value.line) == ("default/parts/footer.mjml.j2", 2)
    assert ">    2 {{ nothing.at_all }}" in caught.value.problem
    part.unlink()
    assert preview(opened, ISSUE, now=NOW).email.html


def test_a_broken_issue_file_is_told_with_its_place(opened: Site, site: SiteFolder) -> None:
    site.write(FILE, "---\nsubject: a: b\n---\n")

    with pytest.raises(BadInput) as caught:
        preview(opened, ISSUE, now=NOW)

    assert caught.value.places[0].where == f"{FILE}:2:11"


def test_the_pictures_of_a_draft_can_be_shown_before_they_are_on_the_web(opened: Site, site: SiteFolder) -> None:
    from PIL import Image

    Image.new("RGB", (60, 40), "#336699").save(site.folder / "posts" / "map.png")
    site.post("a", title="With a map", text="![A map](map.png)", more="image: map.png\n")

    seen = preview(opened, ISSUE, now=NOW)
    html = with_pictures(opened, seen, seen.email.html, lambda name: f"/here/{name}")

    (picture,) = seen.email.assets
    assert f'src="/here/{picture.name}"' in html
    assert "/assets/" not in html
    assert asset(seen, picture.name) == picture.content
    assert asset(seen, "../newsletter.toml") is None


def test_before_the_approval_an_editor_sees_who_gets_it_and_when(opened: Site) -> None:
    seen = outlook(opened, ISSUE, now=NOW)

    assert (seen.recipients, seen.due_at, seen.has_errors, seen.unsendable) == (3, NOW, False, None)


# --- watched ------------------------------------------------------------------------------------------------------


def ended(sendings: Sendings, issue: str = ISSUE) -> Progress:
    """Its progress once the run is over."""
    thread = sendings._runs[issue].thread
    assert thread is not None
    thread.join()
    return sendings.progress(issue)


def test_a_sending_in_the_background_mails_everybody(opened: Site, site: SiteFolder) -> None:
    approve(opened, ISSUE, now=NOW)
    sendings = Sendings(opened)

    sendings.start(ISSUE, now=NOW)
    seen = ended(sendings)

    assert (seen.state, seen.is_running, seen.error) == (IssueState.SENT, False, None)
    assert (seen.counts.recipients, seen.counts.sent) == (3, 3)
    assert len(list((site.folder / "outbox" / ISSUE).glob("*.eml"))) == 3


def test_a_draft_is_not_sent(opened: Site) -> None:
    with pytest.raises(NotPossible, match="is draft"):
        Sendings(opened).start(ISSUE, now=NOW)


def test_a_paused_sending_says_so_and_goes_on_when_it_is_resumed(opened: Site) -> None:
    approve(opened, ISSUE, now=NOW)
    decide.pause(opened, ISSUE, now=NOW)
    sendings = Sendings(opened)

    sendings.start(ISSUE, now=NOW)
    paused = ended(sendings)
    decide.release(opened, ISSUE, now=NOW)
    sendings.start(ISSUE, now=NOW)
    done = ended(sendings)

    assert paused.error is not None
    assert "paused by a person" in paused.error.problem
    assert (paused.counts.sent, done.counts.sent, done.error) == (0, 3, None)


def test_what_was_refused_is_told_by_its_reason_without_addresses(site: SiteFolder) -> None:
    site.environ |= {"NEWSLETTER_PROVIDER__NAME": "fake", "NEWSLETTER_PROVIDER__MISBEHAVE": "refuse=@2+"}
    site.post("a")
    site.readers(4)
    site.approved()
    site.run("send", ISSUE)

    with open_site(site.folder) as opened:
        (refused,) = troubles(opened, ISSUE)

    assert (refused.state, refused.deliveries, len(refused.examples)) == ("refused", 3, 3)
    assert all(example.startswith("r…@") for example in refused.examples)
    assert "reader" not in refused.reason


def test_the_rate_is_that_of_late() -> None:
    rate = Rate()

    seen = [rate.note(at, done) for at, done in ((0, 0), (10, 100), (20, 200), (60, 240), (100, 240))]

    assert seen[:3] == [None, 10.0, 10.0]
    assert seen[3] is not None
    assert 1 <= seen[3] < 10
    assert seen[4] is None
