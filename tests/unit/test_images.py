"""Pictures: read, turned, made light; refused when they are none; placed as a slot asks."""

from __future__ import annotations

import email
import random
from email import policy
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageDraw

from newsletter.emails import merge
from newsletter.emails.fields import fields_of
from newsletter.emails.images import Found, Pictures, Rules
from newsletter.emails.markers import Markers
from newsletter.emails.picture import MAX_ANIMATION_BYTES, Plain, Refused, encoded, looked_at
from newsletter.emails.render import render
from newsletter.models import Email
from newsletter.providers.postmark import Postmark
from tests.factories import a_content, a_post, a_reader, a_site, an_issue, utc

KB = 1000


def picture(width: int = 1600, height: int = 900, *, mode: str = "RGB", form: str = "JPEG", **options: Any) -> bytes:
    """A sky over a meadow, in this size and format."""
    image = Image.new("RGB", (width, height), "#87b5d9")
    ImageDraw.Draw(image).rectangle([0, height * 2 // 3, width, height], fill="#5b8c3a")
    file = BytesIO()
    image.convert(mode).save(file, form, **options)
    return file.getvalue()


def noise(width: int, height: int, form: str, mode: str = "RGB") -> bytes:
    """What compresses worst."""
    size = width * height * len(mode)
    file = BytesIO()
    Image.frombytes(mode, (width, height), random.Random(1).randbytes(size)).save(file, form)
    return file.getvalue()


def made(content: bytes, *, width: int = 1200, max_kb: int = 200) -> Image.Image:
    """The picture as a mail would have it."""
    return Image.open(BytesIO(encoded(looked_at(content), width=width, max_bytes=max_kb * KB).content))


def moving(frames: int, size: int = 40) -> bytes:
    images = [Image.frombytes("P", (size, size), random.Random(one).randbytes(size * size)) for one in range(frames)]
    file = BytesIO()
    images[0].save(file, "GIF", save_all=True, append_images=images[1:], loop=0)
    return file.getvalue()


def reason(content: bytes) -> str:
    with pytest.raises(Refused) as caught:
        encoded(looked_at(content), width=1200, max_bytes=200 * KB)
    return caught.value.reason


# --- what comes out --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "mode", "wanted"),
    [
        *(("JPEG", "RGB", "JPEG"), ("JPEG", "CMYK", "JPEG"), ("PNG", "RGB", "PNG"), ("PNG", "RGBA", "PNG")),
        *(("WEBP", "RGB", "PNG"), ("AVIF", "RGB", "PNG"), ("GIF", "P", "PNG"), ("PNG", "I;16", "PNG")),
        *(("BMP", "RGB", "PNG"), ("TIFF", "RGB", "PNG"), ("PNG", "1", "PNG"), ("PNG", "LA", "PNG")),
    ],
)
def test_every_usual_format_becomes_one_that_mail_shows(form: str, mode: str, wanted: str) -> None:
    source = "L" if mode == "I;16" else mode
    content = picture(300, 200, mode=source, form=form)
    if mode == "I;16":
        file = BytesIO()
        Image.new("I;16", (300, 200), 40_000).save(file, "PNG")
        content = file.getvalue()

    result = made(content)

    assert (result.format, result.size) == (wanted, (300, 200))


def test_a_picture_is_as_wide_as_its_slot_needs_and_never_enlarged() -> None:
    content = picture(1600, 900)

    assert made(content, width=1200).size == (1200, 675)
    assert made(content, width=4000).size == (1600, 900)


def test_a_photograph_that_lies_on_its_side_is_turned_and_tells_nothing_of_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "A camera"
    exif.get_ifd(0x8825)[1] = "N"
    content = picture(400, 200, exif=exif, comment=b"secret", icc_profile=b"x")

    original, result = looked_at(content), made(content)

    assert (original.width, original.height) == (200, 400)
    assert result.size == (200, 400)
    assert not result.getexif()
    assert {"exif", "comment", "icc_profile", "xmp"}.isdisjoint(result.info)
    left, right = (result.convert("RGB").crop((x, 200, x + 1, 201)).tobytes() for x in (10, 190))
    assert left[1] > left[2]  # the meadow, below before, is on the left now
    assert right[2] > right[1]


def test_a_heavy_photograph_is_made_light_enough() -> None:
    content = noise(1400, 1000, "JPEG")

    result = encoded(looked_at(content), width=1200, max_bytes=150 * KB)

    assert len(content) > 800 * KB
    assert len(result.content) <= 150 * KB


def test_a_see_through_picture_stays_so_however_heavy() -> None:
    result = made(noise(700, 700, "PNG", "RGBA"), max_kb=100)

    assert result.format == "PNG"
    assert min(result.convert("RGBA").getchannel("A").tobytes()) < 100


def test_a_gif_that_moves_is_kept_as_it_is() -> None:
    content = moving(5)

    assert encoded(looked_at(content), width=10, max_bytes=1 * KB).content == content


def test_a_gif_that_is_too_heavy_stands_still_and_that_is_told() -> None:
    content = moving(8, 400)

    original = looked_at(content)

    assert len(content) > MAX_ANIMATION_BYTES
    assert "only its first frame" in original.note
    assert not getattr(made(content), "is_animated", False)


def test_the_same_picture_gives_the_same_bytes() -> None:
    content = picture()

    first, second = (encoded(looked_at(content), width=800, max_bytes=200 * KB) for _ in range(2))

    assert first == second
    assert first.name == second.name


def test_a_drawing_becomes_a_picture() -> None:
    drawing = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 10"><rect width="9"/></svg>'

    result = made(drawing.encode())

    assert (result.format, result.size) == ("PNG", (1200, 400))


# --- what is refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"", "is empty"),
        (b"no picture at all", "is broken"),
        (b"<!DOCTYPE html><html></html>", "is a web page"),
        (b"\x00\x00\x00\x20ftypheic\x00\x00", "HEIC"),
        (picture()[:2000], "is broken"),
        (picture(form="PNG")[:-30], "is broken"),
        (picture(form="WEBP")[:200], "is broken"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "is broken"),
        (b"x" * 20_000_001, "is larger than 20 MB"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else value,
)
def test_what_is_no_picture_is_refused_in_words(content: bytes, wanted: str) -> None:
    assert wanted in reason(content)


@pytest.mark.parametrize("size", [8_200, 14_000])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    file = BytesIO()
    Image.new("1", (size, size)).save(file, "PNG")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("it was unpacked"))

    assert len(file.getvalue()) < 100 * KB
    assert "has more than 64,000,000 pixels" in reason(file.getvalue())


