"""What a change of the theme does, as pictures: each golden mail as it was and as it is, side by side.

`python -m tests.browser.pictures build/pictures --changes` compares with the last commit, `--changes=main` with another
revision. What differs has a frame around it, on either side; what only moved down has none.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from difflib import SequenceMatcher
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw
from playwright.sync_api import Page

from tests.browser.pictures import VIEWS, View, opened

WIDTHS = (375, 640)
SCHEMES = ("light", "dark")
FRAME = (230, 0, 120)
BETWEEN = (128, 128, 128)
GAP = 16
"""Pixels between the two pictures; changes closer than that get one frame."""


class Change(NamedTuple):
    """A mail that is not as it was; empty where it was not there, or is no longer."""

    name: str
    before: str
    after: str


class Area(NamedTuple):
    """Rows and columns of a picture, each from a first one to one behind the last."""

    top: int
    bottom: int
    left: int
    right: int


def changes(golden: Path, revision: str) -> list[Change]:
    """The mails in this folder that differ from those of a git revision, by name."""
    listed = _git(golden, "ls-tree", "--name-only", revision).decode().split()
    names = sorted({path.name for path in golden.glob("*.html")} | {name for name in listed if name.endswith(".html")})
    found = []
    for name in names:
        before = _git(golden, "show", f"{revision}:./{name}").decode() if name in listed else ""
        after = (golden / name).read_text("utf-8") if (golden / name).exists() else ""
        if before != after:
            found.append(Change(name.removesuffix(".html"), before, after))
    return found


def _git(folder: Path, *words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=folder, check=True, stdout=subprocess.PIPE).stdout


def take_changes(
    found: list[Change], into: Path, *, page_in: Callable[[View], AbstractContextManager[Page]] = opened
) -> list[Path]:
    """Write one PNG for each change that can be seen, scheme and width; their paths."""
    into.mkdir(parents=True, exist_ok=True)
    taken = []
    for view in (view for view in VIEWS if view.name in SCHEMES):
        with page_in(view) as page:
            for change in found:
                for width in WIDTHS:
                    picture = side_by_side(_picture(page, change.before, width), _picture(page, change.after, width))
                    if picture is not None:
                        taken.append(into / f"{change.name}-{view.name}-{width}-change.png")
                        picture.save(taken[-1])
    return taken


def _picture(page: Page, html: str, width: int) -> Image.Image:
    page.set_viewport_size({"width": width, "height": 800})
    page.set_content(html, wait_until="load")
    return Image.open(BytesIO(page.screenshot(full_page=True))).convert("RGB")


# --- two pictures ----------------------------------------------------------------------------------------------


def side_by_side(before: Image.Image, after: Image.Image) -> Image.Image | None:
    """Both in one picture, with frames around what differs; None where they look the same."""
    areas = list(differing(before, after))
    if not areas:
        return None
    both = Image.new("RGB", (before.width + GAP + after.width, max(before.height, after.height)), BETWEEN)
    both.paste(before, (0, 0))
    both.paste(after, (before.width + GAP, 0))
    pen = ImageDraw.Draw(both)
    for left, right in areas:
        _frame(pen, left, 0)
        _frame(pen, right, before.width + GAP)
    return both


def differing(before: Image.Image, after: Image.Image) -> Iterator[tuple[Area, Area]]:
    """What differs, as it was and as it is; rows that were only moved are the same."""
    rows = SequenceMatcher(None, _rows(before), _rows(after), autojunk=False)
    for top, bottom, new_top, new_bottom in _joined(rows):
        old = before.crop((0, top, before.width, bottom))
        new = after.crop((0, new_top, after.width, new_bottom))
        box = ImageChops.difference(old, new).getbbox() if old.size == new.size else None
        left, right = (box[0], box[2]) if box else (0, max(before.width, after.width))
        yield Area(top, bottom, left, right), Area(new_top, new_bottom, left, right)


def _rows(image: Image.Image) -> list[bytes]:
    pixels, length = image.tobytes(), image.width * 3
    return [pixels[start : start + length] for start in range(0, len(pixels), length)]


def _joined(rows: SequenceMatcher[bytes]) -> list[tuple[int, int, int, int]]:
    joined: list[tuple[int, int, int, int]] = []
    for kind, top, bottom, new_top, new_bottom in rows.get_opcodes():
        if kind == "equal":
            continue
        if joined and top - joined[-1][1] < GAP:
            top, new_top = joined[-1][0], joined[-1][2]
            joined.pop()
        joined.append((top, bottom, new_top, new_bottom))
    return joined


def _frame(pen: ImageDraw.ImageDraw, area: Area, left: int) -> None:
    box = (left + area.left - 3, area.top - 3, left + area.right + 2, area.bottom + 2)
    pen.rectangle((max(left, box[0]), max(0, box[1]), box[2], max(box[3], box[1] + 3)), outline=FRAME, width=2)
