"""Pictures on a phone's data plan: at most 200 KB each and 1 MB in all."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked, Image
from newsletter.emails.checks.problem import Check, Found

EACH_BYTES, ALL_BYTES, GIF_BYTES = 200_000, 1_000_000, 1_000_000


def find(checked: Checked) -> Iterator[Found]:
    sizes = {image.src: size for image in checked.images if (size := _size(checked, image)) is not None}
    for image in {image.src: image for image in checked.images}.values():
        limit = GIF_BYTES if image.src.lower().endswith(".gif") else EACH_BYTES
        if sizes.get(image.src, 0) > limit:
            name = image.src.rpartition("/")[2][:40]
            yield Found(
                checked.where(image.element, image.src, name),
                f"the picture {name} in {checked.place(image.element)} has {sizes[image.src] / 1000:,.0f} KB",
                f"save it smaller: at most {limit // 1000} KB",
            )
    if sum(sizes.values()) > ALL_BYTES:
        message = f"the pictures have {sum(sizes.values()) / 1_000_000:.1f} MB together"
        yield Found(checked.in_issue("sections:"), message, "save them smaller, or leave some out: at most 1 MB in all")


def _size(checked: Checked, image: Image) -> int | None:
    asset = checked.asset(image.src)
    return len(asset.content) if asset else None


CHECK = Check("img-size", "warning", find)
