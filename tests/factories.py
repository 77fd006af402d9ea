"""Small values for tests: dull defaults; what matters stands in the test."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from newsletter.models import Entry, Issue, Post, PostContent, Reader, Section
from newsletter.settings import Settings


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def a_post(post_id: str = "guides/first-aid", **values: Any) -> Post:
    """A post, published on 14 November 2023 unless said otherwise."""
    defaults: dict[str, Any] = {
        "id": post_id,
        "title": f"Title of {post_id}",
        "published_at": utc(2023, 11, 14),
        "path": f"{post_id}.md",
        "body_format": "markdown",
        "text_sha256": "0" * 64,
        "modified_at": utc(2023, 11, 14),
        "slug": post_id.rpartition("/")[2],
    }
    return Post(**(defaults | values))


def a_content(text: str = "What it says.", **values: Any) -> PostContent:
    """The rendered text of a post: one paragraph."""
    defaults: dict[str, Any] = {"body_html": f"<p>{text}</p>", "summary_html": f"<p>{text}</p>", "summary_text": text}
    return PostContent(**(defaults | values))


def an_issue(*post_ids: str, **values: Any) -> Issue:
    """The issue of 16 November 2023 with these posts in one untitled section."""
    defaults: dict[str, Any] = {
        "id": "weekly-2023-11-16",
        "digest": "weekly",
        "due_at": utc(2023, 11, 16, 9),
        "subject": "Three new guides",
        "preheader": "And a date for your diary.",
        "sections": (Section(entries=tuple(Entry(post_id=post_id) for post_id in post_ids)),),
    }
    return Issue(**(defaults | values))


def a_site(folder: Path, **sections: Any) -> Settings:
    """Settings of a site in `folder`; sections as in newsletter.toml replace the defaults."""
    defaults: dict[str, Any] = {
        "site": {"name": "Example Network", "url": "https://news.example.org", "language": "en-GB"},
        "sender": {"email": "news@example.org", "postal_address": "1 Example Street, London"},
        "digests": {"weekly": {"title": "The week"}},
    }
    return Settings(folder=folder, **(defaults | sections))


def a_reader(name: str = "Ann Other", email: str = "ann@example.org") -> Reader:
    return Reader("s1", email, name, {})
