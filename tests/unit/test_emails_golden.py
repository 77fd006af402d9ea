"""Small digests as they were when somebody last looked at them: one in each theme, and one of awful posts.

After a change that is meant: `UPDATE_GOLDEN=1 pytest tests/unit/test_emails_golden.py`, then look at the difference, as
text and as pictures (`python -m tests.browser.pictures build/pictures --changes`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from newsletter.emails.fields import fields_of
from newsletter.emails.images import Pictures, Rules
from newsletter.emails.markers import filled
from newsletter.emails.render import render
from newsletter.models import Email, Entry, Post, PostContent, Section
from newsletter.posts.content import render_content
from tests.factories import a_content, a_post, a_reader, a_site, an_issue

GOLDEN = Path(__file__).parent.parent / "golden"
AWFUL = {
    "🗞️ نشرة الأسبوع": "نص قصير عن الصحة والحدائق.\n\n> اقتباس\n\n- واحد\n- اثنان\n",
    "…": "w" * 120 + "\n\n" + "| Wide " * 9 + "|\n" + "|---" * 9 + "|\n" + "| 1 " * 9 + "|\n",
    "<b>not bold</b> & {{ braces }}": "```\nif a < b:\n    x  =  1\n```\n\n| A | B |\n|---|---|\n| 1 | `2` |\n",
    "週報の見出しはとても長くて改行がありません。": "本文です。\n\n![図](https://www.example.org/zu.png)\n",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk": "## Kopf\n\n1. eins\n   - zwei\n\nText.[^1]\n\n[^1]: N.\n",
    "Video": '<iframe src="https://www.youtube.com/embed/abc-123" title="The talk"></iframe>\n\n<p>open <b>x',
}
"""Title → Markdown."""


def digest(folder: Path, theme: str = "default") -> Email:
    """A digest of two posts."""
    garden = a_post("diary/garden", title="Open garden", authors=("Ann Other",), tags=("Diary",))
    guide = a_post("guide", title="Pruning roses — a guide", url="https://www.example.org/roses")
    posts = {
        "diary/garden": (garden, a_content("Come and see.", body_html="<p>Come and see.</p><p>Tea at four.</p>")),
        "guide": (guide, a_content('Cut <em>above</em> a bud; see <a href="https://x.example/why">why</a>.')),
    }
    sections = (
        Section(title="Guides", entries=(Entry(post_id="guide"),)),
        Section(entries=(Entry(post_id="diary/garden"),)),
    )
    issue = an_issue(sections=sections, intro="Spring is **here**.", subject="Roses, and an open garden")
    settings = a_site(folder, digests={"weekly": {"title": "The week", "theme": theme}})
    return render(issue, posts, settings=settings, nonce="n0Nce42")


def awful(folder: Path) -> Email:
    """Whole posts of what breaks mails."""
    posts: dict[str, tuple[Post, PostContent]] = {}
    for number, (title, text) in enumerate(AWFUL.items()):
        (folder / f"p{number}.md").write_text(text, "utf-8")
        post = a_post(f"p{number}", title=title, tags=("One", "t" * 40), authors=("A" * 40,))
        posts[post.id] = (post, render_content(post, folder=folder))
    settings = a_site(folder, digests={"weekly": {"title": "The week", "body": "full"}})
    # A picture's name is the hash of its bytes, which another version of Pillow may write otherwise.
    pictures = Pictures({}, Rules(address=lambda name: f"https://news.example.org/a{Path(name).suffix}"))
    return render(an_issue(*posts), posts, settings=settings, nonce="n0Nce42", pictures=pictures)


def parts(email: Email) -> dict[str, str]:
    """The parts, merged for one reader, by their suffix."""
    urls = {"unsubscribe_url": "https://news.example.org/u/1", "web_url": "https://news.example.org/issues/1"}
    copy = filled(email, fields_of(a_reader(), delivery_id="d1", **urls))
    return {".html": re.sub(r"(?<=>)(?=<)", "\n", copy.html), ".txt": copy.text}


def test_a_digest_looks_as_it_did(tmp_path: Path) -> None:
    check("digest", parts(digest(tmp_path)))


@pytest.mark.parametrize("theme", ["plain", "magazine"])
def test_it_looks_as_it_did_in_the_other_themes(tmp_path: Path, theme: str) -> None:
    check(theme, {".html": parts(digest(tmp_path, theme))[".html"]})


def test_awful_posts_look_as_they_did(tmp_path: Path) -> None:
    check("awful", parts(awful(tmp_path)))


def test_the_web_version_looks_as_it_did(tmp_path: Path) -> None:
    web_html = digest(tmp_path).web_html

    # The styles are shared by all pages.
    check("web", {".html": re.sub(r"<style>.*?</style>", "<style></style>", web_html, flags=re.DOTALL)})


def check(name: str, made: dict[str, str]) -> None:
    """They are the golden ones, or become so where that is wanted."""
    if os.environ.get("UPDATE_GOLDEN"):
        for suffix, part in made.items():
            (GOLDEN / f"{name}{suffix}").write_text(part, "utf-8")

    assert made == {suffix: (GOLDEN / f"{name}{suffix}").read_text("utf-8") for suffix in made}
