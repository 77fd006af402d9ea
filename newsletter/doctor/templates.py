"""The theme of each digest: a made-up issue is rendered with it, as `build` would."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from newsletter.doctor.finding import Examined, Finding
from newsletter.emails.render import render
from newsletter.errors import NewsletterError, TemplateBroken
from newsletter.models import Entry, Issue, Post, PostContent, Section

CHECK = "templates"
_WHEN = datetime(2026, 1, 1, 9, tzinfo=UTC)
_POST = Post(
    id="a-post",
    title="A post",
    published_at=_WHEN,
    path="a-post.md",
    body_format="markdown",
    text_sha256="0" * 64,
    modified_at=_WHEN,
    slug="a-post",
)
_CONTENT = PostContent(body_html="<p>Text.</p>", summary_html="<p>Text.</p>", summary_text="Text.")


def check(examined: Examined) -> Iterator[Finding]:
    found = [one for digest in examined.settings.digests for one in _broken(examined, digest)]
    yield from found or [Finding(CHECK, "ok", "the theme of every digest can be rendered")]


def _broken(examined: Examined, digest: str) -> Iterator[Finding]:
    issue = Issue(
        id=f"{digest}-2026-01-01",
        digest=digest,
        due_at=_WHEN,
        subject="A subject",
        preheader="A preheader",
        sections=(Section(entries=(Entry(post_id=_POST.id),)),),
    )
    try:
        render(issue, {_POST.id: (_POST, _CONTENT)}, settings=examined.settings, nonce="doctor")
    except TemplateBroken as error:
        line = f":{error.line}" if error.line else ""
        where = f"templates/{error.template}{line}"
        yield Finding(CHECK, "error", f"{where}: {error.problem}", error.fix or f"mend {where}")
    except NewsletterError as error:
        yield Finding(CHECK, "error", f"{digest}: {error.problem}", error.fix or "see docs/theming.md")
