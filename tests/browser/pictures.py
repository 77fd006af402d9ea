"""Pictures of mails, for looking at a change of the theme: `python -m tests.browser.pictures build/pictures`.

Takes the golden digest, or the mails named behind the folder (`issues/<id>/email.html`), at each width, in light, in
dark, in the dark that a browser forces upon pages without dark styles, and with images off. With `--changes` it takes
each golden mail that is not as it was at the last commit, before and after (see `changes`).
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Page, Route, sync_playwright

from tests.browser.chromium import Scheme, chromium_path

WIDTHS = (320, 375, 640)
GOLDEN = Path(__file__).parents[1] / "golden"


class View(NamedTuple):
    name: str
    scheme: Scheme = "light"
    is_forced: bool = False
    with_images: bool = True


VIEWS = (
    View("light"),
    View("dark", "dark"),
    View("forced-dark", is_forced=True),
    View("no-images", with_images=False),
)


@contextmanager
def opened(view: View) -> Iterator[Page]:
    """A page of a browser that shows mails in this view; images come from this machine or not at all."""
    arguments = ["--enable-features=WebContentsForceDark"] if view.is_forced else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), chromium_sandbox=os.getuid() != 0, args=arguments
        )
        page = browser.new_page(color_scheme=view.scheme)
        page.route("**/*", lambda route: _answer(route, with_images=view.with_images))
        yield page
        browser.close()


def _answer(route: Route, *, with_images: bool) -> None:
    is_local = route.request.url.startswith(("file:", "data:", "http://127.0.0.1"))
    is_wanted = route.request.resource_type != "image" or with_images
    if is_local and is_wanted:
        route.continue_()
    else:
        route.abort()


def _seen(html: str, view: View) -> str:
    """What such a client sees: one that inverts by force (Gmail, Outlook for Windows) knows no dark rules."""
    return re.sub("prefers-color-scheme|color-scheme", "unknown-to-it", html) if view.is_forced else html


def take(mails: list[Path], into: Path) -> list[Path]:
    """Write one PNG for each mail, view and width; their paths."""
    into.mkdir(parents=True, exist_ok=True)
    taken = []
    for view in VIEWS:
        with opened(view) as page:
            for mail in mails:
                page.set_content(_seen(mail.read_text("utf-8"), view), wait_until="load")
                for width in WIDTHS:
                    page.set_viewport_size({"width": width, "height": 800})
                    taken.append(into / f"{_name(mail)}-{view.name}-{width}.png")
                    page.screenshot(path=taken[-1], full_page=True)
    return taken


def _name(mail: Path) -> str:
    """Of an issue's mail its id, else the file's."""
    return mail.parent.name if mail.name == "email.html" else mail.stem


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("mails", type=Path, nargs="*", help="default: the golden mails")
    parser.add_argument(
        "--changes", nargs="?", const="HEAD", metavar="REVISION", help="before and after; default: HEAD"
    )
    chosen = parser.parse_args()
    if chosen.changes:
        from tests.browser.changes import changes, take_changes

        taken = take_changes(changes(GOLDEN, chosen.changes), chosen.folder)
    else:
        taken = take(chosen.mails or sorted(GOLDEN.glob("*.html")), chosen.folder)
    print("\n".join(map(str, taken)) or "nothing to be seen")  # noqa: T201 - run by hand, it names its pictures


if __name__ == "__main__":
    main()
