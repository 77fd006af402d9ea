"""Pictures from the posts folder and the web to what is sent: as an editor and a reader meet them."""

from __future__ import annotations

import email
import json
import os
import re
from collections.abc import Iterator
from email import policy
from io import BytesIO

import pytest
from PIL import Image

from newsletter.app import open_site
from newsletter.fetch import Fetcher
from newsletter.issues.file import parse
from newsletter.pipeline.approve import Drafted, render_draft
from newsletter.pipeline.collect import collect
from newsletter.pipeline.published import asset
from tests.factories import utc
from tests.loopback.pages import Page, Pages, serving
from tests.sites import ISSUE, SETTINGS, SiteFolder, site

__all__ = ["site"]
NOW = utc(2023, 11, 16, 9)


def png(width: int = 800, height: int = 400, colour: str = "#5b8c3a") -> bytes:
    file = BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def web() -> Iterator[Pages]:
    """A web server on loopback with one picture."""
    with serving() as pages:
        pages.pages["/a.png"] = Page(png())
        yield pages


def built(site: SiteFolder, text: str, *, more: str = "") -> None:
    """One post with this text in the draft of the issue."""
    site.post("guides/one", text=text, more=more)
    assert site.run("build", "weekly", "--on", "2023-11-16").exit_code == 0


def approved_html(site: SiteFolder) -> str:
    said = site.run("approve", ISSUE, "--yes")
    assert said.exit_code == 0, said.err
    return site.read(f"issues/{ISSUE}/email.html")


def drafted(site: SiteFolder, fetcher: Fetcher) -> Drafted:
    """The draft as approval would freeze it, loopback allowed."""
    with open_site(site.folder) as opened:
        row = opened.issue_row(ISSUE)
        issue = parse(site.read(f"issues/{ISSUE}/issue.md"), issue_id=ISSUE, digest="weekly", due_at=row.due_at)
        posts = {post.id: post for post in collect(opened).posts}
        return render_draft(opened, issue, posts, nonce="abc", now=NOW, fetcher=fetcher)


def local() -> Fetcher:
    return Fetcher(allow_loopback=True, pause_s=0)


def sources(html: str) -> list[str]:
    return re.findall(r'<img[^>]* src="([^"]*)"', html)


# --- from the posts folder -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "file"),
    [
        ("photo.png", "posts/guides/photo.png"),
        ("./pictures/a%20b.png", "posts/guides/pictures/a b.png"),
        ("../shared/photo.png", "posts/shared/photo.png"),
        ("shared/photo.png", "posts/shared/photo.png"),
        ("posts/shared/photo.png", "posts/shared/photo.png"),
        ("/static/photo.png", "posts/static/photo.png"),
        ("/static/photo.png", "posts/photo.png"),
    ],
)
def test_a_picture_beside_its_post_is_frozen_with_the_issue(site: SiteFolder, written: str, file: str) -> None:
    site.write(file, png())
    built(site, f"Text.\n\n![A meadow]({written})\n")

    html = approved_html(site)

    (source,) = sources(html)
    name = source.removeprefix(f"https://news.example.org/issues/{ISSUE}/assets/")
    assert f"assets/{name}" in json.loads(site.read(f"issues/{ISSUE}/manifest.json"))["files"]
    assert Image.open(site.folder / "issues" / ISSUE / "assets" / name).format == "PNG"
    assert 'alt="A meadow"' in html


def test_a_picture_is_served_by_its_name_and_nothing_else_is(site: SiteFolder) -> None:
    site.write("posts/guides/photo.png", png())
    built(site, "![A meadow](photo.png)\n")

    name = sources(approved_html(site))[0].rpartition("/")[2]

    with open_site(site.folder) as opened:
        assert asset(opened, ISSUE, name) == (site.folder / "issues" / ISSUE / "assets" / name).read_bytes()
        for other in ("email.html", "manifest.json", "../issue.md", f"../assets/{name}", "0a1b.png", ""):
            assert asset(opened, ISSUE, other) is None
        site.write(f"issues/{ISSUE}/assets/{name}", png(9, 9))
        assert asset(opened, ISSUE, name) is None


