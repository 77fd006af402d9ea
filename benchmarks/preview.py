"""How long an editor waits at the desk, next to the rendering alone: `python benchmarks/preview.py`.

Two sites with the same draft of 30 posts: one with nothing else, one with 1,000 posts and 200 past issues. `first` is
the first view after the desk was opened, page and mail; `edit` is from an edit until the new mail is there; both over
HTTP, by the wall, the best of several runs: what a busy machine adds is not ours. `mail` is the mail made once, with
nothing around it: the ratios say what the desk adds and stay comparable on a slower machine. With a Chromium, `typed`
is what an editor really waits: from the last key until the words are in the frame, with the 0.12 s in which the desk
waits for another key; the page itself looks at every frame that is drawn, for a look from outside comes half a second
late.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).parent.parent))

from newsletter.app import open_site
from newsletter.models import IssueState
from newsletter.pipeline.build import build
from newsletter.pipeline.preview import preview
from newsletter.pipeline.site import Site
from newsletter.web.preview.guard import TOKEN_HEADER
from tests.browser.chromium import chromium_path
from tests.served import NOW, served
from tests.sites import SiteFolder

ISSUE = "weekly-2023-11-16"
WORDS = "Some words of a paragraph, [a link](https://www.example.org/more), and *what* followed. " * 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    chosen = parser.parse_args()
    print(f"{'site':>22} {'mail ms':>8} {'first ms':>9} {'ratio':>6} {'edit ms':>8} {'ratio':>6} {'typed ms':>9}")
    for name, posts, issues in (("30 posts", 30, 0), ("1,000 posts, 200 issues", 1000, 200)):
        with tempfile.TemporaryDirectory() as folder:
            print(_line(name, _made(Path(folder), posts, issues), chosen.runs))


def _line(name: str, folder: Path, runs: int) -> str:
    with open_site(folder) as site:
        mail_ms = _best_ms(lambda: preview(site, ISSUE, now=NOW), runs)
    first_ms = min(_first_view_ms(folder) for _ in range(runs))
    edit_ms, typed_ms = _edit_ms(folder, runs)
    typed = f"{typed_ms:9.0f}" if typed_ms else "        –"
    ratios = (first_ms / mail_ms, edit_ms / mail_ms)
    return f"{name:>22} {mail_ms:8.0f} {first_ms:9.0f} {ratios[0]:6.2f} {edit_ms:8.0f} {ratios[1]:6.2f} {typed}"


def _made(folder: Path, posts: int, issues: int) -> Path:
    """The draft takes the 30 newest posts; the others are older, many of them in issues that were sent."""
    site = SiteFolder(folder, now=NOW.isoformat())
    for number in range(posts):
        day = NOW - timedelta(hours=3 * number) if number < 30 else NOW - timedelta(days=8 + number)
        site.post(f"p{number:04}", on=f"{day:%Y-%m-%dT%H:%M:%SZ}", title=f"Post number {number}", text=WORDS)
    with open_site(folder) as opened:
        for number in range(issues):
            _past(opened, number)
        build(opened, "weekly", on="2023-11-16", now=NOW)
    return folder


def _past(site: Site, number: int) -> None:
    """A row of an issue that went out, as the list shows it."""
    due_at = datetime(2023, 11, 9, 9, tzinfo=UTC) - timedelta(weeks=number)
    issue = f"weekly-{due_at:%Y-%m-%d}"
    site.store.issues.begin_draft(issue, digest="weekly", due_at=due_at, now=due_at)
    used = [f"p{place:04}" for place in range(30 + 4 * number, 34 + 4 * number)]
    site.store.issues.approve(issue, manifest_sha256="0" * 64, post_ids=used, left_over=(), now=due_at)
    site.store.issues.move(issue, {IssueState.APPROVED}, IssueState.SENT, now=due_at, began_at=due_at, ended_at=due_at)


@contextmanager
def _at_the_desk(folder: Path) -> Iterator[tuple[str, requests.Session]]:
    with served(SiteFolder(folder)) as found, requests.Session() as session:
        session.headers[TOKEN_HEADER] = found.token
        yield found.url, session


def _first_view_ms(folder: Path) -> float:
    with _at_the_desk(folder) as (url, session):
        return _ms(lambda: _view(url, session))


def _view(url: str, session: requests.Session) -> tuple[str, str]:
    """The page and, as it names it, the mail."""
    page = session.get(f"{url}/issues/{ISSUE}").text
    found = re.search(r'data-src="([^"]+)"', page)
    assert found, page[:500]
    return page, session.get(url + found[1].replace("&amp;", "&")).text


def _edit_ms(folder: Path, runs: int) -> tuple[float, float | None]:
    with _at_the_desk(folder) as (url, session):
        editing = _Editing(url, session)
        edit_ms = min(_ms(editing.edit) for _ in range(runs))
        path = chromium_path()
        return edit_ms, _typed_ms(url, path, runs) if path else None


class _Editing:
    """One edit after another, each with the version that the one before gave."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self._url, self._session, self._count = url, session, 0
        found = re.search(r'data-version="(\w+)"', _view(url, session)[0])
        assert found
        self._version = found[1]

    def edit(self) -> None:
        self._count += 1
        words = f"An introduction, written {self._count} times."
        edit = {"version": self._version, "edit": {"do": "intro", "markdown": words}}
        self._version = self._session.post(f"{self._url}/issues/{ISSUE}/edits", json=edit).json()["version"]
        assert words in _view(self._url, self._session)[1]


SEEN = """(words) => new Promise((seen) => {
  const look = () => {
    const mail = document.querySelector("#stage iframe:not(.is-waiting)")?.contentDocument?.body;
    if (mail?.textContent.includes(words)) seen();
    else requestAnimationFrame(look);
  };
  look();
})"""


def _typed_ms(url: str, path: str, runs: int) -> float:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, chromium_sandbox=False)
        page = browser.new_page()
        page.goto(f"{url}/issues/{ISSUE}")
        expect(page.locator("[data-is-checked=no]")).to_have_count(0)

        def typed(number: int) -> float:
            page.get_by_label("Introduction").fill(f"Words {number}")
            page.evaluate(SEEN, f"Words {number}")
            page.locator("[data-is-checked=yes]").wait_for(state="attached")
            began = time.perf_counter()
            page.get_by_label("Introduction").press_sequentially("!")
            page.evaluate(SEEN, f"Words {number}!")
            return (time.perf_counter() - began) * 1000

        found = [typed(number) for number in range(runs)]
        browser.close()
    return min(found)


def _best_ms(work: Callable[[], object], runs: int) -> float:
    work()
    return min(_ms(work) for _ in range(runs))


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
