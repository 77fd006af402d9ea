from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.errors import BadInput
from newsletter.models import Post, PostContent, PostPicture
from newsletter.posts.content import render_content
from newsletter.posts.folder import read_folder
from newsletter.posts.sanitize import capped, safe_html

PATTERN = "https://www.example.org/{path}"


def post_in(folder: Path, path: str, url_pattern: str = PATTERN) -> Post:
    reading = read_folder(
        folder, zone=ZoneInfo("UTC"), cached={}, known=(), url_pattern=url_pattern, use_git=False
    ).collected
    assert reading.problems == ()
    return next(post for post in reading.posts if post.path == path)


def rendered(
    folder: Path, body: str, *, front: str = "title: A title", path: str = "news/a.md", url_pattern: str = PATTERN
) -> PostContent:
    """The content of a post with this body, written to the folder."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(f"---\n{front}\ndate: 2023-11-14\n---\n{body}", "utf-8")
    return render_content(post_in(folder, path, url_pattern), folder=folder, url_pattern=url_pattern)


# --- Markdown ---------------------------------------------------------------------------------------------------


def test_markdown_has_tables_strikethrough_footnotes_and_code(tmp_path: Path) -> None:
    body = "~~old~~ new[^1]\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n```python\nx < 1\n```\n\n[^1]: The note.\n"

    html = rendered(tmp_path, body).body_html

    assert "<s>old</s> new<sup>[1]</sup>" in html
    assert '<td align="right">2</td>' in html
    assert "<pre><code>x &lt; 1\n</code></pre>" in html
    assert "<p>The note. </p>" in html.replace("The note.</p>", "The note. </p>")
    assert "href" not in html


def test_the_title_is_not_said_twice(tmp_path: Path) -> None:
    assert rendered(tmp_path, "# A *title*\n\nText.\n").body_html == "<p>Text.</p>"
    assert rendered(tmp_path, "# Another\n\nText.\n").body_html.startswith("<h1>Another</h1>")


def test_a_line_of_20000_characters_and_no_body_at_all_are_rendered(tmp_path: Path) -> None:
    long = rendered(tmp_path, "x" * 20_000)
    empty = rendered(tmp_path, "")

    assert long.words == 1
    assert len(long.summary_text) <= 301
    assert empty == PostContent(body_html="", summary_html="", summary_text="")


# --- what must not get through ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "<script>steal()</script>",
        '<img src="x.png" onerror="steal()">',
        "[x](javascript:steal())",
        '<a href="&#106;avascript:steal()">x</a>',
        "<svg><style><img src=x onerror=steal()></style></svg>",
        "<math><mglyph><style><img src=x onerror=steal()>",
        "<iframe srcdoc='<script>steal()</script>'></iframe>",
        '<p style="background:url(javascript:steal())">x</p>',
        "<form action=javascript:steal()><button>x</button></form>",
        "<![CDATA[<script>steal()</script>]]>",
        "<details open ontoggle=steal()>x</details>",
        '![x](data:image/svg+xml;base64,c3RlYWwoKQ== "steal")',
        "<!--[if mso]><script>steal()</script><![endif]-->",
        '{{< figure src="javascript:steal()" >}}',
        '{{< youtube id="\\" onmouseover=steal() x=\\"" >}}',
    ],
)
def test_nothing_that_runs_gets_through(tmp_path: Path, body: str) -> None:
    content = rendered(
        tmp_path, f"Before.\n\n{body}\n\nAfter.\n", front="title: A\nsummary: |\n  " + body.replace("\n", " ")
    )

    tags = re.findall(r"<[^>]*>", content.body_html + content.summary_html)
    assert not [
        tag for tag in tags if re.search(r"steal|script|on\w+=|data:|<style|<iframe", tag.replace("title=", ""))
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.lists(
        st.sampled_from(
            [
                "<td>",
                "</td>",
                "</table>",
                "<table>",
                "<div>",
                "</div>",
                "<p>",
                "<b>",
                "</i>",
                "text ",
                "<li>",
                "</body>",
                "<a href='x'>",
                "<!--",
                "-->",
                "<h1>",
                "\n\n",
            ]
        ),
        max_size=20,
    )
)
def test_whatever_is_left_open_or_closed_too_often_comes_out_balanced(tmp_path: Path, parts: list[str]) -> None:
    content = rendered(tmp_path, "".join(parts))

    assert safe_html(content.body_html) == content.body_html
    assert safe_html(content.summary_html) == content.summary_html


@pytest.mark.parametrize(
    "text",
    ["{{ name }}", "{{name}}", "%recipient.x%", "*|X|*", "{{ config.items() }}", "{{{x}}}", "<%= x %>", "${x}", "#{x}"],
)
def test_the_template_syntax_of_others_arrives_as_written(tmp_path: Path, text: str) -> None:
    shown = text.replace("<", "&lt;").replace(">", "&gt;")

    content = rendered(tmp_path, f"Dear {text} today.\n", front=f"title: A\nsummary: 'Dear {text} today.'")

    assert f"Dear {shown} today." in content.body_html
    assert f"Dear {text} today." in content.summary_text


def test_ten_thousand_nested_elements_are_cut_to_a_hundred(tmp_path: Path) -> None:
    content = rendered(tmp_path, "<div>" * 10_000 + "deep" + "</div>" * 10_000)

    assert content.body_html.count("<div>") <= 101
    assert "deep" in content.body_html
    assert capped("<b><i><u>x</u></i></b>", 2) == "<b><i>x</i></b>"


@pytest.mark.parametrize(
    "picture",
    [
        'width="1" height="1"',
        'style="width:1px;height:1px"',
        'style="display:none"',
        'width="0"',
        "hidden",
        'height="1px"',
    ],
)
def test_a_tracking_pixel_is_left_out(tmp_path: Path, picture: str) -> None:
    content = rendered(tmp_path, f'Text. <img src="https://track.example.org/p.gif" {picture}>\n')

    assert "<img" not in content.body_html
    assert content.image_url is None


# --- links and pictures -------------------------------------------------------------------------------------------


def test_links_and_pictures_are_absolute(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "news/b.md").write_text("---\ntitle: B\ndate: 2023-11-14\n---\n")
    (tmp_path / "news/hall one.jpg").write_bytes(b"x")
    body = "[a](b.md#top) [b](../c) [c](/d?e=f) [d](//cdn.example.org/x) [e](www.example.net) [f](#here) "
    body += "[g](mailto:a@example.org) ![h](<hall one.jpg>) ![i](/i.png) [j](gone.md)"

    html = rendered(tmp_path, body).body_html

    assert re.findall(r'(?:href|src)="([^"]*)"', html) == [
        "https://www.example.org/news/b#top",
        "https://www.example.org/c",
        "https://www.example.org/d?e=f",
        "https://cdn.example.org/x",
        "https://www.example.net",
        "https://www.example.org/news/a#here",
        "mailto:a@example.org",
        "https://www.example.org/news/hall%20one.jpg",
        "https://www.example.org/i.png",
    ]
    assert html.endswith(" j</p>")


def test_without_any_address_relative_links_become_text_and_pictures_name_their_file(tmp_path: Path) -> None:
    content = rendered(tmp_path, "[a](b) ![c](d.png) [e](https://x.example.org/)\n", url_pattern="")

    assert content.body_html == ('<p>a <img src="posts:news/d.png" alt="c"> <a href="https://x.example.org/">e</a></p>')
    assert content.pictures == (PostPicture("posts:news/d.png", "news/d.png", is_named=True),)


def test_links_from_the_sites_root_can_lead_to_the_site_itself(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: A\ndate: 2023-11-14\n---\n[a](/b)\n")

    content = render_content(post_in(tmp_path, "a.md", ""), folder=tmp_path, site_url="https://news.example.org")

    assert '<a href="https://news.example.org/b">' in content.body_html


def test_control_characters_and_their_entities_are_taken_out(tmp_path: Path) -> None:
    content = rendered(tmp_path, "a\x0b &#0;b&#x1f;\ufffe c <b title='&#8;'>d</b>\n<br>&#12;e\n")

    assert re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe]", content.body_html) is None
    assert re.findall(r"\w", content.summary_text) == ["a", "b", "c", "d", "e"]


def test_a_link_cannot_reach_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("x")

    content = rendered(tmp_path / "posts", "[a](../../secret.md)\n")

    assert "secret" not in content.body_html


def test_the_picture_of_the_front_matter_goes_before_the_first_of_the_text(tmp_path: Path) -> None:
    body = "Text. ![In the text](/b.png)\n"

    named = rendered(tmp_path, body, front="title: A\nimage: {path: /a.png, alt: Named}")
    unnamed = rendered(tmp_path, body)

    assert (named.image_url, named.image_alt) == ("https://www.example.org/a.png", "Named")
    assert (unnamed.image_url, unnamed.image_alt) == ("https://www.example.org/b.png", "In the text")


def test_a_player_becomes_a_link(tmp_path: Path) -> None:
    body = '<iframe src="https://www.youtube-nocookie.com/embed/abc" title="The talk"></iframe>\n\n'
    body += '<video controls><source src="/talk.mp4"></video>\n'

    html = rendered(tmp_path, body).body_html

    assert '<a href="https://www.youtube.com/watch?v=abc">The talk</a>' in html
    assert '<a href="https://www.example.org/talk.mp4">Watch the video</a>' in html


def test_the_poster_of_a_player_is_a_picture_in_its_link(tmp_path: Path) -> None:
    body = '<video title="The talk" poster="/still.jpg"><source src="/talk.mp4"></video>\n'

    html = rendered(tmp_path, body).body_html

    link = '<a href="https://www.example.org/talk.mp4"><img src="https://www.example.org/still.jpg" alt="">The talk</a>'
    assert link in html


# --- other formats --------------------------------------------------------------------------------------------------


def test_plain_text_keeps_paragraphs_lists_and_lines_and_links_its_addresses(tmp_path: Path) -> None:
    text = """The title