def test_an_altered_picture_stops_the_sending(site: SiteFolder) -> None:
    site.write("posts/guides/photo.png", png())
    built(site, "![A meadow](photo.png)\n")
    site.readers(1)
    name = sources(approved_html(site))[0].rpartition("/")[2]

    site.write(f"issues/{ISSUE}/assets/{name}", png(9, 9))
    said = site.run("send", ISSUE)

    assert said.exit_code != 0
    assert f"assets/{name} was altered" in said.err


def test_an_approval_taken_back_leaves_no_pictures(site: SiteFolder) -> None:
    site.write("posts/guides/photo.png", png())
    built(site, "![A meadow](photo.png)\n")
    approved_html(site)

    assert site.run("approve", ISSUE, "--withdraw").exit_code == 0

    assert [path.name for path in (site.folder / "issues" / ISSUE).iterdir()] == ["issue.md"]


def test_a_picture_in_the_editors_own_words_is_shown_too(site: SiteFolder) -> None:
    site.write("posts/shared/photo.png", png())
    built(site, "Text.\n")
    path = f"issues/{ISSUE}/issue.md"
    site.write(path, site.read(path) + "\nWelcome. ![A meadow](shared/photo.png)\n")

    (source,) = sources(approved_html(site))

    assert source.startswith(f"https://news.example.org/issues/{ISSUE}/assets/")


# --- what cannot be shown --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("missing.png", "guides/missing.png is not there"),
        ("../../outside.png", "leads out of the posts folder"),
        ("link.png", "leads out of the posts folder"),
        ("text.png", "guides/text.png is broken, or no picture"),
        ("http://127.0.0.1:9/a.png", "leads into a private network"),
        ("http://169.254.169.254/latest/a.png", "leads into a private network"),
        ("http://user:secret@example.org/a.png", "holds a user name or a password"),
    ],
)
def test_what_cannot_be_shown_is_told_and_the_mail_is_whole_without_it(
    site: SiteFolder, written: str, reason: str
) -> None:
    site.write("newsletter.toml", SETTINGS + 'body = "full"\n')
    site.write("outside.png", png())
    site.write("posts/guides/text.png", "no picture")
    (site.folder / "posts/guides/link.png").symlink_to(site.folder / "outside.png")
    built(site, f"Before. ![A meadow]({written}) After.\n")

    said = site.run("approve", ISSUE, "--yes")

    assert said.exit_code == 0
    assert "posts/guides/one.md:5: " in said.err
    assert reason in said.err
    html = site.read(f"issues/{ISSUE}/email.html")
    assert sources(html) == []
    assert "Before. A meadow After." in html


def test_check_tells_of_a_missing_picture_before_anything_is_approved(site: SiteFolder) -> None:
    built(site, "![A meadow](missing.png)\n")

    problems = json.loads(site.run("check", ISSUE, "--json").out)["problems"]

    (found,) = [one for one in problems if "guides/missing.png is not there" in one["message"]]
    assert found["level"] == "warning"
    assert found["where"] == "posts/guides/one.md:5"


def test_a_picture_without_words_is_told_and_a_decoration_is_not(site: SiteFolder) -> None:
    site.write("posts/guides/photo.png", png())
    site.write("posts/guides/line.png", png(600, 4))
    built(site, '<p>Text <img src="line.png" alt=""></p>\n', more="image: photo.png\n")

    said = site.run("approve", ISSUE, "--yes")

    assert "guides/photo.png has no alternative text" in said.err
    assert "line.png" not in said.err


# --- from the web ----------------------------------------------------------------------------------------------


def test_a_picture_of_the_web_is_fetched_once_however_often_the_issue_is_made(site: SiteFolder, web: Pages) -> None:
    built(site, f"![A meadow]({web.url}/a.png)\n")

    first, second = drafted(site, local()).email, drafted(site, local()).email

    assert web.asked == [("GET", "/a.png")]
    assert first.assets
    assert first == second


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (Page(status=404), "answers 404"),
        (Page(b"<!doctype html><title>Log in</title>"), "is a web page and no picture"),
        (Page(status=302, headers={"Location": "http://10.0.0.1/a.png"}), "leads into a private network"),
        (Page(drips=True), "larger than 20 MB"),
    ],
)
def test_a_server_that_gives_no_picture_is_told(site: SiteFolder, web: Pages, page: Page, reason: str) -> None:
    web.pages["/a.png"] = page
    built(site, f"Before. ![A meadow]({web.url}/a.png)\n")

    made = drafted(site, local())

    assert reason in " ".join(map(str, made.pictures))
    assert sources(made.email.html) == []


