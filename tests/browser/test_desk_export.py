"""A proof is one file that shows everything, anywhere, and in which nothing runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import axe
from tests.browser.editors import a_site, drafted
from tests.sites import ISSUE, SiteFolder

pytestmark = pytest.mark.browser

PIXELS = Path(__file__).parents[2] / "posts" / "new-lathe.jpg"
HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=alert(1)> \"></iframe><script>1</script> {{7*7}}"


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A draft with a picture and a hostile post."""
    site = a_site(tmp_path / "site", posts=0)
    site.write("posts/lathe.jpg", PIXELS.read_bytes())
    site.post("lathe", title="The lathe", more="image: lathe.jpg\nimage_alt: A lathe\n")
    site.post("hostile", title=HOSTILE, text=HOSTILE)
    drafted(site)
    return site


def exported(site: SiteFolder, target: Path) -> Path:
    said = site.run("preview", "--export", str(target), "--site", str(site.folder))
    assert said.exit_code == 0, said.err
    return Path(said.out.strip())


def test_a_proof_shows_the_mail_in_both_widths_and_colours_and_asks_nobody(site: SiteFolder, browser: Browser) -> None:
    file = exported(site, site.folder / "proof.html")
    asked: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))

    page.goto(file.as_uri())

    frames = page.locator("iframe")
    expect(frames).to_have_count(4)
    for number in range(4):
        picture = page.frame_locator("iframe").nth(number).get_by_alt_text("A lathe")
        expect(picture).to_have_js_property("complete", True)
        assert frames.nth(number).get_attribute("sandbox") == ""
    expect(page.locator("#text")).to_contain_text("The lathe")
    expect(page.locator("#checks")).to_contain_text("warning")
    expect(page).to_have_title(re.compile("^The week.*: proof$"))
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:"))] == []
    page.close()


def test_a_proof_can_be_read_by_everybody(site: SiteFolder, browser: Browser) -> None:
    file = exported(site, site.folder / "proof.html")
    page = browser.new_page()
    page.goto(file.as_uri())

    light = axe(page)
    page.emulate_media(color_scheme="dark")

    assert (light, axe(page)) == ([], [])
    page.close()


def test_a_proof_goes_into_a_folder_under_the_issues_name(site: SiteFolder) -> None:
    assert exported(site, site.folder / "proofs") == site.folder / "proofs" / f"{ISSUE}.html"


def test_a_proof_of_what_cannot_be_made_is_refused_and_says_why(site: SiteFolder) -> None:
    site.write("templates/default/parts/post.mjml.j2", "{% if %}")

    said = site.run("preview", ISSUE, "--export", str(site.folder / "proof.html"), "--site", str(site.folder))

    assert said.exit_code == 1
    assert "post.mjml.j2, line 1" in said.err
    assert not (site.folder / "proof.html").exists()
