"""Whole issues, made by the commands that people use, as they arrive: the demo, the real input, and awful posts."""

from __future__ import annotations

import email
import os
from email.message import EmailMessage
from email.policy import default as policy
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.sites import ISSUE, SETTINGS, SiteFolder

CONTENT = Path(__file__).parents[3] / "shared" / "content" / "proud2bops-news.txt"
ARABIC = "نشرة الأسبوع للجمعية عن الصحة والحدائق "
JAPANESE = "週報の見出しはとても長くて改行がありません。"
GERMAN = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
WIDE_TABLE = "\n".join(
    ["|" + "|".join(f" Column {number} " for number in range(12)) + "|", "|" + "---|" * 12]
    + ["|" + "|".join(f" {row * number:,} of them " for number in range(12)) + "|" for row in range(1, 5)]
)
CODE = "```\n" + "x = " + "a_very_long_name_without_a_break." * 8 + "call()\n    indented(twice)\n```"
SOUP = '<div style="width:2000px"><p align=right>half <b><i>open <table width=1500><tr><td nowrap>cell<td>cell'
VIDEO = '<iframe width="1280" height="720" src="https://www.youtube.com/embed/abc-123" title="The talk"></iframe>'
BODIES = (
    ARABIC * 12,
    "w" * 300 + " and " + "ü" * 300,
    WIDE_TABLE,
    CODE,
    "> " + "A quote that goes on and on. " * 9 + "\n>\n> > and one within it",
    JAPANESE * 20,
    "https://www.example.org/" + "path/" * 60 + "?query=" + "x" * 200,
    SOUP,
    "1. one\n   - two\n     - three\n       - four " + GERMAN + "\n\n- [ ] task\n",
    "![](https://www.example.org/no-alt.png)\n\n![A wide picture](https://www.example.org/wide.png)",
    "## A heading\n\n#### Another\n\nText with a note.[^1]\n\n" + VIDEO + "\n\n[^1]: The note.\n",
    "",
)
TITLES = (
    ARABIC,
    "T" * 300,
    "…",
    "???",
    GERMAN * 2,
    JAPANESE,
    "<b>not bold</b> & {{ braces }} *|X|*",
    "🗞️" * 40,
    "Plain",
)


class Arrived(NamedTuple):
    """What one reader got, and the web version beside it."""

    html: str
    text: str
    web_html: str
    titles: tuple[str, ...]


def arrived(folder: Path, issue: str, titles: tuple[str, ...] = ()) -> Arrived:
    (file, *_) = sorted((folder / "outbox" / issue).glob("*.eml"))
    mail = email.message_from_bytes(file.read_bytes(), policy=policy)
    assert isinstance(mail, EmailMessage)
    parts = {kind: mail.get_body((kind,)) for kind in ("html", "plain")}
    html, text = (str(part.get_content()) for part in parts.values() if isinstance(part, EmailMessage))
    return Arrived(html, text, (folder / "issues" / issue / "web.html").read_text("utf-8"), titles)


def demo(folder: Path) -> Arrived:
    """What `newsletter demo` sends."""
    site = SiteFolder(folder)
    assert site.run("demo", str(folder / "demo")).exit_code == 0
    (frozen,) = (folder / "demo" / "issues").glob("*/manifest.json")
    return arrived(folder / "demo", frozen.parent.name)


def real(folder: Path, *, schedule: str = "thu 09:00") -> Arrived:
    """The news page of the first user, imported; its issue of 16 November 2023."""
    if not CONTENT.exists():
        pytest.skip("the shared content is not beside this checkout")
    settings = SETTINGS.replace('schedule = "thu 09:00"', f'schedule = "{schedule}"')
    return _sent(SiteFolder(folder, settings=settings), content=CONTENT)


def awful(
    folder: Path, *, posts: int = 40, theme: str = "default", body: str = "full", language: str = "en-GB"
) -> Arrived:
    """Posts of everything that breaks layouts, without a local image; twelve are each kind once."""
    settings = SETTINGS.replace('title = "The week"', f'title = "The week"\ntheme = "{theme}"\nbody = "{body}"')
    settings = settings.replace('language = "en-GB"', f'language = "{language}"')
    site = SiteFolder(folder, settings=settings.replace("[digests.weekly]", "[digests.weekly]\nmax_posts = 40"))
    titles = []
    for number in range(posts):
        title = TITLES[number % len(TITLES)].strip() + (f" {number}" if number >= len(TITLES) else "")
        tags = '["One", "A tag of several words", "' + "t" * 80 + '"]'
        more = f"tags: {tags}\nauthor: {GERMAN}\nlang: en\n"
        site.post(f"p{number:02}", title=title, text=BODIES[number % len(BODIES)], more=more)
        titles.append(title)
    return _sent(site, titles=tuple(titles))


def _sent(site: SiteFolder, *, content: Path | None = None, titles: tuple[str, ...] = ()) -> Arrived:
    before = Path.cwd()
    os.chdir(site.folder)
    try:
        if content:
            assert site.run("import", "posts", str(content)).exit_code == 0
        site.readers(1)
        site.approved()
        site.facts("send", ISSUE)
    finally:
        os.chdir(before)
    return arrived(site.folder, ISSUE, titles)