@pytest.mark.parametrize(
    "inside",
    [
        '<image href="/etc/hostname.png" width="9" height="9"/>',
        '<image title=">" xlink:href="http://169.254.169.254/x.png" width="9" height="9"/>',
        "<g>" * 20_000 + "</g>" * 20_000,
        '<g opacity=".5">' * 900 + '<rect width="9" height="9"/>' + "</g>" * 900,
        "<rect",
    ],
    ids=["file", "address", "deep", "deep and drawn", "cut"],
)
def test_a_drawing_that_would_harm_us_is_refused(inside: str) -> None:
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="30" height="10">'

    assert "is a drawing (SVG) that" in reason(f"{head}{inside}</svg>".encode())


# --- in the mail -----------------------------------------------------------------------------------------------

PHOTO = "https://www.example.org/photo.jpg"


def found(content: bytes) -> Found:
    return Found(looked_at(content), "posts/a.md", "photo.jpg")


def pictures(content: bytes, *, embeds: bool = False, max_total_kb: int = 1000) -> Pictures:
    rules = Rules(lambda name: f"https://cdn.example.org/{name}", embeds=embeds, max_total_bytes=max_total_kb * KB)
    return Pictures({PHOTO: found(content)}, rules)


def an_email(tmp_path: Any, chosen: Pictures, **content: Any) -> Email:
    values = {"image_url": PHOTO, "image_alt": "A meadow"} | content
    posts = {"a": (a_post("a"), a_content(**values))}
    return render(an_issue("a"), posts, settings=a_site(tmp_path), nonce="abc", pictures=chosen)


def test_a_picture_says_its_size_so_that_the_mail_does_not_jump() -> None:
    shown = pictures(picture(1600, 900)).shown(PHOTO, width=600)

    assert shown is not None
    assert (shown.width, shown.height) == (600, 338)
    assert shown.src.startswith("https://cdn.example.org/")


def test_a_small_picture_is_shown_small() -> None:
    shown = pictures(picture(200, 100)).shown(PHOTO, width=600)

    assert shown is not None
    assert (shown.width, shown.height) == (200, 100)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_video_shows_its_poster_with_a_play_mark_in_the_middle(mode: str) -> None:
    poster = picture(1600, 900, mode=mode, form="PNG")
    plain = Image.open(BytesIO(encoded(looked_at(poster), width=1072, max_bytes=900 * KB).content)).convert("RGB")
    marked = encoded(looked_at(poster), width=1072, max_bytes=900 * KB, is_video=True).content

    with_mark = Image.open(BytesIO(marked)).convert("RGB")

    assert with_mark.size == plain.size == (1072, 603)
    assert with_mark.getpixel((536, 301)) == (255, 255, 255)
    assert [with_mark.getpixel(corner) == plain.getpixel(corner) for corner in ((5, 5), (1066, 5), (5, 597))] == [
        True
    ] * 3


