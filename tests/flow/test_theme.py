"""`newsletter theme`: a packaged part becomes the site's own, and wins."""

from __future__ import annotations

import pytest

from newsletter.emails.folders import packaged_templates
from tests.sites import ISSUE, SETTINGS, SiteFolder, site

__all__ = ["site"]


def test_an_ejected_part_is_the_packaged_one_and_wins_once_it_is_changed(site: SiteFolder) -> None:
    site.post("a")
    facts = site.facts("theme", "eject", "parts/footer.mjml.j2")
    packaged = (packaged_templates() / "default/parts/footer.mjml.j2").read_text("utf-8")

    assert facts["file"] == "templates/default/parts/footer.mjml.j2"
    assert site.read(facts["file"]) == packaged
    site.write(facts["file"], packaged.replace("</mj-text>", " OURS</mj-text>", 1))
    site.approved()
    assert "OURS" in site.read(f"issues/{ISSUE}/email.html")


def test_a_part_that_is_there_is_not_overwritten(site: SiteFolder) -> None:
    site.write("templates/default/parts/post.mjml.j2", "mine")

    said = site.run("theme", "eject", "post")

    assert said.exit_code == 1
    assert "is there already" in said.err
    assert site.read("templates/default/parts/post.mjml.j2") == "mine"


def test_a_part_that_another_theme_takes_from_the_default_theme_becomes_that_themes_own(site: SiteFolder) -> None:
    site.write("newsletter.toml", SETTINGS + 'theme = "magazine"\n')
    facts = site.facts("theme", "eject", "footer")

    assert (facts["file"], facts["from"]) == (
        "templates/magazine/parts/footer.mjml.j2",
        "default/parts/footer.mjml.j2",
    )
    parts = {one["part"]: one for one in site.facts("theme", "parts")}
    assert parts["parts/footer.mjml.j2"]["is_yours"]
    assert parts["parts/card.mjml.j2"]["from"] == "magazine/parts/card.mjml.j2"
    default = {one["part"]: one for one in site.facts("theme", "parts", "--theme", "default")}
    assert not default["parts/footer.mjml.j2"]["is_yours"]


def test_a_page_for_readers_belongs_to_no_theme(site: SiteFolder) -> None:
    assert site.facts("theme", "eject", "web/leave.html.j2")["file"] == "templates/web/leave.html.j2"


def test_an_ejected_theme_renders_the_same_mail(site: SiteFolder) -> None:
    site.post("a")
    site.approved()
    before = site.read(f"issues/{ISSUE}/email.txt")
    site.facts("approve", ISSUE, "--withdraw")

    for one in site.facts("theme", "parts"):
        site.facts("theme", "eject", one["part"])
    site.facts("approve", ISSUE, "--yes")

    assert site.read(f"issues/{ISSUE}/email.txt").split("merge")[0] == before.split("merge")[0]


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (("theme", "eject", "parts/foter.mjml.j2"), 2, "did you mean parts/footer.mjml.j2?"),
        (("theme", "eject", "words"), 2, "several parts are called 'words'"),
        (("theme", "eject", "footer", "--theme", "nothing"), 1, "there is no theme 'nothing'"),
    ],
)
def test_what_cannot_be_ejected_is_told(site: SiteFolder, words: tuple[str, ...], exit_code: int, said: str) -> None:
    found = site.run(*words)

    assert found.exit_code == exit_code
    assert said in found.err
    assert not (site.folder / "templates").exists()
