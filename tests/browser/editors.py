"""An editor in a test: a site at the desk, served on loopback, and a browser that has it open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, FrameLocator, Locator, Page, Route, expect

from newsletter.web.preview.desk import Desk
from newsletter.web.preview.guard import Admission
from tests.served import NOW, served
from tests.sites import ISSUE, Said, SiteFolder

PATIENCE_MS = 30_000
"""Nothing of what is waited for takes a second; a crowded machine may take longer, and is no reason to fail."""
expect.set_options(timeout=PATIENCE_MS)
SHOWN = "#stage iframe:not(.is-waiting)"


@dataclass
class Editor:
    """What a story is told with."""

    site: SiteFolder
    desk: Desk
    url: str
    token: str
    """What a write must bring."""
    page: Page
    strangers: list[str]
    """Addresses on other servers that the page asked for."""
    files: dict[Path, bytes]
    """As they were at first."""

    def open(self, path: str = f"/issues/{ISSUE}") -> None:
        self.page.goto(self.url + path)
        expect(self.page.locator("#live")).to_have_text("Live")

    def begin_again(self) -> None:
        """Every file as it was at first, and no page open."""
        self.page.goto("about:blank")
        for path, content in self.files.items():
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)
        for path in (self.site.folder / "posts").iterdir():
            if path not in self.files:
                path.unlink()

    def deafen(self) -> None:
        """The page hears of no change any more, as if it happened in this very moment."""
        self.page.evaluate("dispatchEvent(new Event('pagehide'))")

    def write_issue(self, text: str) -> None:
        """As another program saves the file: whole, at once."""
        new = self.site.write(f"issues/{ISSUE}/.new", text)
        new.replace(new.with_name("issue.md"))

    def expect_titles(self, *titles: str) -> None:
        """The posts in the order in which the page lists them."""
        expect(self.page.locator("[data-post] .post-title")).to_have_text(list(titles))

    def top_of(self, one: Locator) -> tuple[float, float]:
        box = one.bounding_box()
        assert box is not None
        return box["x"] + 20, box["y"] + 2

    def ask(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()
        expect(self.dialog).to_be_visible()

    @property
    def dialog(self) -> Locator:
        """The question that is asked."""
        return self.page.locator("dialog[open]")

    def approve(self) -> None:
        self.open()
        self.ask("Approve…")
        self.dialog.get_by_role("button", name="Approve it").click()
        expect(self.page.locator(".facts")).to_contain_text("Approved")

    def run(self, *words: str) -> Said:
        """A command beside the desk."""
        return self.site.run(*words, "--site", str(self.site.folder))

    @property
    def frame(self) -> FrameLocator:
        """The mail that is shown."""
        return self.page.frame_locator(SHOWN)

    def expect_mail(self, words: str) -> None:
        expect(self.frame.locator("body")).to_contain_text(words)

    def expect_loaded(self, look: str) -> None:
        """Waits until the mail is shown as this part of an address says."""
        expect(self.page.locator(SHOWN)).to_have_attribute("src", re.compile(re.escape(look)))

    def expect_checked(self) -> None:
        expect(self.page.locator("[data-is-checked=no]")).to_have_count(0)

    def brightness(self) -> float:
        """Of the mail's background, 0 (black) to 255."""
        return self._mean("backgroundColor", "body")

    def ink(self) -> float:
        """Of its first heading's letters."""
        return self._mean("color", "h1")

    def _mean(self, name: str, selector: str) -> float:
        colour = self.frame.locator(selector).first.evaluate(f"one => getComputedStyle(one).{name}")
        red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
        return (red + green + blue) / 3

    @property
    def issue_md(self) -> str:
        return self.site.read(f"issues/{ISSUE}/issue.md")

    def expect_file(self, is_so: Callable[[str], bool]) -> None:
        """Waits until the page has written it."""
        for _ in range(PATIENCE_MS // 50):
            if is_so(self.issue_md):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(self.issue_md)


@contextmanager
def at_the_desk(site: SiteFolder, browser: Browser, *, admission: Admission | None = None) -> Iterator[Editor]:
    """The site at the desk, and a page of a browser that notes what it asks elsewhere."""
    with served(site, admission=admission) as found:
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        try:
            page, strangers = context.new_page(), list[str]()
            page.route("**/*", lambda route: _only_ours(route, found.url, strangers))
            page.set_default_timeout(PATIENCE_MS)
            yield Editor(site, *found, page, strangers, _files(site.folder))
        finally:
            context.close()


def _files(folder: Path) -> dict[Path, bytes]:
    found = [*folder.glob("posts/*"), *folder.glob("issues/*/*.md")]
    return {path: path.read_bytes() for path in found}


def _only_ours(route: Route, url: str, strangers: list[str]) -> None:
    if urlsplit(route.request.url).netloc == urlsplit(url).netloc:
        route.continue_()
    else:
        strangers.append(route.request.url)
        route.abort()


def a_site(folder: Path, *, posts: int = 4) -> SiteFolder:
    """Some posts, three readers, and the draft of the issue; the clock stands an hour before it is due."""
    site = SiteFolder(folder, now=NOW.isoformat())
    for number in range(posts):
        site.post(f"p{number}", on=f"2023-11-{10 + number}", title=f"Post number {number}")
    site.write("readers.csv", "email,name\n" + "".join(f"reader{n}@example.net,Reader {n}\n" for n in range(3)))
    said = site.run("subscribers", "import", str(folder / "readers.csv"), "--site", str(folder))
    assert said.exit_code == 0, said.err
    if posts:
        drafted(site)
    return site


def drafted(site: SiteFolder) -> None:
    """The draft made, or refreshed."""
    said = site.run("build", "weekly", "--on", "2023-11-16", "--site", str(site.folder))
    assert said.exit_code == 0, said.err