One line
and another & <b>more</b>.

  • first
  • second https://example.org/a(b).

 1. one
 2. two

2023. That was a year; write to ann@example.org, see www.example.org!
"""
    (tmp_path / "a.txt").write_text(text, "utf-8")

    content = render_content(post_in(tmp_path, "a.txt"), folder=tmp_path)

    assert content.body_html == (
        "<p>One line<br>\nand another &amp; &lt;b&gt;more&lt;/b&gt;.</p>\n"
        '<ul><li>first</li><li>second <a href="https://example.org/a(b)">https://example.org/a(b)</a>.</li></ul>\n'
        '<ol start="1"><li>one</li><li>two</li></ol>\n'
        '<p>2023. That was a year; write to <a href="mailto:ann@example.org">ann@example.org</a>, '
        'see <a href="https://www.example.org">www.example.org</a>!</p>'
    )


def test_lines_that_an_editor_wrapped_run_together(tmp_path: Path) -> None:
    line = "This line was wrapped by a program at about seventy characters or so"
    (tmp_path / "a.txt").write_text(f"Title\n\n{line}\n{line}\nend.\n")

    content = render_content(post_in(tmp_path, "a.txt"), folder=tmp_path)

    assert content.body_html == f"<p>{line} {line} end.</p>"


def test_template_tags_in_plain_text_are_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Title\n\nUse {% if %} and {{< x >}} and {: .y}.\n")

    content = render_content(post_in(tmp_path, "a.txt"), folder=tmp_path)

    assert content.summary_text == "Use {% if %} and {{< x >}} and {: .y}."


def test_of_a_page_only_the_body_is_the_text(tmp_path: Path) -> None:
    page = "<html><head><title>A</title><style>p{}</style><meta name=date content=2023-11-14></head>"
    page += "<body><h1>A</h1>Loose <i>text</i><div>More.</div></body></html>"
    (tmp_path / "a.html").write_text(page)

    content = render_content(post_in(tmp_path, "a.html"), folder=tmp_path)

    assert content.body_html == "<p>Loose <i>text</i></p><div>More.</div>"


def test_a_post_that_vanished_after_it_was_collected_is_said_by_name(tmp_path: Path) -> None:
    rendered(tmp_path, "Text.\n")
    post = post_in(tmp_path, "news/a.md")
    (tmp_path / "news/a.md").unlink()

    with pytest.raises(BadInput, match=r"news/a\.md is no longer in"):
        render_content(post, folder=tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_any_text_is_rendered_without_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.md").write_text("---\ntitle: A\ndate: 2023-11-14\n---\n" + text, "utf-8", newline="")
    (tmp_path / "a.txt").write_text("Title: A\nDate: 2023-11-14\n\n" + text, "utf-8", newline="")
    (tmp_path / "a.html").write_text("<title>A</title><meta name=date content=2023-11-14>" + text, "utf-8", newline="")

    reading = read_folder(tmp_path, zone=ZoneInfo("UTC"), cached={}, known=(), use_git=False).collected

    for post in reading.posts:
        content = render_content(post, folder=tmp_path)
        assert safe_html(content.body_html) == content.body_html
    assert len(reading.posts) + len(reading.problems) == 3
