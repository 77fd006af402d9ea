"""Small values for tests: dull defaults; what matters stands in the test."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from newsletter.models import Post


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
