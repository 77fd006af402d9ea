"""Pictures in words (WCAG 1.1.1): most readers see the mail without pictures at first, some always."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked, Image
from newsletter.emails.checks.problem import Check, Found

LONGEST = 200
_FILE_NAME = re.compile(
    r"\S+\.(?:jpe?g|png|gif|webp|svg|heic)|(?:img|dsc|image|photo|screenshot)[_ -]?\d+", re.IGNORECASE
)
_SAYS_NOTHING = frozenset({"image", "picture", "photo", "logo", "img", "banner", "bild", "foto", "imagen", "graphic"})


def find(checked: Checked) -> Iterator[Found]:
    for image in checked.images:
        alt = (image.alt or "").strip()
        if image.alt is None:
            yield _told(checked, image, "has no alt, so screen readers say the file's name", "error")
        elif not alt and _is_all_of_a_link(image):
            yield _told(
                checked, image, "is all that a link holds and has no alt, so nobody hears where it leads", "error"
            )
        elif not alt and checked.pictures is None and checked.post_of(image.element):
            # Of a draft it is known whether the author meant it so: see the check `pictures`.
            yield _told(checked, image, "has no alternative text; with images off nothing is there", "warning")
        elif _FILE_NAME.fullmatch(alt) or alt.lower() in _SAYS_NOTHING:
            yield _told(checked, image, f"says “{alt}”, which describes nothing", "warning")
        elif len(alt) > LONGEST:
            yield _told(
                checked, image, f"is described in {len(alt)} characters; screen readers say them all", "warning"
            )


def _told(checked: Checked, image: Image, what: str, level: str) -> Found:
    name = image.src.rpartition("/")[2][:40]
    return Found(
        checked.where(image.element, image.src, name),
        f"the picture {name} in {checked.place(image.element)} {what}",
        "describe it in one short sentence: ![what it shows](address), or image_alt in the front matter",
        "error" if level == "error" else "warning",
    )


def _is_all_of_a_link(image: Image) -> bool:
    link = next(image.element.iterancestors("a"), None)
    return (
        link is not None
        and not link.text_content().strip()
        and not any((other.get("alt") or "").strip() for other in link.iter("img"))
    )


CHECK = Check("img-alt", "error", find)
