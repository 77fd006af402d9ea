"""One picture made fit for mail: PNG, JPEG or GIF, upright, without metadata, as large as needed and no larger.

The only importer of Pillow. What comes in was made by strangers: its format is told by its bytes, never by its name;
its size is looked at before it is unpacked; and whatever a decoder raises means that the picture is broken.
The same bytes in give the same bytes out, as long as Pillow is the same.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import NamedTuple

import PIL
from PIL import Image, ImageCms, ImageDraw, ImageOps

from newsletter.emails import picture_svg

MAX_BYTES = 20_000_000
MAX_PIXELS = 64_000_000
"""Of the picture as it comes: a phone's best has 50 million. Unpacked, that many take 256 MB."""
MAX_ANIMATION_BYTES = 1_000_000
"""Beyond that many an animated GIF makes a phone stutter; its first frame is shown instead."""
MAX_SVG_BYTES = 2_000_000
SVG_WIDTH = 1200
"""Pixels in which a drawing is made: twice the widest mail."""
MEDIA_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".gif": "image/gif"}
ENCODER = f"1-{PIL.__version__}"
"""Changes when the same picture would come out as other bytes."""

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "TIFF")
_JPEG_QUALITIES = (84, 76, 68, 60, 52)
_SHRINK = 0.85
_FEWEST_PIXELS = 64
_SHADE = "#10141acc"
"""Behind a white play mark on any picture."""

# Decoders meet hostile bytes with all of these; none of them says more than that the picture is broken.
_BROKEN = (
    *(OSError, SyntaxError, ValueError, ArithmeticError, LookupError, EOFError, struct.error, TypeError),
    *(AttributeError, MemoryError, RuntimeError, Image.DecompressionBombError, ImageCms.PyCMSError),
)


Keep = Callable[[str, Callable[[], bytes]], bytes]
"""`keep(key, make)`: what `make` gave under this key before, else what it gives now."""


def anew(_key: str, make: Callable[[], bytes]) -> bytes:
    """A `Keep` that keeps nothing."""
    return make()


class Refused(Exception):
    """The bytes are no picture that a mail can show; `reason` is the end of a sentence that begins with its name."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


class Original(NamedTuple):
    """A picture as it came, looked at but not yet unpacked."""

    content: bytes
    width: int
    """In pixels, upright."""
    height: int
    moves: bool
    """An animated GIF, which is kept as it is."""
    note: str = ""
    """What is lost in a mail, in words for the editor."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


class Encoded(NamedTuple):
    content: bytes
    suffix: str

    @property
    def name(self) -> str:
        """The same picture has the same name, in every issue."""
        return hashlib.sha256(self.content).hexdigest()[:20] + self.suffix


class Plain(NamedTuple):
    """The colours of a still without a picture."""

    ground: str
    mark: str


def looked_at(content: bytes, *, keep: Keep = anew) -> Original:
    """What the picture is. Raises `Refused`; a drawing (SVG) is made pixels of here, which `keep` may have."""
    if len(content) > MAX_BYTES:
        raise Refused(f"is larger than {MAX_BYTES // 1_000_000} MB", "save it smaller")
    if picture_svg.is_drawing(content):
        drawing = content
        key = f"{hashlib.sha256(drawing).hexdigest()}-drawn-{ENCODER}.png"
        content = keep(key, lambda: _drawn(drawing))
    try:
        with _opened(content) as image:
            width, height, moves = *image.size, bool(getattr(image, "is_animated", False))
            if width * height > MAX_PIXELS:
                raise _too_large()
            if image.getexif().get(0x0112, 1) >= 5:  # Orientation: lies on its side
                width, height = height, width
            is_gif = image.format == "GIF"
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except _BROKEN as error:
        raise _broken(content) from error
    too_heavy = moves and is_gif and len(content) > MAX_ANIMATION_BYTES
    note = "moves, and only its first frame is shown" if moves and not is_gif else ""
    if too_heavy:
        heavy, most = f"{len(content) / 1_000_000:.1f} MB", f"{MAX_ANIMATION_BYTES // 1_000_000} MB"
        note = f"moves and has {heavy}; only its first frame is shown, because {most} is the most"
    return Original(content, width, height, moves and is_gif and not too_heavy, note)


def encoded(original: Original, *, width: int, max_bytes: int, is_video: bool = False) -> Encoded:
    """The picture at most `width` pixels wide, never enlarged, and under `max_bytes` where that can be.

    A result over `max_bytes` is as light as it gets. `is_video`: with a play mark over it, unless it moves by itself.
    Raises `Refused` for one that turns out to be broken.
    """
    if original.moves:
        _check_frames(original)
        return Encoded(original.content, ".gif")
    try:
        image = _pixels(original, width)
        if is_video:
            image = _with_play_mark(image, disc=_SHADE, triangle="white")
        best: Encoded | None = None
        for candidate in _candidates(image, is_photograph=_is_jpeg(original.content)):
            if best is None or len(candidate.content) < len(best.content):
                best = candidate
            if len(best.content) <= max_bytes:
                break
    except _BROKEN as error:
        raise _broken(original.content) from error
    assert best is not None
    return best


