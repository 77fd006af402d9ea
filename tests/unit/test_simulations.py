"""What a simulation makes of a mail, and what it leaves as it is."""

from __future__ import annotations

import pytest

from newsletter.emails.checks.colours import Colour, contrast, parsed
from newsletter.web.preview import inbox, inversion, markup
from newsletter.web.preview.frames import framed, remote_pictures
from newsletter.web.preview.looks import Look
from newsletter.web.preview.outlook import like_outlook
from newsletter.web.preview.simulations import in_scheme

RULES = "<style>@media (prefers-color-scheme: dark) { p { color: #fff } }</style>"


def page(body: str = "", head: str = "") -> str:
    return f"<html><head>{head}</head><body>{body}</body></html>"


@pytest.mark.parametrize(("scheme", "holds"), [("dark", True), ("light", False)])
def test_the_mails_own_dark_rules_hold_where_it_is_seen_dark(scheme: str, holds: bool) -> None:
    seen = in_scheme(page(head=RULES), "dark" if scheme == "dark" else "light")

    assert ("@media (min-width: 0)" in seen) is holds
    assert ("@media (max-width: 0)" in seen) is not holds


def test_words_about_dark_mode_in_a_post_stay_as_they_are() -> None:
    words = "<p>Write @media (prefers-color-scheme: dark) and style='color:#000' there.</p>"

    assert words in in_scheme(page(words), "dark")
    assert words in inversion.inverted(page(words), inversion.all_turned)


def test_all_colours_are_turned_round_and_stay_readable() -> None:
    seen = inversion.inverted(page("<p style='margin:0;color:#222222;background:#fffefb'>x</p>"), inversion.all_turned)

    ink, ground = (parsed(f"#{seen.split(name)[-1][:6]}") for name in (";color:#", ";background:#"))
    assert ink is not None
    assert ground is not None
    assert contrast(ink, ground) > 7
    assert max(ground[:3]) < 60


def test_an_almost_white_yellow_becomes_no_glaring_brown() -> None:
    turned = inversion.all_turned(Colour(255, 254, 251), "background")

    assert max(turned[:3]) - min(turned[:3]) < 8


def test_what_is_dark_already_is_left_dark_where_only_light_is_darkened() -> None:
    dark, white = Colour(10, 40, 50), Colour(255, 255, 255)

    assert inversion.light_darkened(dark, "background") == dark
    assert inversion.light_darkened(white, "text") == white
    assert max(inversion.light_darkened(white, "background")[:3]) < 60


def test_outlook_reads_its_own_comments_and_no_media_rules() -> None:
    seen = like_outlook(
        page(
            "<!--[if mso]><table><![endif]--><div style='padding:9px;color:red;border-radius:4px'>x</div>"
            "<!--[if !mso]><!--><b>others</b><!--<![endif]-->",
            head="<style>@media (max-width:9px){p{color:red} b{color:red}} p{margin:0;max-width:3px}</style>",
        )
    )

    assert "<table>" in seen
    assert "others" not in seen
    assert "@media" not in seen
    assert "padding" not in seen
    assert "border-radius" not in seen
    assert "color:red" in seen
    assert "p{margin:0;}" in seen


def test_a_link_in_the_frame_has_no_target_of_its_own() -> None:
    seen = framed(page("<a href='https://www.example.org/' target='_top'>x</a>"), [], Look())

    assert "_top" not in seen
    assert '<base target="_blank">' in seen


def test_pictures_of_other_servers_are_counted() -> None:
    assert remote_pictures("<img alt='' src='https://www.example.org/a.png'><img src='data:image/png;base64,x'>") == 1


def test_a_greater_sign_in_an_attribute_ends_no_tag() -> None:
    seen = markup.in_tags('<p title="a > b" style="x">', lambda tag: f"[{tag}]")

    assert seen == '[<p title="a > b" style="x">]'


def test_what_an_inbox_cuts_off_is_told_whole() -> None:
    subject = "A subject that goes on for longer than any telephone in the world would show"

    for row in inbox.rows(subject, "p"):
        assert "".join((row.subject.rstrip("…") + row.subject_rest).split()) == "".join(subject.split())
