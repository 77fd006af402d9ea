"""Style rules reach the elements of a page, and what else is on the page stays as it was."""

from __future__ import annotations

import pytest

from newsletter.emails.inline import inline

RULES = """
p { margin: 0; } .lead { color: #111; } .lead h2 { color: #222; } h3 a { color: #333; } .a > p:last-child { top: 0; }
a:hover { color: #444; } td[align] { color: #555; } @media print { p { color: #666; } }
"""


def page(body: str) -> str:
    return f"<!doctype html><html><head><style>p{{color:red!important}}</style></head><body>{body}</body></html>"


@pytest.mark.parametrize(
    ("html", "wanted"),
    [
        ("<p>x</p>", '<p style="margin:0">x</p>'),
        ("<P>x</P>", '<p style="margin:0">x</p>'),
        ('<div class="one lead">x</div>', '<div class="one lead" style="color:#111">x</div>'),
        ("<div class='lead'><h2>x</h2></div>", '<h2 style="color:#222">x</h2>'),
        ("<div class=lead><h2>x</h2></div>", '<h2 style="color:#222">x</h2>'),
        ("<h3><a>x</a></h3>", '<a style="color:#333">x</a>'),
        ('<div class="a"><p>x</p><p>y</p></div>', '<p style="margin:0; top:0">y</p>'),
        ("<table><tr><td align=left>x</table>", '<td align="left" style="color:#555">x</td>'),
    ],
)
def test_a_rule_reaches_what_it_names_however_that_is_written(html: str, wanted: str) -> None:
    assert wanted in inline(page(html), RULES)


def test_what_cannot_be_inlined_becomes_a_block_of_its_own() -> None:
    made = inline(page("<p>x</p>"), RULES)

    assert "a:hover" in made
    assert "@media print" in made


def test_the_blocks_the_doctype_and_the_comments_of_the_page_stay() -> None:
    made = inline(page('<!--[if mso]><table width="600"><![endif]--><p>x</p>'), RULES)

    assert made.startswith("<!DOCTYPE html>")
    assert "<style>p{color:red!important}</style>" in made
    assert '<!--[if mso]><table width="600"><![endif]-->' in made
    assert "data-premailer" not in made


def test_no_attributes_are_made_of_styles() -> None:
    made = inline(page('<div class="lead"><p>x</p></div>'), ".lead { text-align: left; width: 9px; background: #fff; }")

    assert '<div class="lead" style="text-align:left; width:9px; background:#fff">' in made
