"""Mails compiled by npm's own mjml look the same as ours: mjml-python and its differences are known.

npm's mjml is no part of the product; the tests are skipped where it is not installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import mjml
import pytest

from tests.browser import issues
from tests.browser.chromium import Box, Scheme, Window, launched, like_outlook
from tests.browser.issues import Arrived

pytestmark = pytest.mark.browser

CHECKOUT = Path(__file__).parents[2]
INSTALL = "npm install --no-save mjml@4.18.0"
COMPILE = """
const fs = require("fs"), source = fs.readFileSync(0, "utf8");
Promise.resolve(require("mjml")(source, {fonts: {}, keepComments: false, validationLevel: "strict"}))
    .then((made) => process.stdout.write(made.html));
"""
TOLERANCE_PX = 1.0
MAKERS: dict[str, Callable[[Path], Arrived]] = {
    "demo": issues.demo,
    "arabic": lambda folder: issues.awful(folder, posts=9, language="ar"),
    "plain": lambda folder: issues.awful(folder, posts=9, theme="plain"),
    "magazine": lambda folder: issues.awful(folder, posts=9, theme="magazine", body="summary"),
}
VIEWS: tuple[tuple[int, Scheme], ...] = ((640, "light"), (640, "dark"), (375, "light"))


class Official(NamedTuple):
    """npm's mjml on this machine."""

    node: str
    environ: dict[str, str]

    def run(self, script: str, source: str = "") -> subprocess.CompletedProcess[str]:
        command = [self.node, "-e", script]
        return subprocess.run(
            command, input=source, capture_output=True, encoding="utf-8", cwd=CHECKOUT, env=self.environ, check=False
        )

    def compile(self, source: str) -> str:
        done = self.run(COMPILE, source)
        assert done.returncode == 0, done.stderr
        return done.stdout


class Pair(NamedTuple):
    """One issue, compiled by either."""

    ours: Arrived
    official: Arrived


@pytest.fixture(scope="module")
def official() -> Official:
    """npm's mjml 4 from the checkout's node_modules, NODE_PATH or `npm root -g`; skips the test without it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node:
        pytest.skip(f"no Node on this machine; to compare with the official mjml, install Node and run: {INSTALL}")
    root = (
        subprocess.run([npm, "root", "-g"], capture_output=True, text=True, check=False).stdout.strip() if npm else ""
    )
    paths = [path for path in (os.environ.get("NODE_PATH"), root) if path]
    found = Official(node, {**os.environ, "NODE_PATH": os.pathsep.join(paths)})
    version = found.run('process.stdout.write(require("mjml/package.json").version)').stdout
    if not version.startswith("4."):
        pytest.skip(f"npm's mjml 4 is not installed (found: {version or 'none'}); in the checkout run: {INSTALL}")
    return found


@pytest.fixture(scope="module")
def window() -> Iterator[Window]:
    """A browser window; the test is skipped where there is no browser."""
    with launched() as window:
        yield window


@pytest.fixture(scope="module", params=MAKERS)
def pair(request: pytest.FixtureRequest, official: Official, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """One issue after another, made twice."""

    def compiled(source: str, **_options: object) -> str:
        return official.compile(source)

    make = MAKERS[request.param]
    folder = tmp_path_factory.mktemp("made")
    ours = make(folder / "ours")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mjml, "mjml2html", compiled)
        return Pair(ours, make(folder / "official"))


def test_the_official_mjml_makes_a_mail_that_looks_the_same(window: Window, pair: Pair) -> None:
    assert pair.ours.html != pair.official.html
    for width, scheme in VIEWS:
        window.show(pair.ours.html, width=width, scheme=scheme)
        ours = window.boxes()
        window.show(pair.official.html, width=width, scheme=scheme)

        assert different(ours, window.boxes()) == [], (width, scheme)


def test_the_tables_for_outlook_look_the_same(window: Window, pair: Pair) -> None:
    window.show(like_outlook(pair.ours.html))
    ours = window.boxes()
    window.show(like_outlook(pair.official.html))

    assert different(ours, window.boxes()) == []


def different(ours: list[Box], official: list[Box]) -> list[tuple[Box, Box]]:
    """The boxes that are not alike, first ours; their number must be the same."""
    assert len(ours) == len(official) > 0
    return [(one, other) for one, other in zip(ours, official, strict=True) if not alike(one, other)]


def alike(one: Box, other: Box) -> bool:
    near = all(abs(here - there) <= TOLERANCE_PX for here, there in zip(one.place, other.place, strict=True))
    return near and (one.what, one.look) == (other.what, other.look)
