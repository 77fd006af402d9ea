"""How a site's mail looks, through the command line: its number, its theme, its colours."""

from __future__ import annotations

from tests.sites import SETTINGS, SiteFolder, site

__all__ = ["site"]


def test_issues_are_numbered_in_the_order_of_their_approval(site: SiteFolder) -> None:
    site.post("one", on="2023-11-14")
    first = site.approved()
    site.post("two", on="2023-11-21")
    site.now = "2023-11-23T09:00:00+00:00"

    second = site.approved(on="2023-11-23")

    assert "16 November 2023 · No. 1\n" in site.read(f"issues/{first}/email.txt")
    assert "23 November 2023 · No. 2\n" in site.read(f"issues/{second}/email.txt")


def test_one_line_switches_the_theme_and_one_the_colour_of_links(site: SiteFolder) -> None:
    site.post("one", text="What it says.")
    site.write("newsletter.toml", f'{SETTINGS}theme = "plain"\n\n[design.light]\naccent = "#7a1f5c"\n')

    issue = site.approved()

    html = site.read(f"issues/{issue}/email.html")
    assert "max-width:560px" in html
    assert "color:#7a1f5c" in html


def test_a_colour_that_nobody_could_read_stops_every_command(site: SiteFolder) -> None:
    site.write("newsletter.toml", f'{SETTINGS}\n[design.dark]\ntext = "#30363b"\n')

    said = site.run("build")

    assert said.exit_code == 1
    assert "design.dark.text: #30363b on tint #262c30 has a contrast of 1." in said.err
    assert "at least 4.5:1 is wanted" in said.err
