from __future__ import annotations

import time

import pytest

from newsletter.posts.shortcodes import MORE, Dialect, without_shortcodes


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("{{% note %}}in{{% /note %}}", "in"),
        ("{{< gallery dir='x' />}}", ""),
        ('[a]({{< ref "b.md" >}})', "[a](@/b.md)"),
        ("{% include x.html a='b' %}in{% endinclude %}", "in"),
        ("{% comment %}out{% endcomment %}in", "in"),
        ("{% assign x = 1 %}{{ x }}in", "in"),
        ("{{ 'a' | upcase }}", "a"),
        ("{% raw %}{{< x >}}{% endraw %}", "{{< x >}}"),
        ("in\n{: .lead #x title='y' }", "in\n"),
        ("![a](b){:.c}", "![a](b)"),
        ("{::nomarkdown}in{:/}", "in"),
        ("## Head {#id .c}", "## Head "),
        ("* TOC\n{:toc}\nin", "\nin"),
        ("[TOC]\nin", "\nin"),
        ("[caption id='x' width='3']in[/caption]", "in"),
        (":::note\nin\n:::", "\nin\n"),
        ("> [!TIP]\n> in", "> **Tip**  \n> in"),
        ("{{ youtube(id='x') }}", '<a href="https://www.youtube.com/watch?v=x">Watch the video</a>'),
        ("a <!-- more --> b", f"a {MORE} b"),
        ("{{</* name */>}}", r"{{\< name \>}}"),
    ],
)
def test_a_shortcode_leaves_only_the_text_that_it_wraps(written: str, left: str) -> None:
    assert without_shortcodes(written, Dialect()) == left


@pytest.mark.parametrize(
    "text",
    [
        "`{{< x >}}`",
        "```\n{% if %}\n```",
        "    {{< x >}}\n",
        "~~~\n<!-- more -->\n~~~",
        "{{ name }}",
        "{:ok, x}",
        "{:ok}",
        "{a: b}",
        "[caption](x)",
        "100 {%",
        "f(x) {: y",
        "``a ` {{< b >}}``",
    ],
)
def test_code_and_what_is_no_shortcode_stay_as_written(text: str) -> None:
    assert without_shortcodes(text, Dialect()) == text


def test_the_tags_of_jekyll_go_only_where_jekyll_would_replace_them() -> None:
    text = "{{ site.url }}/a {{ page.title }} {{ name }}"

    assert without_shortcodes(text, Dialect(is_liquid=True)) == "/a  {{ name }}"
    assert without_shortcodes(text, Dialect()) == text


def test_mdx_imports_and_comments_are_not_shown() -> None:
    text = "import A from './a'\nimport B from './b'\n\nin\n\n{/* truncate */}\n\n<A>x</A> {/* no */}"

    assert without_shortcodes(text, Dialect(is_mdx=True)).split() == ["in", MORE, "<A>x</A>"]


@pytest.mark.parametrize(
    "text",
    [
        "{{" * 20_000,
        "{% a " * 10_000,
        "{: a " * 10_000,
        "{:" + "a" * 20_000,
        "[caption " * 10_000,
        "{% raw %}" * 5_000,
        "{{< a" + " " * 50_000,
        "{: " + "a=b " * 10_000,
        "<pre>" * 10_000,
        "`a" * 20_000,
        "<!-- " * 10_000,
        "{{<a b='" * 10_000,
        "{." + ".a" * 10_000,
    ],
)
def test_no_text_makes_the_search_for_shortcodes_slow(text: str) -> None:
    began = time.perf_counter()

    without_shortcodes(text, Dialect(is_liquid=True, is_tera=True, is_mdx=True))

    assert time.perf_counter() - began < 5
