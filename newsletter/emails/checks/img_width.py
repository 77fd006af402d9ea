"""Outlook for Windows shows a picture in its own size unless `width` says another (caniemail html-width)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    for image in checked.images:
        if image.width_px is None:
            yield Found(
                checked.where(image.element, image.src),
                f"the picture {image.src.rpartition('/')[2][:40]} in {checked.place(image.element)} has no width in "
                "pixels; Outlook for Windows shows it in full size",
                'give it width="…" in pixels, without a unit',
            )


CHECK = Check("img-width", "warning", find)