def test_an_old_copy_serves_when_the_server_is_gone(site: SiteFolder, web: Pages) -> None:
    built(site, f"![A meadow]({web.url}/a.png)\n")
    first = drafted(site, local()).email
    for path in (site.folder / "data/pictures").glob("from-*"):
        os.utime(path, (0, 0))
    web.pages["/a.png"] = Page(status=500)

    second = drafted(site, local())

    assert len(web.asked) == 2
    assert second.email == first
    assert second.pictures == ()


@pytest.mark.parametrize("width", ["", ' width="400"'])
def test_a_picture_that_only_counts_readers_is_dropped_without_a_word(site: SiteFolder, web: Pages, width: str) -> None:
    web.pages["/p.gif"] = Page(png(1, 1))
    built(site, f'Text. <img src="{web.url}/p.gif"{width} alt="">\n')

    made = drafted(site, local())

    assert sources(made.email.html) == []
    assert made.pictures == ()


# --- where they are --------------------------------------------------------------------------------------------


def test_embedded_pictures_are_in_the_mail_and_still_on_the_web(site: SiteFolder) -> None:
    site.write("newsletter.toml", SETTINGS + 'images = "embedded"\n')
    site.write("posts/guides/photo.png", png())
    built(site, "![A meadow](photo.png)\n")
    site.readers(1)
    html = approved_html(site)

    assert site.run("send", ISSUE).exit_code == 0

    (eml,) = (site.folder / "outbox" / ISSUE).glob("*.eml")
    message = email.message_from_bytes(eml.read_bytes(), policy=policy.default)
    (part,) = (one for one in message.walk() if one.get_content_maintype() == "image")
    assert sources(html) == [f"cid:{str(part['Content-ID']).strip('<>')}"]
    (on_web,) = sources(site.read(f"issues/{ISSUE}/web.html"))
    assert on_web.startswith(f"https://news.example.org/issues/{ISSUE}/assets/")


def test_linked_pictures_stay_where_they_are_and_nothing_is_fetched(site: SiteFolder, web: Pages) -> None:
    site.write("newsletter.toml", SETTINGS + 'images = "linked"\n')
    site.write("posts/guides/photo.png", png())
    built(site, f"![One]({web.url}/a.png) ![Two](photo.png)\n")

    made = drafted(site, local()).email

    linked = f"{web.url}/a.png"
    assert linked in sources(made.html)
    assert web.asked == []
    assert len(made.assets) == 1, "a file without an address of its own is hosted all the same"


def test_a_site_can_host_the_files_itself(site: SiteFolder) -> None:
    site.write("newsletter.toml", SETTINGS + '[images]\nurl = "https://cdn.example.org/mail/{issue}/{name}"\n')
    site.write("posts/guides/photo.png", png())
    built(site, "![A meadow](photo.png)\n")

    (source,) = sources(approved_html(site))

    assert re.fullmatch(rf"https://cdn\.example\.org/mail/{ISSUE}/[0-9a-f]{{20}}\.png", source)
    assert (site.folder / "issues" / ISSUE / "assets" / source.rpartition("/")[2]).is_file()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('[images]\nurl = "https://cdn.example.org/"', "{name}"),
        ('[images]\nurl = "cdn/{name}"', "https://"),
        ("[images]\nmax_kb = 1", "max_kb"),
        ('images = "inline"', "hosted"),
    ],
)
def test_a_wrong_setting_is_told_with_what_would_be_right(site: SiteFolder, line: str, wanted: str) -> None:
    site.write("newsletter.toml", SETTINGS + line + "\n")

    said = site.run("status")

    assert said.exit_code == 1
    assert wanted in said.err
