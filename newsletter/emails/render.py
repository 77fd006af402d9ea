"""An issue and its posts become an email with its merge fields open: once per issue, the same bytes for the same input.

The order is the one that works (each tool breaks something that another order would let through): the theme is filled
with tokens where others' words will stand, checked and compiled by MJML, given the posts' HTML, inlined, and last of
all given the plain words and addresses. docs/design.md says what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from newsletter.emails import lines
from newsletter.emails.headers import issue_headers
from newsletter.emails.inline import inline
from newsletter.emails.merge import marker
from newsletter.emails.mjml import compile_mjml
from newsletter.emails.slots import Slots
from newsletter.emails.text import one_line
from newsletter.emails.theme import ISSUE_TEMPLATE, Theme
from newsletter.emails.view import Frame, issue_view, merge_fields
from newsletter.models import Email, Issue, Post, PostContent
from newsletter.settings import Settings

TEXT_TEMPLATE = "issue.txt.j2"
WEB_TEMPLATE = "web/issue.html.j2"
POST_STYLES = "posts.css"


def render(issue: Issue, posts: Mapping[str, tuple[Post, PostContent]], *, settings: Settings, nonce: str) -> Email:
    """The issue as it will be frozen. `nonce`: letters and digits, drawn for this rendering.

    Raises `TemplateBroken` (template and line), or `BadInput` for an unknown theme or a post that is not in `posts`.
    """
    digest = settings.digests.get(issue.digest)
    title = one_line(digest.title if digest and digest.title else settings.site.name)
    theme = Theme(settings, digest.theme if digest else "default")
    slots = Slots(nonce)
    frame = Frame(
        settings=settings,
        words=theme.words(settings.site.language),
        slots=slots,
        page_url=f"{settings.site.url}/issues/{issue.id}",
        web_marker=marker("web_url", nonce, html=True),
    )
    bodies = dict.fromkeys(issue.post_ids, digest.body if digest else "summary")
    view = issue_view(issue, posts, frame, title=title, bodies=bodies)
    return Email(
        issue=issue.id,
        subject=str(view["subject"]),
        preheader=str(view["preheader"]),
        html=_html(theme, {**view, **merge_fields(nonce, html=True)}, slots),
        text=_text(theme, {**view, **merge_fields(nonce, html=False)}),
        web_html=theme.fill(WEB_TEMPLATE, view),
        headers=issue_headers(issue, settings=settings, title=title, nonce=nonce),
        nonce=nonce,
    )


def _text(theme: Theme, values: Mapping[str, Any]) -> str:
    filled = theme.fill(TEXT_TEMPLATE, values)
    lines_without_ends = "\n".join(line.rstrip(" ") for line in filled.split("\n"))
    return re.sub(r"\n{4,}", "\n\n\n", lines_without_ends).strip("\n") + "\n"


def _html(theme: Theme, values: Mapping[str, Any], slots: Slots) -> str:
    source = lines.unmarked(theme.fill(ISSUE_TEMPLATE, values, slots=slots))
    compiled = compile_mjml(source, slot_prefix=slots.prefix, broken=theme.broken)
    page = inline(slots.put_html(compiled), theme.read(POST_STYLES))
    _check_survivors(theme, source.text, compiled, page, slots)
    finished = slots.put_text(page)
    if slots.prefix.lower() in finished.lower():
        raise theme.broken("a filter changed what stands for the text of a post; print texts as they are", None)
    return finished


def _check_survivors(theme: Theme, source: str, compiled: str, page: str, slots: Slots) -> None:
    """What the inliner or MJML are known to drop is still there."""
    if not page.startswith("<!DOCTYPE html>"):
        raise theme.broken("the finished page lost its doctype", None)
    for kept in ("<!--[if", "<![endif]-->", "prefers-color-scheme", "[data-ogsc]"):
        if page.count(kept) < compiled.count(kept):
            raise theme.broken(f"the finished page lost {kept!r} on its way through MJML and the inliner", None)
    if lost := slots.tokens(source) - slots.tokens(compiled):
        raise theme.broken(f"MJML dropped {len(lost)} text(s) of the issue", None)