def plain_still(plain: Plain, size: tuple[int, int]) -> bytes:
    """What stands for a video that has no picture: a PNG."""
    ground = Image.new("RGB", size, plain.ground)
    return _png(_with_play_mark(ground, disc=plain.mark, triangle=plain.ground)).content


def suffix_of(content: bytes) -> str:
    """Of a picture that `encoded` made."""
    if content.startswith(b"\x89PNG"):
        return ".png"
    return ".gif" if content.startswith(b"GIF8") else ".jpg"


# --- reading ---------------------------------------------------------------------------------------------------


def _opened(content: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own warnings about large and odd pictures; we have our limit
        return Image.open(BytesIO(content), formats=_FORMATS)


def _is_jpeg(content: bytes) -> bool:
    return content.startswith(b"\xff\xd8")


def _drawn(content: bytes) -> bytes:
    if len(content) > MAX_SVG_BYTES:
        raise Refused(f"is a drawing of more than {MAX_SVG_BYTES // 1_000_000} MB", "save it as PNG")
    try:
        return picture_svg.drawn(content, width=SVG_WIDTH)
    except picture_svg.NotDrawn as error:
        raise Refused(f"is a drawing (SVG) that {error}", "save it as PNG") from error


def _broken(content: bytes) -> Refused:
    if content[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return Refused("is in HEIC, which no mail client shows", "save it as JPEG")
    if content[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return Refused("is a web page and no picture", "name the address of the picture itself")
    if not content:
        return Refused("is empty", "put the picture there again")
    return Refused("is broken, or no picture", "save it again as JPEG or PNG")


def _too_large() -> Refused:
    return Refused(f"has more than {MAX_PIXELS:,} pixels", "save it smaller")


def _check_frames(original: Original) -> None:
    try:
        with _opened(original.content) as image:
            image.load()
    except _BROKEN as error:
        raise _broken(original.content) from error


def _pixels(original: Original, width: int) -> Image.Image:
    """Upright, in sRGB, RGB or RGBA, at most `width` wide."""
    with _opened(original.content) as image:
        height = max(1, round(original.height * width / original.width))
        # A JPEG can be unpacked at a half, a quarter or an eighth: seconds and memory of a large photograph saved.
        image.draft(None, (max(width, height), max(width, height)))
        image.load()
        upright = ImageOps.exif_transpose(image)
        coloured = _in_srgb(upright)
    if width < coloured.width:
        coloured = coloured.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    coloured.info = {}
    return coloured


def _in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    has_alpha = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert("L")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        image = _converted(image, profile)
    flat = image.convert("RGBA" if has_alpha else "RGB")
    if has_alpha and flat.getchannel("A").getextrema() == (255, 255):
        return flat.convert("RGB")
    return flat


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        theirs = ImageCms.ImageCmsProfile(BytesIO(profile))
        made = ImageCms.profileToProfile(image, theirs, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image  # a profile that nobody can read is as good as none
    return made or image


# --- writing ---------------------------------------------------------------------------------------------------


def _with_play_mark(image: Image.Image, *, disc: str, triangle: str) -> Image.Image:
    """In the middle; drawn large and made small, because Pillow draws without smooth edges."""
    side = max(1, round(min(image.size) * 0.3))
    large = side * 4
    mark = Image.new("RGBA", (large, large))
    pen = ImageDraw.Draw(mark)
    pen.ellipse((0, 0, large - 1, large - 1), fill=disc)
    pen.polygon([(large * x, large * y) for x, y in ((0.38, 0.27), (0.38, 0.73), (0.77, 0.5))], fill=triangle)
    mark = mark.resize((side, side), Image.Resampling.LANCZOS)
    marked = image.convert("RGBA")
    marked.alpha_composite(mark, ((image.width - side) // 2, (image.height - side) // 2))
    return marked.convert(image.mode)


def _candidates(image: Image.Image, *, is_photograph: bool) -> Iterator[Encoded]:
    """Ever lighter: first as it is, then with less quality, then smaller."""
    while True:
        if image.mode == "RGBA":
            yield _png(image)
            yield _png(image.quantize(256, method=Image.Quantize.FASTOCTREE))
        else:
            if not is_photograph:
                yield _png(image)
            for quality in _JPEG_QUALITIES:
                yield _jpeg(image, quality)
        if min(image.size) * _SHRINK < _FEWEST_PIXELS:
            return
        smaller = (round(image.width * _SHRINK), round(image.height * _SHRINK))
        image = image.resize(smaller, Image.Resampling.LANCZOS)


def _png(image: Image.Image) -> Encoded:
    file = BytesIO()
    image.save(file, "PNG", optimize=True)
    return Encoded(file.getvalue(), ".png")


def _jpeg(image: Image.Image, quality: int) -> Encoded:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
    return Encoded(file.getvalue(), ".jpg")
