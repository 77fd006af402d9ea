"""What the checks say of the page: its size, styles, colours, headings, tables and client support."""

from __future__ import annotations

import re

import pytest

from newsletter.emails.checks.client_support import support
from newsletter.emails.checks.features import SERIOUS
from newsletter.settings_values import Client
from tests.checking import Spoil, Told, found, looked_at, problems, told, written

HEAD = "templates/default/parts/head.mjml.j2"


def put(before: str, new: str) -> Spoil:
    """The same with something put in before its first `before`."""

    def spoil(html: str) -> str:
        assert before in html
        return html.replace(before, new + before, 1)

    return spoil


def swapped(old: str, new: str) -> Spoil:
    def spoil(html: str) -> str:
        assert old in html
        return html.replace(old, new)

    return spoil


def test_a_good_issue_has_no_problem_at_all() -> None:
    assert problems(looked_at()) == []


# --- size and styles -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size_bytes", "level"), [(80_000, None), (95_000, "warning"), (105_000, "error")])
def test_a_mail_that_gmail_clips_is_told_by_its_size(size_bytes: int, level: str | None) -> None:
    filling = "<p>word word</p>"

    checked = looked_at(
        html=lambda html: html.replace("</body>", filling * ((size_bytes - len(html)) // 16) + "</body>")
    )

    assert [problem.level for problem in found(checked, "html-size")] == ([level] if level else [])


def test_style_blocks_over_what_gmail_keeps_are_told() -> None:
    few = looked_at(html=put("</head>", "<style>" + ".a{color:#000000}" * 100 + "</style>"))
    many = looked_at(html=put("</head>", "<style>" + ".a{color:#000000}" * 1000 + "</style>"))

    assert found(few, "style-size") == []
    assert [problem.level for problem in found(many, "style-size")] == ["error"]


def test_a_style_block_in_the_body_is_told() -> None:
    checked = looked_at(html=put("</body>", "<style>.a{color:#000000}</style>"))

    assert [problem.level for problem in found(checked, "style-place")] == ["error"]


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ("@media screen{@font-face{font-family:x}}", "@font-face"),
        (".a{color:rgb(0 0 0 / 50%)}", "rgb(0 0 0 / 50%)"),
        (".a{color:rgba(0,0,0,.5)}@media screen{.a{color:#000000}}", None),
    ],
)
def test_what_makes_gmail_drop_a_style_block_is_told(block: str, says: str | None) -> None:
    checked = looked_at(html=put("</head>", f"<style>{block}</style>"))

    messages = [problem.message for problem in found(checked, "style-nesting")]

    assert len(messages) == (says is not None)
    assert all(str(says) in message for message in messages)


@pytest.mark.parametrize(
    ("old", "new"),
    [("<!DOCTYPE html>", ""), ('lang="en-GB"', ""), ('dir="ltr"', ""), ("<title>", "<title></title><title>")],
)
def test_a_page_without_doctype_language_direction_or_title_is_told(old: str, new: str) -> None:
    checked = looked_at(html=swapped(old, new))

    assert {told(problem) for problem in found(checked, "doctype-lang-dir-title")} == {
        ("error", "templates/default/issue.mjml.j2:3")
    }


def test_a_mail_in_arabic_in_a_site_in_english_is_told_unless_its_boxes_say_their_own_direction() -> None:
    arabic = written(
        "<p>" + "هذا نص طويل باللغة العربية عن السوق الشتوي على ضفة النهر " * 20 + "</p>", title="السوق الشتوي"
    )

    own = looked_at(arabic)
    none = looked_at(arabic, html=lambda html: re.sub(' dir="(auto|rtl)"', "", html))

    assert found(own, "doctype-lang-dir-title") == []
    assert [problem.where for problem in found(none, "doctype-lang-dir-title")] == ["newsletter.toml"]


@pytest.mark.parametrize(
    ("old", "new"),
    [('name="color-scheme"', 'name="other"'), ('name="supported-color-schemes"', 'name="other"')],
)
def test_a_mail_that_does_not_opt_in_to_dark_is_told(old: str, new: str) -> None:
    checked = looked_at(html=swapped(old, new))

    assert [problem.level for problem in found(checked, "color-scheme")] == ["warning"]


