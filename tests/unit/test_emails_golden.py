"""One small digest as it was when somebody last looked at it.

After a change that is meant: `UPDATE_GOLDEN=1 pytest tests/unit/test_emails_golden.py`, then look at the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from newsletter.emails import merge
from newsletter.emails.render import render
from newsletter.models import Entry, Section
from tests.factories import a_content, a_post, a_reader, a_site, an_issue

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, str]:
    """The parts of a digest of two posts, merged for one reader."""
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
    email = render(issue, posts, settings=a_site(tmp_path), nonce="n0Nce42")
    urls = {"unsubscribe_url": "https://news.example.org/u/1", "web_url": "https://news.example.org/issues/1"}
    copy = merge.filled(email, merge.fields(a_reader(), delivery_id="d1", **urls))
    web = re.sub(r"<style>.*?</style>", "<style></style>", email.web_html, flags=re.DOTALL)  # shared by all pages
    return {"digest.html": re.sub(r"(?<=>)(?=<)", "\n", copy.html), "digest.txt": copy.text, "web.html": web}


@pytest.mark.parametrize("name", ["digest.html", "digest.txt", "web.html"])
def test_the_digest_looks_as_it_did(parts: dict[str, str], name: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(parts[name], "utf-8")

    assert parts[name] == path.read_text("utf-8")
