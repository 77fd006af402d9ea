"""One browser for all tests of a worker: Playwright allows no second one in a thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import Window, launched


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's Chromium; the test is skipped where there is none."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Window]:
    """A window that shows one mail or page after another, cut off from the network."""
    page = browser.new_page()
    yield Window(page)
    page.close()
