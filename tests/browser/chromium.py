"""A real Chromium with a mail or a page in it, cut off from the network."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
ON_A_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763b8b9693200048401fb8c81"
    "10b70000000049454e44ae426082"
)
HEIGHT = 800
BEYOND = """() => {
    const root = document.scrollingElement, room = root.clientWidth;
    if (root.scrollWidth <= room) return [];
    const isWide = (box) => box.right > room || box.left < 0;
    const wide = [...document.body.querySelectorAll("*")].filter((one) => isWide(one.getBoundingClientRect()));
    return [`${root.scrollWidth} px in ${room}`, ...wide.map((one) => one.outerHTML.slice(0, 160))];
}"""
"""What is wider than the window, if it can be scrolled sideways."""

BOXES = """() => {
    const boxes = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    const isClear = (colour) => colour === "rgba(0, 0, 0, 0)";
    const behind = (one) => {
        while (one && isClear(getComputedStyle(one).backgroundColor)) one = one.parentElement;
        return one ? getComputedStyle(one).backgroundColor : "";
    };
    while (walker.nextNode()) {
        const node = walker.currentNode, isText = node.nodeType === Node.TEXT_NODE;
        if (isText ? !node.data.trim() : node.tagName !== "IMG") continue;
        const place = document.createRange(), one = isText ? node.parentElement : node;
        place.selectNode(node);
        const {x, y, width, height} = isText ? place.getBoundingClientRect() : node.getBoundingClientRect();
        if (!width || !height || !one.checkVisibility()) continue;
        const style = getComputedStyle(one);
        const look = [style.color, style.fontSize, style.fontWeight, style.fontFamily, behind(one)];
        const what = isText ? node.data.trim().replace(/\\s+/g, " ") : `image: ${node.alt}`;
        boxes.push([what, [x, y, width, height], look]);
    }
    return boxes;
}"""
"""The texts and images that are seen, from first to last."""

Scheme = Literal["light", "dark"]


class Box(NamedTuple):
    """A text or an image on the page."""

    what: str
    place: tuple[float, ...]
    """From the left, from the top, width, height, in pixels."""
    look: tuple[str, ...]
    """Colour, size, weight and family of the letters, and the colour behind them."""


class Finding(NamedTuple):
    """One element that breaks a rule of axe."""

    rule: str
    element: str
    why: str


def chromium_path() -> str | None:
    """The browser of this machine; `CHROMIUM` names another."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    return found or (str(ON_A_MAC) if ON_A_MAC.exists() else None)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser for some tests; skips them where there is none, and fails in CI."""
    path = chromium_path()
    if path is None:
        missing = "no Chromium or Chrome on this machine (on Debian: apt install chromium)"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        # As root, in a container, Chromium's own sandbox cannot be set up.
        browser = playwright.chromium.launch(executable_path=path, chromium_sandbox=os.getuid() != 0)
        yield browser
        browser.close()


class Window:
    """Shows one page after another; whatever they ask the network for is noted, and only images are given."""

    def __init__(self, page: Page) -> None:
        self.asked: list[tuple[str, str]] = []
        """Kind and address of each request of the page that is shown."""
        self._page = page
        self.with_images = True
        page.route("**/*", self._answer)

    def show(self, html: str, *, width: int = 640, scheme: Scheme = "light", with_images: bool = True) -> None:
        self.with_images = with_images
        self.asked.clear()
        self._page.emulate_media(color_scheme=scheme)
        self._page.set_viewport_size({"width": width, "height": HEIGHT})
        self._page.set_content(html, wait_until="load")

    def _answer(self, route: Route) -> None:
        self.asked.append((route.request.resource_type, route.request.url))
        if route.request.resource_type == "image" and self.with_images:
            route.fulfill(body=PIXEL, content_type="image/png")
        else:
            route.abort()

    def beyond(self, width: int) -> list[str]:
        """The elements that make the page scroll sideways at this width, or none."""
        self._page.set_viewport_size({"width": width, "height": HEIGHT})
        return list(self._page.evaluate(BEYOND))

    def boxes(self) -> list[Box]:
        """The texts and images that are seen, in the page's order."""
        return [Box(what, tuple(place), tuple(look)) for what, place, look in self._page.evaluate(BOXES)]

    def axe(self) -> list[Finding]:
        return axe(self._page)

    def brightness_of(self, selector: str) -> float:
        """Of the background of the first such element, 0 (black) to 255."""
        found = self._page.locator(selector).first.evaluate("one => getComputedStyle(one).backgroundColor")
        red, green, blue = (int(part) for part in re.findall(r"\d+", found)[:3])
        return (red + green + blue) / 3


def axe(page: Page) -> list[Finding]:
    """What axe-core finds on the page against any of its rules that are on by default."""
    page.evaluate(AXE.read_text("utf-8"))
    violations: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [
        Finding(violation["id"], node["html"][:160], " ".join(node["failureSummary"].split())[:240])
        for violation in violations
        for node in violation["nodes"]
    ]


def without_styles(html: str) -> str:
    """What is left in Gmail's app for a mailbox of somebody else: no `<style>` at all."""
    return re.sub(r"<style\b.*?</style>", "", html, flags=re.DOTALL)


def like_outlook(html: str) -> str:
    """With what only Outlook for Windows reads, and without what it does not; Chromium knows no VML."""
    html = re.sub(r"<!--\[if !mso.*?\]>(?:<!-->|<!--\s*-->)?.*?(?:<!--\s*)?<!\[endif\]-->", "", html, flags=re.DOTALL)
    return re.sub(r"<!--\[if [^\]]*\]>(.*?)<!\[endif\]-->", r"\1", html, flags=re.DOTALL)