def test_a_video_whose_poster_is_gone_shows_a_plain_picture_in_the_sites_colours() -> None:
    rules = Rules(address=lambda name: f"https://news.example.org/{name}")
    chosen = Pictures({}, rules, gone=["https://x.example/poster.jpg"])

    shown = chosen.still("https://x.example/poster.jpg", Plain("#112233", "#eeddcc"), width=536)

    assert shown is not None
    assert (shown.width, shown.height) == (536, 302)
    (asset,) = chosen.assets(shown.src, "")
    image = Image.open(BytesIO(asset.content)).convert("RGB")
    assert image.size == (1072, 603)
    assert (image.getpixel((3, 3)), image.getpixel((536, 301))) == ((0x11, 0x22, 0x33),) * 2
    assert image.getpixel((536 - 70, 301)) == (0xEE, 0xDD, 0xCC)
    assert len(asset.content) < 20 * KB


def test_a_poster_that_moves_is_kept_and_one_that_nobody_read_stays_where_it_is() -> None:
    film = moving(3)
    plain = Plain("#112233", "#eeddcc")

    kept = encoded(looked_at(film), width=300, max_bytes=900 * KB, is_video=True)
    linked = Pictures({}, Rules(address=str)).still("https://x.example/a.jpg", plain, width=536)

    assert kept.content == film
    assert linked is not None
    assert linked.src == "https://x.example/a.jpg"


def test_only_the_files_that_the_mail_and_its_web_version_show_go_with_it(tmp_path: Any) -> None:
    chosen = pictures(picture())
    chosen.shown(PHOTO, width=77)

    made = an_email(tmp_path, chosen)

    assert made.assets
    assert all(one.name in made.html or one.name in made.web_html for one in made.assets)
    assert all(Image.open(BytesIO(one.content)).width != 154 for one in made.assets)


def test_a_picture_that_cannot_be_shown_leaves_its_words(tmp_path: Any) -> None:
    without = Pictures({}, Rules(str), gone=[PHOTO])
    body = f'<p>Before <img src="{PHOTO}" alt="A meadow in May"> after</p>'

    made = an_email(tmp_path, without, summary_html=body, body_html=body)

    assert "<img" not in made.html
    assert "Before A meadow in May after" in made.html
    assert "<img" not in made.web_html


def test_a_picture_that_is_only_a_file_never_stands_in_a_mail_as_it_is(tmp_path: Any) -> None:
    body = '<p>See <img src="posts:a.png" alt="this"> and <a href="posts:secret">that</a></p>'

    made = an_email(tmp_path, Pictures({}, Rules(str)), image_url="posts:a.png", summary_html=body, body_html=body)

    assert "posts:" not in made.html + made.web_html + made.text


def test_pictures_of_a_mail_that_weigh_too_much_together_are_told(tmp_path: Any) -> None:
    chosen = pictures(noise(1400, 1000, "JPEG"), max_total_kb=50)

    an_email(tmp_path, chosen)

    assert any("together, over 50 kB" in str(problem) for problem in chosen.problems)


def test_embedded_pictures_travel_with_the_html_and_any_client_finds_them(tmp_path: Any) -> None:
    made = an_email(tmp_path, pictures(picture(), embeds=True))
    values = fields_of(
        a_reader(), delivery_id="d1", unsubscribe_url="https://x.example/u", web_url="https://x.example/w"
    )

    raw = b"".join(merge.compile_mime(made, sent_at=utc(2023, 11, 16)).letter(values))

    message = email.message_from_bytes(raw, policy=policy.default)
    assert [part.get_content_type() for part in message.walk()] == [
        *("multipart/alternative", "text/plain", "multipart/related", "text/html", "image/jpeg")
    ]
    (part,) = (one for one in message.walk() if one.get_content_maintype() == "image")
    html = next(one for one in message.walk() if one.get_content_type() == "text/html").get_content()
    assert f'src="cid:{str(part["Content-ID"]).strip("<>")}"' in html
    assert part.get_content_disposition() == "inline"
    assert part.get_content() == next(one.content for one in made.assets if one.content_id)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert "cid:" not in made.web_html


def test_postmark_takes_embedded_pictures_along(tmp_path: Any) -> None:
    made = an_email(tmp_path, pictures(picture(), embeds=True))

    payload = Postmark(a_site(tmp_path), "token").form(made, Markers(made.nonce)).letter or {}

    (attached,) = payload["Attachments"]
    assert attached["ContentID"] in made.html
    assert attached["ContentType"] == "image/jpeg"
