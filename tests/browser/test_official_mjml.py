"""Mails compiled by npm's own mjml look the same as ours: mjml-python and its differences are known.

npm's mjml is no part of the product; the tests are skipped where it is not installed (`tests.node`).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import mjml
import pytest

from newsletter.emails.lines import Origin, Source
from newsletter.emails.mjml import compile_mjml
from newsletter.errors import TemplateBroken
from tests.browser import issues
from tests.browser.chromium import Box, Scheme, Window, like_outlook
from tests.browser.issues import Arrived
from tests.node import node, package

pytestmark = pytest.mark.browser

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


class Difference(NamedTuple):
    """What mjml-python makes otherwise, on a page with this in it; the patterns are found in that one's page alone."""

    what: str
    why: str
    """Why it may be so."""
    ours: str = ""
    official: str = ""
    body: str = "<mj-text>x</mj-text>"
    head: str = ""
    told: str = ""
    """What the message says that refuses it."""


SEEN_BY_NOBODY = (
    Difference(
        "each mj-style stays a block by itself; npm makes one of all",
        "better so: Gmail drops a whole block for one rule that it does not like",
        ours=r"\.a\{color:red\}\s*</style>",
        official=r"\.a\{color:red\}\s*\.b\{",
        head="<mj-style>.a{color:red}</mj-style><mj-style>.b{color:red}</mj-style>",
    ),
    Difference(
        "of several classes only the last gets -outlook in the tables for Outlook",
        "Outlook for Windows reads none of the theme's rules for them: they are media queries and for Outlook.com",
        ours=r'class="one two-outlook"',
        official=r'class="one-outlook two-outlook"',
    ),
    Difference(
        "mj-outlook-group-fix comes before the class of the width",
        "the order of classes says nothing",
        ours=r"mj-outlook-group-fix mj-column-per-100",
        official=r"mj-column-per-100 mj-outlook-group-fix",
    ),
    Difference(
        "comments for Outlook that follow each other are not made one",
        "they are joined afterwards, because bytes count to Gmail's limit",
        ours=r"<tr>\s*<!\[endif\]-->\s*<!--\[if mso \| IE\]>\s*<td",
    ),
    Difference(
        "the vertical-align of a button stands on a cell as an attribute too",
        "there is no such attribute in HTML",
        ours=r'<td[^>]*\svertical-align="middle"',
        body='<mj-button vertical-align="middle" href="#">x</mj-button>',
    ),
)
REFUSED = (
    Difference(
        "inline mj-style is not inlined",
        "posts.css is",
        ours=r'<p class="a">',
        official=r'<p class="a" style="color: red;">',
        body='<mj-text><p class="a">x</p></mj-text>',
        head='<mj-style inline="inline">.a{color:red}</mj-style>',
        told="inline",
    ),
    Difference(
        "mj-html-attributes cannot be read",
        "attributes of HTML are written where they belong",
        ours="unexpected element",
        official='data-a="1"',
        body='<mj-text css-class="a">x</mj-text>',
        head='<mj-html-attributes><mj-selector path=".a"><mj-html-attribute name="data-a">1</mj-html-attribute>'
        "</mj-selector></mj-html-attributes>",
        told="mj-html-attributes",
    ),
    Difference(
        "the title of a button is dropped",
        "the words of the button say it",
        official='title="T"',
        body='<mj-button title="T" href="#">x</mj-button>',
        told="title",
    ),
    Difference(
        "the sizes of an image are dropped",
        "pictures are made for their place",
        official='sizes="10px"',
        body='<mj-image src="x.png" srcset="y.png" sizes="10px" />',
        told="sizes",
    ),
    Difference(
        "the role of a table is dropped",
        "a table of layout is made of columns; one in mj-raw or mj-text keeps its role",
        official=r'role="presentation"[^>]*>\s*<tr>\s*<td>x',
        body='<mj-table role="presentation"><tr><td>x</td></tr></mj-table>',
        told="role",
    ),
)
"""The checks before the compiler tell these with template and line, so that no theme uses them."""
VIEWS: tuple[tuple[int, Scheme], ...] = ((640, "light"), (640, "dark"), (375, "light"))


class Official(NamedTuple):
    """npm's mjml on this machine."""

    node: str
    package: Path

    def compile(self, source: str) -> str:
        command = [self.node, "-e", COMPILE]
        done = subprocess.run(
            command, input=source, capture_output=True, encoding="utf-8", cwd=self.package, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


class Pair(NamedTuple):
    """One issue, compiled by either."""

    ours: Arrived
    official: Arrived


@pytest.fixture(scope="module")
def official() -> Official:
    """Skips the test where there is none."""
    return Official(node(), package("mjml"))


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


@pytest.mark.parametrize("known", [*SEEN_BY_NOBODY, *REFUSED], ids=lambda known: known.what)
def test_a_known_difference_of_mjml_python_is_still_one(official: Official, known: Difference) -> None:
    made, wanted = by_mjml_python(page(known)), official.compile(page(known))

    assert known.ours or known.official
    assert not known.ours or (re.search(known.ours, made) and not re.search(known.ours, wanted))
    assert not known.official or (re.search(known.official, wanted) and not re.search(known.official, made))


@pytest.mark.parametrize("known", REFUSED, ids=lambda known: known.what)
def test_what_mjml_python_would_lose_is_refused_before_it_is_lost(known: Difference) -> None:
    with pytest.raises(TemplateBroken, match=known.told):
        compile_mjml(Source(page(known), ""), slot_prefix="slot0", broken=broken)


def broken(problem: str, origin: Origin | None) -> TemplateBroken:
    return TemplateBroken(problem, template="x.mjml.j2", line=origin.line if origin else None)


def page(known: Difference) -> str:
    section = f'<mj-section css-class="one two"><mj-column>{known.body}</mj-column></mj-section>'
    return f"<mjml><mj-head>{known.head}</mj-head><mj-body>{section}</mj-body></mjml>"


def by_mjml_python(source: str) -> str:
    """The page, or what it says when it cannot make one."""
    try:
        return str(mjml.mjml2html(source, fonts={}, disable_comments=True))
    except ValueError as error:
        return str(error)


def different(ours: list[Box], official: list[Box]) -> list[tuple[Box, Box]]:
    """The boxes that are not alike, first ours; their number must be the same."""
    assert len(ours) == len(official) > 0
    return [(one, other) for one, other in zip(ours, official, strict=True) if not alike(one, other)]


def alike(one: Box, other: Box) -> bool:
    near = all(abs(here - there) <= TOLERANCE_PX for here, there in zip(one.place, other.place, strict=True))
    return near and (one.what, one.look) == (other.what, other.look)