@pytest.mark.parametrize(("old", "new"), [("prefers-color-scheme", "min-width"), ("[data-ogsc]", ".nobody")])
def test_a_mail_without_dark_rules_is_told(old: str, new: str) -> None:
    checked = looked_at(html=swapped(old, new))

    assert [problem.level for problem in found(checked, "dark-css")] == ["warning"]


# --- contrast --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "is_told"),
    [
        ("color:#777777;background-color:#ffffff", True),  # 4.48
        ("color:#767676;background-color:#ffffff", False),  # 4.54
        ("color:#949494;background-color:#ffffff;font-size:24px", False),  # 3.03, large
        ("color:#949494;background-color:#ffffff;font:bold 14pt Arial", False),
        ("color:#949494;background-color:#ffffff;font-size:23px", True),
        ("color:rgba(0,0,0,.4);background-color:#ffffff", True),
        ("color:white;background:url(x.png) navy", False),
        ("color:#ffffff;background:linear-gradient(#ffffff,#000000)", False),  # nobody can say
        ("display:none;color:#ffffff;background-color:#ffffff", False),
    ],
)
def test_text_that_is_hard_to_read_in_light_is_told(style: str, is_told: bool) -> None:
    checked = looked_at(html=put("</body>", f'<p class="probe" style="{style}">Soup at noon</p>'))

    messages = [problem.message for problem in found(checked, "contrast") if "in light" in problem.message]

    assert any("Soup at noon" in message for message in messages) is is_told


@pytest.mark.parametrize(
    ("rule", "is_told"),
    [
        ("@media (prefers-color-scheme:dark){.probe{color:#333333!important;background:#131618!important}}", True),
        ("@media (prefers-color-scheme:dark){.probe{color:#eeeeee!important;background:#131618!important}}", False),
        ("@media (prefers-color-scheme:dark){.probe{color:#333333;background:#131618}}", False),  # the attribute wins
        ("@media (prefers-color-scheme){.probe{color:#eeeeee!important;background:#131618!important}}", False),
    ],
)
def test_text_that_is_hard_to_read_in_dark_is_told(rule: str, is_told: bool) -> None:
    def spoil(html: str) -> str:
        probe = '<p class="probe" style="color:#222222;background:#ffffff">Soup at noon</p>'
        return put("</body>", probe)(put("</head>", f"<style>{rule}</style>")(html))

    messages = [problem.message for problem in found(looked_at(html=spoil), "contrast")]

    assert any(message.startswith("in dark colours “Soup at noon”") for message in messages) is is_told


def test_a_link_without_a_colour_of_its_own_has_the_browsers() -> None:
    probe = '<p style="background:#000000;color:#ffffff">See <a href="https://www.example.org/x">the stalls</a></p>'

    messages = [problem.message for problem in found(looked_at(html=put("</body>", probe)), "contrast")]

    assert any("“the stalls”" in message and "#0000ee on #000000" in message for message in messages)


# --- structure -------------------------------------------------------------------------------------------------


def test_a_second_h1_a_left_out_level_and_an_empty_heading_are_told_in_the_post() -> None:
    aid, market = written("<p>Be calm.</p>"), Told("The winter market", "<p>Stalls.</p>", path="market")

    def spoil(html: str) -> str:
        return html.replace("Be calm.", "Be calm.<h1>Again</h1><h2></h2><h5>Deep</h5>")

    said = found(looked_at(aid, market, html=spoil), "headings")

    assert [problem.level for problem in said] == ["warning"] * 3
    assert {problem.where.partition(":")[0] for problem in said} == {"posts/first-aid.md"}


def test_a_mail_without_h1_is_told_of_the_theme() -> None:
    checked = looked_at(html=lambda html: html.replace("<h1", "<p").replace("</h1>", "</p>"))

    assert told(found(checked, "headings")[0])[1].startswith("templates/default/")


