"""A picture that nobody can load: its file is missing, or (with --online) its address answers with something else."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    for image in checked.images:
        name = f"the picture {image.src[:80]} in {checked.place(image.element)}"
        if checked.is_our_picture(image.src):
            if checked.asset(image.src) is None:
                yield Found(checked.where(image.element, image.src), f"{name} is missing: it was not made", _FIX)
            continue
        answer = (checked.answers or {}).get(image.src)
        if answer is None:
            continue
        if answer.status != 200:
            level = "error" if answer.is_gone or answer.status in (404, 410) else "warning"
            said = answer.reason or f"HTTP {answer.status}"
            found = Found(checked.where(image.element, image.src), f"{name} cannot be loaded: {said}", _FIX)
            yield found._replace(level="error" if level == "error" else "warning")
        elif answer.media_type and not answer.media_type.startswith("image/"):
            message = f"{name} is no picture but {answer.media_type}"
            yield Found(checked.where(image.element, image.src), message, _FIX)


_FIX = "put the picture there, or take it out of the post"
CHECK = Check("img-reachable", "error", find)
