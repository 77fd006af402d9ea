"""How a mail looks: the design of theme and site, contrast, the three themes, and what each shows."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import html as lxml_html

from newsletter.emails import scripts
from newsletter.emails.design import MIN_CONTRAST, contrast, design_of, faint
from newsletter.emails.folders import packaged_templates, tables
from newsletter.emails.render import render
from newsletter.emails.text import width
from newsletter.errors import BadInput, TemplateBroken
from newsletter.models import Email, Post, PostContent
from newsletter.settings_file import load
from tests.factories import a_content, a_post, a_site, an_issue

THEMES = ["default", "magazine", "plain"]
SETTINGS = '[site]\nname = "N"\n\n[sender]\nemail = "a@example.org"\n'
Posts = dict[str, tuple[Post, PostContent]]


def some_posts(count: int = 4, **values: Any) -> Posts:
    """Posts with an image each."""
    content = a_content("Be calm.", image_url="https://www.example.org/a.jpg", image_alt="A tree", words=500, **values)
    posts = (
        a_post(f"p{n}", url=f"https://www.example.org/{n}", authors=("Ann",), tags=("Yard",)) for n in range(count)
    )
    return {post.id: (post, content) for post in posts}


def rendered(tmp_path: Path, posts: Posts, *, number: int | None = None, language: str = "en", **digest: Any) -> Email:
    site = {"name": "Example Network", "url": "https://news.example.org", "language": language}
    design = digest.pop("design", {})
    settings = a_site(tmp_path, site=site, digests={"weekly": {"title": "The week", **digest}}, design=design)
    return render(an_issue(*posts), posts, settings=settings, nonce="n0Nce42", number=number)


def page(email: Email) -> lxml_html.HtmlElement:
    return lxml_html.document_fromstring(email.html)


def shown(email: Email) -> str:
    return " ".join(page(email).body.text_content().split())


# --- colours ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#123456", "#123456", 1)]
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(other, one) == contrast(one, other)


@pytest.mark.parametrize("theme", THEMES)
def test_every_packaged_theme_can_be_read_in_both_schemes(tmp_path: Path, theme: str) -> None:
    assert list(faint(design_of(a_site(tmp_path), theme))) == []


def test_a_colour_that_cannot_be_read_is_told_with_its_line_the_ratio_and_one_that_would_do(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text(f'{SETTINGS}\n[design.light]\naccent = "#ffcc00"\n')

    with pytest.raises(BadInput) as caught:
        load(tmp_path, environ={})

    places = {str(place) for place in caught.value.places}
    (told,) = (place for place in places if "design.light.accent" in place)
    assert told.startswith("newsletter.toml:8")
    assert "#ffcc00 on tint #f1eee6 has a contrast of 1.3:1; at least 4.5:1 is wanted, for example #" in told
    better = told.rpartition(" ")[2]
    assert all(contrast(better, behind) >= MIN_CONTRAST for behind in ("#f1eee6", "#fffefb", "#f3f1ec"))


def test_the_dark_scheme_is_checked_like_the_light_one(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_text(SETTINGS)

    with pytest.raises(BadInput, match=r"NEWSLETTER_DESIGN__DARK__TEXT.*on tint.*1\.0:1"):
        load(tmp_path, environ={"NEWSLETTER_DESIGN__DARK__TEXT": "#262c30"})


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ('[design.light]\ntext = "red"', "is no colour"),
        ('[design.light]\ntekst = "#000"', "did you mean 'text'"),
        ('[design]\nbody_font = "Arial"', "must end with serif, sans-serif or monospace"),
        ('[design]\nbody_font = "a;} x{, serif"', "is no list of fonts"),
        ("[design]\nwidth = 900", "less than or equal to 640"),
        ('[design]\nlogo = "../logo.png"', "a file in the site's folder"),
        ('[design]\nlogo = "/srv/logo.png"', "https://"),
        ('[design]\nlogo = "file:logo.png"', "https://"),
    ],
)
def test_a_bad_value_of_the_design_is_told(tmp_path: Path, bad: str, problem: str) -> None:
    (tmp_path / "newsletter.toml").write_text(f"{SETTINGS}\n{bad}\n")

    with pytest.raises(BadInput, match=problem):
        load(tmp_path, environ={})


def test_a_themes_own_bad_design_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "templates/mine").mkdir(parents=True)
    (tmp_path / "templates/mine/design.toml").write_text('[light]\npage = "white"\n')

    with pytest.raises(TemplateBroken, match=r"mine/design.toml: light.page"):
        design_of(a_site(tmp_path), "mine")


@pytest.mark.parametrize("theme", THEMES)
def test_the_sites_design_goes_over_the_themes_in_light_and_dark(tmp_path: Path, theme: str) -> None:
    design = {
        "light": {"accent": "#7a1f5c"},
        "dark": {"accent": "#f0B"},
        "width": 620,
        "body_font": "'My Font', Verdana, sans-serif",
    }

    html = rendered(tmp_path, some_posts(), theme=theme, design=design).html

    assert "color:#7a1f5c" in html
    assert html.count("#ff00bb!important") > 2
    assert "max-width:620px" in html
    assert "My Font" in html
    assert design_of(a_site(tmp_path), theme).light.accent not in html


# --- the three themes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("body", ["full", "summary", "title"])
def test_every_theme_shows_every_post_and_what_belongs_to_it(tmp_path: Path, theme: str, body: str) -> None:
    posts = some_posts(body_html="<h2>Deep</h2><p>Whole.</p>")

    email = rendered(tmp_path, posts, number=12, theme=theme, body=body, notice="Thanks to **the yard**.")

    for wanted in (*(f"Title of p{n}" for n in range(4)), "No. 12", "Thanks to the yard.", "Unsubscribe"):
        assert wanted in shown(email)
    assert "Thanks to the yard." in email.text
    assert "16 November 2023 · No. 12" in email.text
    assert ("Whole." in shown(email)) is (body == "full")
    assert ("Be calm." in shown(email)) is (body == "summary")
    assert ("3 min read" in shown(email)) is (body != "title")
    levels = [int(heading.tag[1]) for heading in page(email).xpath("//h1|//h2|//h3|//h4")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_keeps_the_rules_of_mail(tmp_path: Path, theme: str) -> None:
    email = rendered(tmp_path, some_posts(), theme=theme)

    document = page(email)
    assert all('role="presentation"' in table for table in re.findall(r"<table[^>]*>", email.html))
    assert all(image.get("alt") is not None and image.get("width") for image in document.xpath("//img"))
    assert len(document.xpath("//*[@role='main' and @lang='en' and @dir='ltr']//*[@role='article']")) == 1
    assert "prefers-color-scheme:dark" in email.html
    assert "[data-ogsc]" in email.html
    assert "[data-ogsb]" in email.html
    for style in re.findall(r'style="([^"]*line-height:\d+px[^"]*)"', email.html):
        assert "mso-line-height-rule:exactly" in style
    assert not re.search(r"#(fff|ffffff|000|000000)\b", email.html)


@pytest.mark.parametrize("theme", THEMES)
def test_ten_posts_with_images_stay_light(tmp_path: Path, theme: str) -> None:
    content = a_content("Some words that a reader can read in a moment. " * 12, image_url="https://x.example/a.jpg")
    posts = {f"p{n}": (a_post(f"p{n}", url=f"https://www.example.org/{n}"), content) for n in range(10)}

    email = rendered(tmp_path, posts, theme=theme)

    assert len(email.html.encode()) <= 6 * len(shown(email).encode())


def test_only_the_first_post_is_large_and_has_a_button(tmp_path: Path) -> None:
    document = page(rendered(tmp_path, some_posts(3)))

    assert [image.get("width") for image in document.xpath("//img")] == ["600", "124", "124"]
    (button,) = document.xpath("//td[@bgcolor]/a")
    assert button.get("href") == "https://www.example.org/0"


def test_a_first_post_without_an_image_is_like_the_others(tmp_path: Path) -> None:
    posts = {"one": (a_post("one", url="https://www.example.org/1"), a_content())}

    assert not page(rendered(tmp_path, posts)).xpath("//img|//td[@bgcolor]/a")


def test_a_picture_that_the_whole_text_shows_does_not_stand_above_it_too(tmp_path: Path) -> None:
    whole = '<p>One</p><p><img src="https://www.example.org/a.jpg" alt="A tree"></p>'

    document = page(rendered(tmp_path, some_posts(1, body_html=whole), body="full"))

    assert len(document.xpath("//img")) == 1


def test_magazine_puts_two_small_posts_in_a_row(tmp_path: Path) -> None:
    document = page(rendered(tmp_path, some_posts(4), theme="magazine"))

    assert [image.get("width") for image in document.xpath("//img")] == ["640", "310", "310", "640"]


def test_a_part_of_a_theme_counts_where_a_part_of_the_default_theme_names_it(tmp_path: Path) -> None:
    part = tmp_path / "templates/plain/parts/phone.css"
    part.parent.mkdir(parents=True)
    part.write_text(".mine{color:#123456!important}\n")

    assert ".mine{color:#123456!important}" in rendered(tmp_path, some_posts(1), theme="plain").html


# --- logo ------------------------------------------------------------------------------------------------------


def test_the_logo_has_a_dark_variant_that_outlook_never_sees(tmp_path: Path) -> None:
    logos = {"logo": "https://x.example/l.png", "logo_dark": "https://x.example/d.png", "logo_width": 140}

    email = rendered(tmp_path, some_posts(1), design=logos)

    light, dark, _ = page(email).xpath("//img")
    assert (light.get("src"), light.get("alt"), light.get("width")) == (
        "https://x.example/l.png",
        "Example Network",
        "140",
    )
    assert dark.get("src") == "https://x.example/d.png"
    assert "display:none" in dark.get("style")
    assert re.search(r"<!--\[if !mso\]><!-->\s*<img class=\"logo-dark\"", email.html)
    assert ".logo-dark{display:inline-block!important}" in email.html


def test_without_a_logo_the_site_is_named(tmp_path: Path) -> None:
    assert shown(rendered(tmp_path, some_posts(1))).split("16 November")[0].endswith("Example Network The week ")


# --- languages -------------------------------------------------------------------------------------------------


def languages() -> Iterator[tuple[str, dict[str, Any]]]:
    (words,) = (table for table in tables([packaged_templates()], "default", "words.toml") if table)
    yield from words.items()


def test_the_theme_speaks_thirteen_languages_and_each_says_everything() -> None:
    words = dict(languages())

    assert {"en", "de", "fr", "es", "it", "nl", "pt", "ar", "he", "fa", "zh", "ja", "ko"} <= set(words)
    for language, said in words.items():
        if "-" not in language:
            assert set(words["en"]) - {"date"} <= set(said), language
            assert len(said["months"]) == 12
        for key, text in said.items():
            if key != "months" and key in words["en"]:
                fields = set(re.findall(r"\{\w+\}", text))
                assert fields == set(re.findall(r"\{\w+\}", words["en"][key])), (language, key)


@pytest.mark.parametrize(
    ("text", "otherwise", "language"),
    [
        ("来年度の研修プログラムを発表", "en-GB", "ja"),
        ("明年培训计划公布", "en-GB", "zh"),
        ("明年培訓計劃公布", "zh-TW", "zh-TW"),
        ("내년도 연수 프로그램 발표", "en", "ko"),
        ("برنامج التدريب", "en", "ar"),
        ("گزارش این هفته از باغچه", "ar", "fa"),
        ("תוכנית ההכשרה", "en", "he"),
        ("Ein Bericht mit einem Wort auf 日本語", "de", "de"),
        ("…", "de", "de"),
    ],
)
def test_a_texts_letters_tell_its_language_or_that_of_the_issue_stays(text: str, otherwise: str, language: str) -> None:
    assert scripts.language_of(text, otherwise=otherwise) == language


@pytest.mark.parametrize("theme", THEMES)
def test_a_post_in_another_script_says_its_language_so_that_it_is_drawn_and_read_aloud_right(
    tmp_path: Path, theme: str
) -> None:
    posts = {
        "ja": (a_post("ja", title="研修のお知らせ"), a_content("申し込みはウェブから。")),
        "en": (a_post("en"), a_content()),
    }

    document = page(rendered(tmp_path, posts, theme=theme))

    assert [title.get("lang") for title in document.xpath("//h2")] == ["ja", None]
    assert [said.get("lang") for said in document.xpath("//div[@class='said']")] == ["ja", None]


@pytest.mark.parametrize("theme", THEMES)
def test_a_right_to_left_post_in_a_left_to_right_issue_runs_its_own_way(tmp_path: Path, theme: str) -> None:
    arabic = a_content("كن هادئًا، ثم اتصل للحصول على المساعدة.")
    posts = {"ar": (a_post("ar", title="دليل 2024"), arabic), "en": (a_post("en", title="A guide"), a_content())}

    document = page(rendered(tmp_path, posts, theme=theme))

    cells = document.xpath("//td[contains(@class,'post')][.//h2]")
    assert [cell.get("align") for cell in cells] == ["right", "left"]
    assert [said.get("dir") for said in document.xpath("//div[@class='said']")] == ["rtl", None]


def test_a_left_to_right_post_in_a_right_to_left_issue_runs_its_own_way(tmp_path: Path) -> None:
    posts = {"en": (a_post("en", title="A guide"), a_content()), "ar": (a_post("ar", title="دليل"), a_content("نص."))}

    document = page(rendered(tmp_path, posts, language="he"))

    cells = document.xpath("//td[contains(@class,'post')][.//h2]")
    assert [cell.get("align") for cell in cells] == ["left", "right"]
    assert "ביטול הרשמה" in document.text_content()


def test_japanese_has_wider_lines_no_italics_and_its_own_dates(tmp_path: Path) -> None:
    posts = {"ja": (a_post("ja", title="小さな庭の本"), a_content("春の<em>庭</em>に花が咲く。"))}

    email = rendered(tmp_path, posts, language="ja")

    assert "2023年11月14日" in email.text
    assert "line-height:1.75" in email.html
    (emphasis,) = page(email).xpath("//em/@style")
    assert "font-style:normal" in emphasis
    assert "Georgia" not in email.html


@pytest.mark.parametrize("title", ["…", "?!", "—", "🎉"])
def test_a_title_of_punctuation_only_is_a_link_like_any_other(tmp_path: Path, title: str) -> None:
    posts = {"one": (a_post("one", title=title, url="https://www.example.org/one"), a_content())}

    email = rendered(tmp_path, posts)

    assert page(email).xpath("//h2/a/text()") == [title]
    assert f"1. {title}\n" in email.text


# --- whole posts -----------------------------------------------------------------------------------------------

WHOLE = (
    "<h2>Before</h2><ol><li>One<ul><li>two</li></ul></li></ol><blockquote><p>Said.</p></blockquote>"
    "<table><thead><tr><th>Slot</th></tr></thead><tbody><tr><td>10:00</td></tr></tbody></table>"
    "<pre><code>if x:\n    y</code></pre><figure><img src='https://x.example/i.png' alt='A tree'>"
    "<figcaption>In May</figcaption></figure><p>Word<sup>[1]</sup></p>"
)


@pytest.mark.parametrize("theme", THEMES)
def test_a_whole_post_keeps_what_markdown_made(tmp_path: Path, theme: str) -> None:
    posts = {"one": (a_post("one", url="https://www.example.org/one"), a_content(body_html=WHOLE))}

    email = rendered(tmp_path, posts, theme=theme, body="full")

    body = page(email).xpath("//div[@class='said']")[0]
    assert [found.tag for found in body.xpath(".//h3|.//ol|.//ul|.//blockquote|.//table|.//img|.//sup")] == [
        "h3", "ol", "ul", "blockquote", "table", "img", "sup",
    ]  # fmt: skip
    assert "width:100%" in body.xpath(".//table/@style")[0]
    assert body.xpath(".//div[@class='code']")[0].text_content() == "if x:\u00a0\u00a0\u00a0\u00a0y"
    assert "font-size:14px" in body.xpath(".//div[@class='note']/@style")[0]
    for wanted in ("Before\n~~~~~~", "1. One\n   - two", "> Said.", "Slot\n-----\n10:00", "if x:\n    y", "In May"):
        assert wanted in email.text
    assert all(width(line) <= 78 for line in email.text.split("\n"))


# --- the web version and the public pages ----------------------------------------------------------------------


@pytest.mark.parametrize("theme", THEMES)
def test_the_web_version_has_the_sites_design_in_both_schemes(tmp_path: Path, theme: str) -> None:
    design = {"light": {"accent": "#7a1f5c"}, "dark": {"accent": "#f0b"}, "radius": 3, "heading_font": "Bodoni, serif"}
    logos = {"logo": "https://x.example/l.png", "logo_dark": "https://x.example/d.png", "logo_width": 140}

    web_html = rendered(tmp_path, some_posts(1), theme=theme, design=design | logos).web_html

    light, dark = re.findall(r":root \{(.*?)\}", web_html)
    assert "--accent: #7a1f5c;" in light
    assert "--accent: #ff00bb;" in dark
    assert "border-radius: 3px" in web_html
    assert "Bodoni, serif" in web_html
    (logo,) = lxml_html.document_fromstring(web_html).xpath("//p[@class='logo']/picture")
    assert logo.xpath(".//source[contains(@media, 'dark')]/@srcset") == ["https://x.example/d.png"]
    assert (logo.xpath(".//img/@src"), logo.xpath(".//img/@width")) == (["https://x.example/l.png"], ["140"])


def test_the_web_version_has_the_colours_of_its_theme(tmp_path: Path) -> None:
    page_of = design_of(a_site(tmp_path), "magazine").light.page

    assert f"--page: {page_of};" in rendered(tmp_path, some_posts(1), theme="magazine").web_html
    assert f"--page: {page_of};" not in rendered(tmp_path, some_posts(1)).web_html
