"""A site's templates override the packaged ones file by file, and a mistake in one is told with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from newsletter.emails import folders
from newsletter.emails.render import render
from newsletter.errors import BadInput, TemplateBroken
from newsletter.models import Email
from tests.factories import a_content, a_post, a_site, an_issue

PAGE = """<mjml lang="en" dir="ltr">
  <mj-head><mj-title>{{ subject }}</mj-title></mj-head>
  <mj-body>
%s
  </mj-body>
</mjml>
"""
BOX = "<mj-section><mj-column><mj-text>%s</mj-text></mj-column></mj-section>"


def rendered(tmp_path: Path, **digest: Any) -> Email:
    """The email of one post for a site in `tmp_path`."""
    settings = a_site(tmp_path, digests={"weekly": {"title": "The week", **digest}})
    posts = {"one": (a_post("one", title="First aid", url="https://www.example.org/one"), a_content())}
    return render(an_issue("one"), posts, settings=settings, nonce="n0Nce42")


def write(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "templates" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def broken(tmp_path: Path, body: str, name: str = "default/parts/footer.mjml.j2") -> TemplateBroken:
    """The error of a theme whose template of that name is `body`."""
    write(tmp_path, name, body)
    with pytest.raises(TemplateBroken) as caught:
        rendered(tmp_path)
    return caught.value


# --- where templates are ---------------------------------------------------------------------------------------


def test_a_sites_template_replaces_the_packaged_one_and_only_that(tmp_path: Path) -> None:
    write(
        tmp_path,
        "default/parts/footer.mjml.j2",
        BOX % 'Ours <a href="{{ unsubscribe_url }}">go</a>',
    )

    email = rendered(tmp_path)

    assert "Ours <a" in email.html
    assert "because you subscribed" not in email.html
    assert "Read “First aid” at example.org" in email.html


def test_a_site_may_say_a_single_word_differently(tmp_path: Path) -> None:
    write(tmp_path, "default/words.toml", '[en]\nunsubscribe = "Leave us"\n')

    email = rendered(tmp_path)

    assert "Leave us" in email.html
    assert "Leave us:" in email.text
    assert "14 November 2023" in email.html


def test_a_theme_of_the_site_takes_from_the_default_what_it_does_not_have(tmp_path: Path) -> None:
    write(
        tmp_path,
        "mine/issue.mjml.j2",
        PAGE % '{% include "parts/header.mjml.j2" %}{% include "parts/footer.mjml.j2" %}',
    )
    write(tmp_path, "mine/parts/header.mjml.j2", BOX % "Mine")

    email = rendered(tmp_path, theme="mine")

    assert "Mine" in email.html
    assert "because you subscribed" in email.html
    assert "First aid" in email.text


def test_an_unknown_theme_is_refused_with_a_list(tmp_path: Path) -> None:
    write(tmp_path, "mine/issue.mjml.j2", "x")

    with pytest.raises(BadInput, match=r"'default2'.*default, magazine, mine, plain"):
        rendered(tmp_path, theme="default2")


def test_an_installed_package_brings_its_templates_inside(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "newsletter"
    (package / "packaged" / "templates").mkdir(parents=True)

    assert folders.packaged_templates(package) == package / "packaged" / "templates"


def test_in_a_checkout_the_templates_lie_beside_the_package(tmp_path: Path) -> None:
    assert folders.packaged_templates(tmp_path / "newsletter") == tmp_path / "templates"
    assert (folders.packaged_templates() / "default" / "issue.mjml.j2").is_file()


# --- mistakes in Jinja2 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("{{ design.titel }}", "titel"),
        ("{{ nonsense }}", "nonsense"),
        ("{% if %}", "Expected an expression"),
        ("{{ 1 / 0 }}", "division"),
        ("{% include 'parts/none.mjml.j2' %}", "parts/none.mjml.j2 does not exist"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ settings }}", "settings"),
        ("{{ post.title|nofilter }}", "nofilter"),
        ("{{ words.nothing }}", "nothing"),
    ],
)
def test_a_mistake_in_a_part_is_told_with_template_line_and_surroundings(
    tmp_path: Path, bad: str, problem: str
) -> None:
    error = broken(tmp_path, f"<mj-section>\n<mj-column>\n<mj-text>\n{bad}\n</mj-text>\n</mj-column></mj-section>\n")

    assert problem in error.problem
    assert (error.template, error.line) == ("default/parts/footer.mjml.j2", 4)
    assert f">    4 {bad}" in error.problem
    assert "     3 <mj-text>" in error.problem
    assert str(tmp_path) in str(error.fix)


def test_a_template_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    write(tmp_path, "default/parts/footer.mjml.j2", "x")
    (tmp_path / "templates/default/parts/footer.mjml.j2").write_bytes(b"caf\xe9")

    with pytest.raises(TemplateBroken, match="utf-8"):
        rendered(tmp_path)


def test_a_theme_whose_words_are_broken_is_told_with_the_line(tmp_path: Path) -> None:
    error = broken(tmp_path, '[en]\nunsubscribe = "x\n', name="default/words.toml")

    assert (error.template, error.line) == ("default/words.toml", 2)


# --- mistakes in MJML ------------------------------------------------------------------------------------------

TEXT = "<mj-section><mj-column>\n<mj-text>a</mj-text>\n%s\n</mj-column></mj-section>"


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("<mj-quote>x</mj-quote>", "<mj-quote> is unknown"),
        ("<mj-txt>x</mj-txt>", "did you mean <mj-text>"),
        ("<mj-section></mj-section>", "<mj-section> may not stand in <mj-column>"),
        ('<mj-text colour="red">x</mj-text>', "did you mean 'color'"),
        ("<mj-text color=red>x</mj-text>", "needs a value in quotes"),
        ("<mj-text>x", "</mj-column>: </mj-text> is missing"),
        ("<mj-text><p>x</mj-text>", "</mj-text>: </p> is missing"),
        ("<mj-text><b><i>x</b></i></mj-text>", "</b>: </i> is missing"),
        ("<mj-text>1 < 2</mj-text>", "write &lt;"),
        ("stray words", "text in <mj-column>"),
        ("<p>x</p>", "<p> may not stand in <mj-column>"),
        ("</mj-text>", "</mj-text>: </mj-column> is missing"),
        ("<mj-include path='x' />", "write {% include %}"),
        ('<mj-text><mj-button href="x">y</mj-button></mj-text>', "<mj-button> may not stand in <mj-text>"),
        ('<mj-text color="{{ subject }}">x</mj-text>', "'color' holds a text"),
        ("<mj-text><![CDATA[x]]></mj-text>", "begins no tag"),
    ],
)
def test_broken_mjml_in_a_part_is_told_with_template_and_line(tmp_path: Path, bad: str, problem: str) -> None:
    error = broken(tmp_path, TEXT % bad)

    assert problem in error.problem
    assert error.template == "default/parts/footer.mjml.j2"
    assert error.line in (3, 4)
    assert "default/parts/footer.mjml.j2, line" in error.problem


def test_the_line_is_right_after_loops_conditions_and_attributes_over_several_lines(tmp_path: Path) -> None:
    last = '<mj-section\n  padding="0"\n  paddding="1">'

    error = broken(tmp_path, "{% for n in [1, 2, 3] %}\n{% if n == 3 %}\n" + last + "\n{% endif %}\n{% endfor %}\n")

    assert error.line == 5


def test_a_tag_that_is_never_closed_is_told_where_it_was_opened(tmp_path: Path) -> None:
    error = broken(tmp_path, PAGE.replace("</mjml>", "") % "", name="default/issue.mjml.j2")

    assert "<mjml> is never closed" in error.problem
    assert (error.template, error.line) == ("default/issue.mjml.j2", 1)


def test_an_inline_style_block_is_refused_because_nothing_would_inline_it(tmp_path: Path) -> None:
    error = broken(tmp_path, '<mj-style inline="inline">p{}</mj-style>', name="default/parts/head.mjml.j2")

    assert "posts.css" in error.problem


def test_a_filter_that_cuts_words_works_on_the_words_themselves(tmp_path: Path) -> None:
    body = BOX % "{{ subject|truncate(8, true, '...', 0) }} {{ subject|upper }}"
    write(tmp_path, "default/parts/footer.mjml.j2", body)

    email = rendered(tmp_path)

    assert "Three... THREE NEW GUIDES" in email.html


def test_a_block_that_changes_words_from_outside_is_refused(tmp_path: Path) -> None:
    error = broken(tmp_path, BOX % "{% filter upper %}{{ subject }}{% endfilter %}")

    assert "print texts as they are" in error.problem


def test_spaces_between_tags_of_the_head_do_no_harm(tmp_path: Path) -> None:
    write(
        tmp_path,
        "mine/issue.mjml.j2",
        PAGE.replace("<mj-head>", "<mj-head>  ").replace("</mj-title>", "</mj-title> ") % "",
    )

    email = rendered(tmp_path, theme="mine")

    assert "<title>Three new guides</title>" in email.html


@pytest.mark.parametrize("name", ["default/issue.txt.j2", "web/issue.html.j2"])
def test_mistakes_in_the_other_templates_are_told_too(tmp_path: Path, name: str) -> None:
    error = broken(tmp_path, "one\n{{ nothing }}\n", name=name)

    assert (error.template, error.line) == (name, 2)
