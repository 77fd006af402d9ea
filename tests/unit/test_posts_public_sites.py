"""What the content folders of public sites hold beside the textbook's examples (all texts written for these tests)."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from newsletter.models import Collected, Post, PostContent
from newsletter.posts.content import render_content
from newsletter.posts.folder import read_folder
from tests.factories import utc

PATTERN = "https://www.example.org/{path}/"


def collected(folder: Path, files: dict[str, str], url_pattern: str = PATTERN) -> Collected:
    """The folder, read with these files in it."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    return read_folder(
        folder, zone=ZoneInfo("Europe/London"), cached={}, known=(), url_pattern=url_pattern, use_git=False
    ).collected


def post_of(folder: Path, path: str, text: str) -> Post:
    reading = collected(folder, {path: text})
    assert (reading.problems, reading.passed_over) == ((), ())
    return next(post for post in reading.posts if post.path == path)


def content_of(folder: Path, path: str, text: str) -> PostContent:
    return render_content(post_of(folder, path, text), folder=folder, url_pattern=PATTERN)


# --- names ----------------------------------------------------------------------------------------------------


def test_jekylls_names_may_hold_a_day_of_one_digit(tmp_path: Path) -> None:
    post = post_of(tmp_path, "_posts/2015-7-9-open-day.md", "---\ntitle: Open day\n---\nText.\n")

    assert (post.published_at, post.slug) == (utc(2015, 7, 8, 23, 0), "open-day")


@pytest.mark.parametrize(
    ("path", "slug", "address"),
    [
        ("guides/aid/index.fr.md", "aid", "https://www.example.org/fr/guides/aid/"),
        ("guides/aid.pt-BR.md", "aid", "https://www.example.org/pt-br/guides/aid/"),
        ("guides/node.js.md", "node-js", "https://www.example.org/guides/node.js/"),
        ("guides/v1.2.md", "v1-2", "https://www.example.org/guides/v1.2/"),
    ],
)
def test_a_translation_is_addressed_under_its_language(tmp_path: Path, path: str, slug: str, address: str) -> None:
    post = post_of(tmp_path, path, "---\ntitle: A\ndate: 2023-11-14\n---\nText.\n")

    assert (post.slug, post.url) == (slug, address)


# --- front matter ---------------------------------------------------------------------------------------------


def test_tags_in_one_text_are_several_only_in_jekyll(tmp_path: Path) -> None:
    text = "---\ntitle: A\ndate: 2023-11-14\ntags: open day\n---\nText.\n"

    assert post_of(tmp_path, "2023-11-14-jekyll.md", text).tags == ("open", "day")
    assert post_of(tmp_path, "eleventy.md", text).tags == ("open day",)


def test_a_toml_table_may_have_its_first_key_on_its_line(tmp_path: Path) -> None:
    post = post_of(tmp_path, "a.md", '+++\ntitle = "A"\ndate = 2023-11-14\n[taxonomies] tags = ["b"]\n+++\nText.\n')

    assert post.tags == ("b",)


def test_yaml_may_be_indented_by_tabs_as_hexo_reads_it(tmp_path: Path) -> None:
    post = post_of(tmp_path, "a.md", "---\ntitle: A\ndate: 2023-11-14\ntags:\n\t- b\n\t- c\n---\nText.\n")

    assert post.tags == ("b", "c")


# --- text -----------------------------------------------------------------------------------------------------


def test_a_tag_alone_on_its_line_does_not_break_the_html_around_it(tmp_path: Path) -> None:
    row = '<div class="row">\n    <div class="cell">\n        {% include map.html %}\n    </div>\n</div>\n'

    content = content_of(tmp_path, "2023-11-14-a.md", f"---\ntitle: A\n---\nBefore.\n\n{row}\nAfter.\n")

    assert "<pre>" not in content.body_html
    assert content.summary_text == "Before.\n\nAfter."


@pytest.mark.parametrize(
    ("written", "address", "alt"),
    [
        ('{% include figure.html url="/i/hall.jpg" description="The hall" %}', "/i/hall.jpg", "The hall"),
        ('{% include figure image_path="i/hall.jpg" alt="The hall" %}', "/i/hall.jpg", "The hall"),
        ("{% asset_img hall.jpg The hall %}", "/2023-11-14-a/hall.jpg", ""),
        ('{% img /i/hall.jpg alt:"The hall" width:"600" %}', "/i/hall.jpg", "The hall"),
        ('{{< lightbox src="/i/hall.jpg" alt="The hall" >}}', "/i/hall.jpg", "The hall"),
        ('![The hall](/i/hall.jpg){width="335"}', "/i/hall.jpg", "The hall"),
        ("![The hall](/i/the hall.jpg)", "/i/the%20hall.jpg", "The hall"),
        (r"![The hall]({{ site.url }}\i\hall.jpg)", "/i/hall.jpg", "The hall"),
        ("![The hall]({{ 'i/hall.jpg' | relative_url }}){: .wide }", "/i/hall.jpg", "The hall"),
    ],
)
def test_pictures_of_themes_and_plugins_are_shown(tmp_path: Path, written: str, address: str, alt: str) -> None:
    content = content_of(tmp_path, "2023-11-14-a.md", f"---\ntitle: A\n---\nBefore.\n\n{written}\n\nAfter.\n")

    assert (content.image_url, content.image_alt) == (f"https://www.example.org{address}", alt)
    assert "{" not in content.body_html


def test_an_include_without_a_picture_leaves_nothing(tmp_path: Path) -> None:
    content = content_of(
        tmp_path, "2023-11-14-a.md", '---\ntitle: A\n---\n{% include form.html url="/join" %}\n\nIn.\n'
    )

    assert content.body_html.strip() == "<p>In.</p>"


