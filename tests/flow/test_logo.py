"""A logo that is a file in the site's folder: frozen with the issue, shown in the mail, on the web and by the pages."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from PIL import Image

from newsletter.app import open_site
from newsletter.web.public.pages import Pages
from tests.sites import ISSUE, SETTINGS, SiteFolder, site

__all__ = ["site"]

DESIGN = '\n[design]\nlogo = "art/logo.png"\nlogo_width = 100\n'


def png(width: int, colour: str) -> bytes:
    file = BytesIO()
    Image.new("RGBA", (width, width // 2), colour).save(file, "PNG")
    return file.getvalue()


def approved(site: SiteFolder, design: str) -> tuple[str, str]:
    """The mail and its web version."""
    site.write("newsletter.toml", SETTINGS + design)
    site.post("one")
    assert site.run("build", "weekly", "--on", "2023-11-16").exit_code == 0
    said = site.run("approve", ISSUE, "--yes")
    assert said.exit_code == 0
    return site.read(f"issues/{ISSUE}/email.html"), site.read(f"issues/{ISSUE}/web.html")


def test_a_logo_in_the_sites_folder_is_frozen_with_the_issue_at_twice_its_width(site: SiteFolder) -> None:
    site.write("art/logo.png", png(900, "#123456"))
    site.write("art/dark.png", png(900, "#fedcba"))

    html, web_html = approved(site, f'{DESIGN}logo_dark = "art/dark.png"\n')

    sources = re.findall(r'class="logo-\w+"[^>]*? src="https?://[^"]*/assets/([^"/]+)"', html)
    assert len(set(sources)) == 2
    assert all(f"/assets/{name}" in web_html for name in sources)
    for name in sources:
        assert Image.open(site.folder / "issues" / ISSUE / "assets" / name).size == (200, 100)


def test_a_logo_is_shown_no_wider_than_it_is(site: SiteFolder) -> None:
    site.write("art/logo.png", png(60, "#123456"))

    html, _ = approved(site, DESIGN)

    assert re.search(r'class="logo-light"[^>]*width="60"', html)


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_a_logo_that_cannot_be_shown_is_told_and_the_sites_name_stands_there(
    site: SiteFolder, content: bytes | None
) -> None:
    if content:
        site.write("art/logo.png", content)

    html, web_html = approved(site, DESIGN)

    assert "<img" not in html + web_html
    assert 'class="site"' in html
    site.run("approve", ISSUE, "--withdraw")
    assert "art/logo.png" in site.run("check", ISSUE).out


def test_the_pages_for_readers_bring_such_a_logo_along(site: SiteFolder) -> None:
    site.write("art/logo.png", png(900, "#123456"))
    site.write("newsletter.toml", SETTINGS + DESIGN)

    with open_site(site.folder) as opened:
        page = bytes(Pages(opened.settings).message("not_found", status=404).body).decode()

    assert '<img src="data:image/png;base64,' in page
