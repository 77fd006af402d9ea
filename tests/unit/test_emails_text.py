"""Text parts: widths, wrapping, HTML as text, and HTML made fit for mail clients."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.emails.adapt import Surroundings, for_mail, for_web
from newsletter.emails.images import Pictures, Rules
from newsletter.emails.player import Look
from newsletter.emails.text import shortened, to_text, underline, visible, width, wrap

HERE = Surroundings("https://www.example.org/a/", 3, "post-a")


def mail(html: str) -> str:
    return for_mail(html, HERE, address=lambda address: address, table_instead="<p>See the web</p>", width=536)


# --- wrapping --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("漢字", 4), ("é", 1), ("e\u0301", 1), ("👍", 2), ("a\u200db", 2), ("ｱ", 1)]
)
def test_width_counts_columns_and_not_characters(text: str, columns: int) -> None:
    assert width(text) == columns


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp", "Zs"], include_characters=" ")))
def test_wrapping_loses_nothing_and_no_line_is_too_long(text: str) -> None:
    text = text.replace("://", "")

    wrapped = wrap(text, 20)

    assert "".join(wrapped.split()) == "".join(text.split())
    assert max(width(line) for line in wrapped.split("\n")) <= 20


def test_an_address_is_never_broken() -> None:
    address = "https://www.example.org/" + "long/" * 30

    assert address in wrap(f"See {address} for more", 40).split("\n")


def test_japanese_is_parted_between_characters_but_no_line_begins_with_a_full_stop() -> None:
    lines = wrap("春の庭に花が咲く。" * 2, 16).split("\n")

    assert lines == ["春の庭に花が咲", "く。春の庭に花が", "咲く。"]


def test_later_lines_are_indented_as_asked() -> None:
    assert wrap("one two three", 8, "1. ", "   ") == "1. one\n   two\n   three"


def test_an_underline_is_as_wide_as_the_title_looks() -> None:
    assert underline("漢字", "-") == "漢字\n----"


def test_shortened_ends_between_words() -> None:
    assert shortened("One two, three", 10) == "One two…"
    assert shortened("One two", 10) == "One two"
    assert shortened("x" * 20, 10) == "x" * 9 + "…"


def test_visible_keeps_text_and_drops_what_is_not() -> None:
    assert visible("a\r\nb\rc\x00\x93\ud800\ufffe\td") == "a\nb\nc\td"


# --- HTML as text ----------------------------------------------------------------------------------------------


def test_paragraphs_lists_quotes_code_and_tables_stay_what_they_are() -> None:
    html = (
        "<h3>Head</h3><p>One<br>two</p><ul><li>a</li><li><p>b</p><p>c</p></li></ul>"
        "<ol start='3'><li>d</li><li>e</li></ol><blockquote><p>said</p></blockquote><pre>if x:\n    y  z</pre>"
        "<table><tr><th>h</th><th>i</th></tr></table>"
        "<p>f <img alt='A tree' src='x'></p>"
    )

    assert to_text(html).split("\n\n") == [
        "Head\n~~~~", "One\ntwo", "- a", "- b", "  c", "3. d\n4. e", "> said", "if x:\n    y  z", "h | i", "f [A tree]",
    ]  # fmt: skip


def test_a_table_that_fits_has_its_columns_below_each_other() -> None:
    html = (
        "<table><thead><tr><th>Slot</th><th>Guide</th></tr></thead><tbody><tr><td>10:00</td><td>漢字</td></tr>"
        "<tr><td>9</td><td><a href='https://x.example/'>Maud</a></td></tr></tbody></table>"
    )

    assert to_text(html) == (
        "Slot  | Guide\n------+---------\n10:00 | 漢字\n9     | Maud [1]\n\n[1] https://x.example/"
    )


def test_a_table_too_wide_for_a_line_becomes_a_list_of_its_rows() -> None:
    head = "".join(f"<th>Column {n}</th>" for n in range(12))
    row = "".join(f"<td>value {n}</td>" for n in range(12))

    lines = to_text(f"<table><tr>{head}</tr><tr>{row}</tr></table>").split("\n")

    assert lines == [f"Column {n}: value {n}" for n in range(12)]


def test_links_become_footnotes_one_per_address() -> None:
    html = (
        '<p><a href="https://x.example/">one</a>, <a href="https://x.example/">again</a>, <a href="#fn">note</a>,'
        ' <a href="mailto:a@b.example">a@b.example</a>, <a href="https://y.example/">https://y.example/</a></p>'
    )

    assert to_text(html) == ("one [1], again [1], note, a@b.example, https://y.example/\n\n[1] https://x.example/")


def test_the_mark_of_a_footnote_is_not_taken_for_that_of_a_link() -> None:
    assert to_text("<p>Said<sup>[12]</sup> <a href='https://x.example/'>there</a>.</p>") == (
        "Said¹² there [1].\n\n[1] https://x.example/"
    )


def test_entities_and_non_breaking_spaces_become_plain_characters() -> None:
    assert to_text("<p>a &amp; b&nbsp;&lt;c&gt;</p>") == "a & b <c>"


# --- HTML for mail clients -------------------------------------------------------------------------------------


def test_figures_become_boxes_and_images_get_a_width_and_an_alt() -> None:
    figure = '<figure><img src="/b.png" width="1200" height="800"><figcaption>A tree</figcaption></figure>'

    assert mail(f'{figure}<img src="c.png" width="40">') == (
        '<div><img src="https://www.example.org/b.png" width="536" alt="" style="width:100%;max-width:536px">'
        '<div class="note">A tree</div></div>'
        '<img src="https://www.example.org/a/c.png" width="40" alt="" style="width:100%;max-width:40px">'
    )


def test_code_keeps_its_lines_and_spaces_without_pre() -> None:
    assert mail("<pre><code>if x:\n    y  = 1 &lt; 2\n</code></pre>") == (
        '<div class="code" dir="ltr">if x:<br>\u00a0\u00a0\u00a0\u00a0y\u00a0\u00a0= 1 &lt; 2</div>'
    )


def test_a_wide_table_is_read_in_the_web_version_and_a_narrow_one_here() -> None:
    assert mail(f"<table><tr>{'<td>x</td>' * 5}</tr></table>") == "<p>See the web</p>"
    assert "<td>x</td>" in mail(f"<table><tr>{'<td>x</td>' * 4}</tr></table>")


def test_links_are_absolute_and_anchors_within_the_mail_are_text() -> None:
    assert mail('<a href="b">b</a><a href="#c">c</a><a href="javascript:d">d</a><a>e</a>') == (
        '<a href="https://www.example.org/a/b">b</a>cde'
    )


def test_a_player_becomes_a_link_in_a_box_in_the_sites_language() -> None:
    html = '<p><a href="https://vimeo.com/12">Watch the video</a></p><p>See <a href="https://vimeo.com/12">it</a></p>'

    found = for_mail(html, HERE, address=str, table_instead="", width=536, video=Look("Das Video ansehen"))

    assert found == (
        '<p class="video"><a href="https://vimeo.com/12">▶\u00a0 Das Video ansehen</a></p>'
        '<p>See <a href="https://vimeo.com/12">it</a></p>'
    )


@pytest.mark.parametrize(
    ("words", "alt", "told"),
    [("The talk", "Video: The talk", "The talk"), ("", "Watch the video", "Watch the video")],
)
def test_a_player_with_a_picture_of_its_own_shows_it_within_the_link(words: str, alt: str, told: str) -> None:
    html = f'<p><a href="https://vimeo.com/12"><img src="https://x.example/a.jpg" alt="">{words}</a></p>'

    found = for_mail(html, HERE, address=str, table_instead="", width=536)

    assert found == (
        '<p class="film"><a href="https://vimeo.com/12">'
        f'<img alt="{alt}" src="https://x.example/a.jpg" width="536" style="width:100%;max-width:536px">'
        f'<span aria-hidden="true">\u25b6\u00a0 {told}</span></a></p>'
    )


def test_a_player_without_a_picture_gets_one_with_a_play_mark_and_asks_no_other_host() -> None:
    pictures = Pictures({}, Rules(address=lambda name: f"https://news.example.org/{name}"))
    html = '<p><a href="https://vimeo.com/12">The talk</a></p><p><a href="https://vimeo.com/13">Watch the video</a></p>'

    found = for_mail(html, HERE, address=str, table_instead="", width=536, pictures=pictures)

    (asset,) = pictures.assets(found, "")
    image = f'src="https://news.example.org/{asset.name}" width="536" height="302"'
    assert f'<a href="https://vimeo.com/12"><img alt="Video: The talk" {image}' in found
    assert f'<a href="https://vimeo.com/13"><img alt="Watch the video" {image}' in found
    assert "\u25b6\u00a0 The talk</span>" in found


def test_headings_fit_below_the_posts_own() -> None:
    assert mail("<h1>a</h1><h2>b</h2><h6>c</h6>") == "<h3>a</h3><h4>b</h4><h5>c</h5>"


def test_what_a_post_may_not_hold_is_gone_on_the_web_too() -> None:
    assert (
        for_web('<p onclick="x" style="y" class="z">a<script>b</script><iframe></iframe></td></p>', HERE) == "<p>a</p>"
    )


def test_text_outside_any_tag_stays_escaped() -> None:
    assert for_web("a < b &amp; c<p>d</p>", HERE) == "a &lt; b &amp; c<p>d</p>"