def test_markdown_right_below_a_figure_is_still_markdown(tmp_path: Path) -> None:
    content = content_of(
        tmp_path, "a.md", '---\ntitle: A\ndate: 2023-11-14\n---\n{{< figure src="/i.png" >}}\nA *b*.\n'
    )

    assert "<p>A <em>b</em>.</p>" in content.body_html


def test_zolas_shortcodes_are_known_in_yaml_too(tmp_path: Path) -> None:
    front = "---\ntitle: A\ndate: 2023-11-14\nextra:\n  toc: true\n---\n"

    content = content_of(tmp_path, "a.md", front + "{{ toc() }}\n\n{% mermaid() %}\na --> b\n{% end %}\n\nIn.\n")

    assert content.body_html.strip() == "<p>In.</p>"


def test_pelicans_filename_leads_to_pictures_as_well_as_to_posts(tmp_path: Path) -> None:
    text = "Title: A\nDate: 2023-11-14\n\n[b]({filename}/b.md#top) ![c]({filename}/images/c.png)\n"
    collected(tmp_path, {"b.md": "Title: B\nDate: 2023-11-13\n\nText.\n"})

    content = content_of(tmp_path, "blog/a.md", text)

    assert 'href="https://www.example.org/b/#top"' in content.body_html
    assert content.image_url == "https://www.example.org/images/c.png"


def test_pictures_of_a_link_post_are_on_the_site_and_not_where_it_leads(tmp_path: Path) -> None:
    text = "---\ntitle: A\ndate: 2023-11-14\nlink: https://other.example.com/x\n---\n![b](/i/b.png)\n"

    content = content_of(tmp_path, "a.md", text)

    assert content.image_url == "https://www.example.org/i/b.png"


def test_a_text_of_lists_only_is_summed_up_by_its_first_items(tmp_path: Path) -> None:
    body = "## Head\n\n- We open at eight.\n  - Only in winter.\n- We close at nine.\n"

    content = content_of(tmp_path, "a.md", f"---\ntitle: A\ndate: 2023-11-14\n---\n{body}")

    assert content.summary_text == "• We open at eight.\n\n• We close at nine."


def test_line_breaks_around_a_text_are_not_in_its_summary(tmp_path: Path) -> None:
    content = content_of(tmp_path, "a.md", "---\ntitle: A\ndate: 2023-11-14\n---\n<br />Text here.<br /><br />\n")

    assert content.summary_html == "<p>Text here.</p>"


def test_a_code_block_of_hexo_is_code(tmp_path: Path) -> None:
    block = "{% codeblock A title lang:python %}\n# no heading\nprint(1)\n{% endcodeblock %}\n"

    content = content_of(tmp_path, "a.md", f"---\ntitle: A\ndate: 2023-11-14\n---\nBefore.\n\n{block}")

    assert "<pre><code># no heading\nprint(1)\n</code></pre>" in content.body_html


def test_a_quotation_of_octopress_is_a_quotation(tmp_path: Path) -> None:
    quote = "{% blockquote Jane Doe https://example.com/ %}\nSaid *so*.\n{% endblockquote %}\n"

    content = content_of(tmp_path, "a.md", f"---\ntitle: A\ndate: 2023-11-14\n---\n{quote}\nAfter.\n")

    assert "<blockquote>\n<p>Said <em>so</em>.</p>\n</blockquote>" in content.body_html
    assert content.summary_text == "After."


def test_what_liquid_captures_stands_where_it_is_put_out(tmp_path: Path) -> None:
    captured = "{% capture the-notice %}\nMind the *step*.\n{% endcapture %}\n{% capture unused %}x{% endcapture %}\n"

    content = content_of(
        tmp_path,
        "2023-11-14-a.md",
        f"---\ntitle: A\n---\n{captured}\nIn.\n\n<div>{{{{ the-notice | markdownify }}}}</div>\n",
    )

    assert "<div>\n<p>Mind the <em>step</em>.</p>\n</div>" in content.body_html
    assert content.body_html.count("step") == 1
    assert "{" not in content.body_html
    assert "x" not in content.summary_text


def test_the_fences_of_pandocs_blocks_are_not_shown(tmp_path: Path) -> None:
    block = '::: {.callout-note collapse="true" title="For parents"}\nIn.\n:::\n'

    content = content_of(tmp_path, "a.md", f"---\ntitle: A\ndate: 2023-11-14\n---\n{block}")

    assert content.body_html == "<p><strong>For parents</strong></p>\n<p>In.</p>"


@pytest.mark.parametrize(
    ("image", "address"),
    [
        ("hall.jpg", "https://www.example.org/news/hall.jpg"),
        ("images/hall.jpg", "https://www.example.org/images/hall.jpg"),
        ("/images/hall.jpg", "https://www.example.org/images/hall.jpg"),
        ("elsewhere.jpg", None),
    ],
)
def test_the_picture_in_the_front_matter_is_beside_the_post_or_counted_from_the_sites_top(
    tmp_path: Path, image: str, address: str | None
) -> None:
    collected(tmp_path, {"news/hall.jpg": "x"})

    content = content_of(tmp_path, "news/a.md", f"---\ntitle: A\ndate: 2023-11-14\nimage: {image}\n---\nText.\n")

    assert content.image_url == address


def test_a_heading_of_old_markdown_needs_no_blank(tmp_path: Path) -> None:
    body = "In.\n\n###Head\n\n#open-day is a word.\n\n```\n##code\n```\n"

    content = content_of(tmp_path, "a.md", f"---\ntitle: A\ndate: 2012-01-30 8:00\n---\n{body}")

    assert "<h3>Head</h3>" in content.body_html
    assert "<p>#open-day is a word.</p>" in content.body_html
    assert "<code>##code" in content.body_html