@pytest.mark.parametrize(
    ("table", "count"),
    [
        ("<table><tr><td>One</td></tr></table>", 1),
        ('<table role="presentation"><tr><td>One</td></tr></table>', 0),
        ("<table><tr><th>Day</th></tr><tr><td>One</td></tr></table>", 0),
        ('<table role="presentation" width="700"><tr><td>One</td></tr></table>', 1),
        ("<!--[if mso | IE]><table><tr><td><![endif]-->x<!--[if mso | IE]></td></tr></table><![endif]-->", 1),
    ],
)
def test_a_layout_table_without_role_or_too_wide_is_told(table: str, count: int) -> None:
    checked = looked_at(html=put("</body>", table))

    assert len(found(checked, "layout-tables")) == count


def test_tables_too_deep_within_each_other_are_told() -> None:
    opening, closing = '<table role="presentation"><tr><td>', "</td></tr></table>"

    checked = looked_at(html=put("</body>", opening * 9 + "x" + closing * 9))

    assert "9 deep" in found(checked, "layout-tables")[0].message


@pytest.mark.parametrize(
    ("html", "is_told"),
    [
        ("<pre>one\ntwo</pre>", True),
        ("<pre>one<br>two</pre>", False),
        ("<table><tr><th>a</th><th>b</th><th>c</th><th>d</th><th>e</th></tr></table>", True),
        ("<table><tr><th>a</th><th>b</th><th>c</th><th>d</th></tr></table>", False),
        (f"<p>{'x' * 41}</p>", True),
        (f"<p>{'x' * 40}</p>", False),
        (f'<p style="overflow-wrap:anywhere">{"x" * 300}</p>', False),
        (f"<p>{'字' * 300}</p>", False),
        ("<p>https://www.example.org/a/path/of/many/short/parts/behind/each/other</p>", False),
    ],
)
def test_what_makes_a_phone_scroll_sideways_is_told(html: str, is_told: bool) -> None:
    checked = looked_at(html=put("</body>", html))

    assert bool(found(checked, "code-and-tables")) is is_told


@pytest.mark.parametrize(
    "spoiled",
    ["<script>x()</script>", "<form></form>", '<iframe src="x"></iframe>', '<b onclick="x()">x</b>', '<base href="x">'],
)
def test_scripts_forms_and_handlers_are_told(spoiled: str) -> None:
    checked = looked_at(html=put("</body>", spoiled))

    assert [problem.level for problem in found(checked, "script-form")] == ["error"]


# --- client support --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "loses"),
    [
        ("display:flex", "Outlook for Windows"),
        ("width:calc(100% - 2px)", "Yahoo"),
        ("font-size:1.2rem", "Outlook for Windows"),
        ("color:var(--ink)", "Gmail"),
        ("position:absolute", "Gmail"),
        ("margin-inline:4px", "Samsung"),
    ],
)
def test_a_feature_that_a_client_lacks_is_told_with_the_client(style: str, loses: str) -> None:
    checked = looked_at(html=put("</body>", f'<p style="{style}">Soup</p>'))

    (problem,) = found(checked, "client-support")

    assert loses in problem.message
    assert problem.level == "warning"


def test_what_clients_lose_without_harm_is_not_told() -> None:
    harmless = '<p style="border-radius:4px;box-shadow:0 0 2px #000;font-size:1.2em;max-width:90%">Soup</p>'

    assert found(looked_at(html=put("</body>", harmless)), "client-support") == []


def test_only_the_clients_that_the_site_names_count() -> None:
    site = {
        "name": "Example Network",
        "url": "https://news.example.org",
        "language": "en-GB",
        "clients": ["apple-mail"],
    }

    checked = looked_at(html=put("</body>", '<p style="display:flex">Soup</p>'), site=site)

    assert found(checked, "client-support") == []


def test_the_clients_of_the_settings_are_those_of_the_table() -> None:
    assert sorted(Client.__args__) == sorted(support()["clients"])  # type: ignore[attr-defined]


def test_every_serious_feature_is_in_the_table_and_fails_somewhere() -> None:
    table = support()["features"]

    assert set(table) == {feature.slug for feature in SERIOUS}
    assert [slug for slug, facts in table.items() if not facts["fails"]] == []
