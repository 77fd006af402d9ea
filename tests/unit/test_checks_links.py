"""What the checks say of links and pictures, and where they say it was written."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from newsletter.emails.checks.checked import Answer, Checked
from newsletter.models import Asset
from tests.checking import FIRST_AID, MARKET, Told, found, looked_at, told, written

SITE = {"name": "Example Network", "url": "https://news.example.org", "language": "en-GB"}
PIXEL = "https://pictures.example.org/stalls.jpg"


def with_link(href: str, text: str = "the stalls") -> Told:
    return written(f'<p>See <a href="{href}">{text}</a> by the river.</p>')


def spoiled(html: str) -> Checked:
    """The issue with this put into the finished HTML of a post, so that nothing mends it before."""
    return looked_at(written("<p>Marked here.</p>"), MARKET, html=lambda page: page.replace("Marked here.", html))


# --- links -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("", "error"),
        ("click here", "warning"),
        ("Read more…", "warning"),
        ("…", "warning"),
        ("https://www.example.org/stalls", "warning"),
        ("the stalls", None),
        ("here is the list of stalls", None),
    ],
)
def test_a_link_that_does_not_say_where_it_leads_is_told_in_its_line(text: str, level: str | None) -> None:
    checked = looked_at(with_link("https://www.example.org/stalls", text), MARKET)

    assert [told(one) for one in found(checked, "link-text")] == ([(level, "posts/first-aid.md:4")] if level else [])


def test_one_text_for_two_pages_is_told_but_not_for_one_page_counted_twice() -> None:
    same = '<a href="https://www.example.org/a">the list</a>'
    counted = '<a href="https://www.example.org/a?utm_source=x">the list</a>'
    other = '<a href="https://www.example.org/b">the list</a>'

    twice = looked_at(written(f"<p>{same} {counted}</p>"), MARKET)
    two = looked_at(written(f"<p>{same} {other}</p>"), MARKET)

    assert found(twice, "link-text") == []
    assert "different pages" in found(two, "link-text")[0].message


@pytest.mark.parametrize(
    ("href", "says"),
    [
        ("", "nowhere"),
        ("#", "nowhere"),
        ("stalls.html", "not a whole address"),
        ("javascript:x()", "runs"),
        ("http://news.example.org/x", "without https"),
        ("https://TODO/", "placeholder"),
        ("https://www.example.org/{{ slug }}", "placeholder"),
        ("https://www.example.org/" + "x" * 2000, "characters"),
        ("https://", "no valid address"),
        ("https://[broken/", "no valid address"),
        ("mailto:", "mailto"),
        ("mailto:ann@example.org?subject=Hello", None),
        ("tel:+44123", None),
        ("https://www.example.org/stalls?a=1#b", None),
        ("http://elsewhere.example.org/", None),
    ],
)
def test_a_link_that_leads_nowhere_is_told_in_its_line(href: str, says: str | None) -> None:
    post = Told(FIRST_AID.title, "<p>Marked here.</p>", f'---\n---\n\n<p><a href="{href}">our stalls</a></p>\n')

    checked = looked_at(
        post, MARKET, html=lambda page: page.replace("Marked here.", f'<a href="{href}">our stalls</a>')
    )
    said = [one for one in found(checked, "link-target") if "our stalls" in one.message]

    assert [told(one) for one in said] == ([("error", "posts/first-aid.md:4")] if says else [])
    assert all(str(says) in one.message for one in said)


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (Answer(200), None),
        (Answer(404), "error"),
        (Answer(410), "error"),
        (Answer(500), "warning"),
        (Answer(403), None),
        (Answer(429), None),
        (Answer(None, "cannot be reached: there is no host", is_gone=True), "error"),
        (Answer(None, "did not answer within 15 seconds"), "warning"),
    ],
)
def test_a_tried_link_is_told_by_what_its_server_said(answer: Answer, level: str | None) -> None:
    href = "https://www.example.org/stalls"
    checked = replace(looked_at(with_link(href), MARKET), answers={href: answer})

    assert [told(one) for one in found(checked, "link-target")] == ([(level, "posts/first-aid.md:4")] if level else [])


@pytest.mark.parametrize(
    ("text", "href", "is_told"),
    [
        ("www.bank.example.org", "https://evil.example.net/", True),
        ("https://bank.com/login", "https://evil.net/", True),
        ("bank.com", "https://www.bank.com/login", False),
        ("bank.com", "https://login.bank.com/", False),
        ("Node.js", "https://nodejs.org/", False),
        ("ASP.NET", "https://dotnet.microsoft.com/", False),
        ("the bank", "https://evil.net/", False),
    ],
)
def test_a_link_that_shows_another_address_than_its_own_is_told(text: str, href: str, is_told: bool) -> None:
    checked = looked_at(with_link(href, text), MARKET)

    assert [told(one) for one in found(checked, "link-deceptive")] == [("error", "posts/first-aid.md:4")] * is_told


def test_a_link_within_the_mail_is_told() -> None:
    checked = spoiled('<a href="#market">the market</a>')

    assert [told(one) for one in found(checked, "in-mail-anchor")] == [("warning", "posts/first-aid.md")]


# --- pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "level"),
    [
        (f'<img src="{PIXEL}">', "error"),
        (f'<a href="https://www.example.org/x"><img src="{PIXEL}" alt=""></a>', "error"),
        (f'<img src="{PIXEL}" alt="">', "warning"),
        (f'<img src="{PIXEL}" alt="IMG_2041.jpg">', "warning"),
        (f'<img src="{PIXEL}" alt="image">', "warning"),
        (f'<img src="{PIXEL}" alt="{"word " * 50}">', "warning"),
        (f'<img src="{PIXEL}" alt="Stalls along the river">', None),
        (f'<a href="https://www.example.org/x"><img src="{PIXEL}" alt=""> Stalls</a>', "warning"),
    ],
)
def test_a_picture_that_is_not_said_in_words_is_told(image: str, level: str | None) -> None:
    checked = spoiled(image)

    assert [told(one) for one in found(checked, "img-alt")] == ([(level, "posts/first-aid.md")] if level else [])


def test_a_picture_is_found_in_its_line_even_when_its_address_was_completed() -> None:
    post = Told(
        "First aid in the workshop", f'<p>Look:</p><img src="{PIXEL}" alt="">', "---\n---\n\nLook:\n\n![](stalls.jpg)\n"
    )

    (problem,) = found(looked_at(post, MARKET), "img-alt")

    assert problem.where == "posts/first-aid.md:6"


@pytest.mark.parametrize(("width", "count"), [('width="300"', 0), ("", 1), ('width="100%"', 1)])
def test_a_picture_without_a_width_in_pixels_is_told(width: str, count: int) -> None:
    checked = spoiled(f'<img src="{PIXEL}" alt="Stalls" {width}>')

    assert len(found(checked, "img-width")) == count


@pytest.mark.parametrize(
    ("src", "is_told"),
    [
        ("https://www.example.org/a.webp", True),
        ("https://www.example.org/a.SVG?v=2", True),
        ("data:image/png;base64,AAAA", True),
        ("http://www.example.org/a.png", True),
        ("a.png", True),
        ("https://www.example.org/a.png", False),
        ("cid:abc@example.org", False),
    ],
)
def test_a_picture_in_a_format_that_some_client_does_not_show_is_told(src: str, is_told: bool) -> None:
    checked = spoiled(f'<img src="{src}" alt="Stalls" width="300">')

    assert [one.level for one in found(checked, "img-format")] == ["error"] * is_told


def a_png(width: int, size_bytes: int = 100) -> bytes:
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", width, width)
    return head + b"\0" * (size_bytes - len(head))


def with_picture(content: bytes, *, copies: int = 1) -> Checked:
    """The issue with pictures of its own, shown 100 pixels wide."""
    assets = [Asset(f"{number}.png", content) for number in range(copies)]
    page = "https://news.example.org/issues/weekly-2023-11-16/assets"
    images = "".join(f'<img src="{page}/{one.name}" alt="Stalls" width="100">' for one in assets)
    return looked_at(
        written("<p>Marked here.</p>"),
        MARKET,
        html=lambda html: html.replace("Marked here.", images),
        assets=assets,
    )


@pytest.mark.parametrize(("width", "says"), [(140, "blurred"), (150, None), (300, None), (301, "far more")])
def test_a_picture_that_is_blurred_or_far_too_large_is_told(width: int, says: str | None) -> None:
    messages = [one.message for one in found(with_picture(a_png(width)), "img-retina")]

    assert len(messages) == (says is not None)
    assert all(str(says) in message for message in messages)


@pytest.mark.parametrize(("size_bytes", "copies", "count"), [(200_000, 5, 0), (200_001, 1, 1), (190_000, 6, 1)])
def test_pictures_that_weigh_too_much_are_told(size_bytes: int, copies: int, count: int) -> None:
    checked = with_picture(a_png(200, size_bytes), copies=copies)

    assert len(found(checked, "img-size")) == count


def test_a_picture_of_ours_that_was_not_made_is_told() -> None:
    src = "https://news.example.org/issues/weekly-2023-11-16/assets/gone.png"

    checked = spoiled(f'<img src="{src}" alt="Stalls" width="100">')

    assert [one.level for one in found(checked, "img-reachable")] == ["error"]


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (Answer(200, media_type="image/png"), None),
        (Answer(200, media_type="text/html"), "error"),
        (Answer(404), "error"),
        (Answer(503), "warning"),
        (Answer(None, "leads into a private network", is_gone=True), "error"),
    ],
)
def test_a_tried_picture_is_told_by_what_its_server_said(answer: Answer, level: str | None) -> None:
    checked = replace(spoiled(f'<img src="{PIXEL}" alt="Stalls" width="100">'), answers={PIXEL: answer})

    assert [one.level for one in found(checked, "img-reachable")] == ([level] if level else [])
