"""Twice the shown width is sharp on every phone; less than 1.5 times is blurred, more than 3 wastes data."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.picture_size import width_of
from newsletter.emails.checks.problem import Check, Found

LEAST, MOST = 1.5, 3.0
SMALLEST_PX = 8
"""A spacer or a line is no picture."""


def find(checked: Checked) -> Iterator[Found]:
    for image in checked.images:
        asset = checked.asset(image.src)
        file_px = width_of(asset.content) if asset else None
        if asset is None or file_px is None or not image.width_px or image.width_px < SMALLEST_PX:
            continue
        if not LEAST <= file_px / image.width_px <= MOST:
            how = "blurred on phones" if file_px < image.width_px * LEAST else "far more than any screen shows"
            yield Found(
                checked.where(image.element, image.src, asset.name),
                f"the picture {asset.name} in {checked.place(image.element)} is {file_px} pixels wide and shown in "
                f"{image.width_px}: {how}",
                f"use a file that is about {image.width_px * 2} pixels wide",
            )


CHECK = Check("img-retina", "warning", find)
