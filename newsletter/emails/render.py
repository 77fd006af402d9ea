"""An issue and its posts become an email with its merge fields open: once per issue, the same bytes for the same input.

The order is the one that works (each tool breaks something that another order would let through): the theme is filled
with tokens where others' words will stand, checked and compiled by MJML, given the posts' HTML, inlined, and last of
all given the plain words and addresses. docs/design.md says what was measured.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from newsletter.emails import budget, lines
from newsletter.emails.budget import Fit
from newsletter.emails.design import design_of
from newsletter.emails.frame import Frame
from newsletter.emails.headers import issue_headers
from newsletter.emails.images import AS_THEY_ARE, Pictures
from newsletter.emails.inline import inline
from newsletter.emails.markers import marker
from newsletter.emails.minify import minified
from newsletter.emails.mjml import compile_mjml
from newsletter.emails.slots import Slots
from newsletter.emails.tagging import tagging
from newsletter.emails.text import one_line
from newsletter.emails.theme import ISSUE_TEMPLATE, Theme
from newsletter.emails.view import Chosen, MadeViews, issue_view, merge_fields
from newsletter.models import Body, Email, Issue
from newsletter.settings import Settings

TEXT_TEMPLATE = "issue.txt.j2"
WEB_TEMPLATE = "web/issue.html.j2"
POST_STYLES = "posts.css"


class Rendered(NamedTuple):
    email: Email
    fit: Fit
    """How it stands to Gmail's limit, and which posts had to be shortened for it."""


def render(
    issue: Issue,
    posts: Chosen,
    *,
    settings: Settings,
    nonce: str,
    number: int | None = None,
    pictures: Pictures = AS_THEY_ARE,
) -> Email:
    """The issue as it will be frozen. `nonce`: letters and digits, drawn for this rendering.

    Raises `TemplateBroken` (template and line), or `BadInput` for an unknown theme or a post that is not in `posts`.
    """
    return render_fitting(issue, posts, settings=settings, nonce=nonce, number=number, pictures=pictures).email


def render_fitting(
    issue: Issue,
    posts: Chosen,
    *,
    settings: Settings,
    nonce: str,
    number: int | None = None,
    pictures: Pictures = AS_THEY_ARE,
) -> Rendered:
    """The same, with what had to be shortened so that Gmail does not clip it."""
    draft = _Draft(issue, posts, settings, nonce, number=number, pictures=pictures)
    page, fit = draft.fitted()
    web_html = draft.theme.fill(WEB_TEMPLATE, page.view)
    email = Email(
        issue=issue.id,
        subject=str(page.view["subject"]),
        preheader=str(page.view["preheader"]),
        html=page.html,
        text=_text(draft.theme, {**page.view, **merge_fields(nonce, html=False)}),
        web_html=web_html,
        headers=issue_headers(issue, settings=settings, title=draft.title, nonce=nonce),
        nonce=nonce,
        assets=pictures.assets(page.html, web_html),
    )
    return Rendered(email, fit)


class _Page(NamedTuple):
    """The HTML part as it is with some choice of bodies."""

    view: dict[str, Any]
    html: str
    size_bytes: int
    style_bytes: Mapping[str, int]
    """Of each piece of finished HTML, by its token."""

    @property
    def counted_bytes(self) -> int:
        return budget.counted_bytes(self.size_bytes, self.html)

    @property
    def over_bytes(self) -> int:
        return self.counted_bytes - budget.LIMIT_BYTES


class _Draft:
    """An issue on its way: rendered with whole posts or less, until it fits."""

    def __init__(
        self, issue: Issue, posts: Chosen, settings: Settings, nonce: str, *, number: int | None, pictures: Pictures
    ) -> None:
        digest = settings.digests.get(issue.digest)
        self._issue, self._posts, self._nonce = issue, posts, nonce
        self._number, self._notice = number, digest.notice if digest else ""
        self._longest = budget.longest_fields(settings)
        self._body: Body = digest.body if digest else "summary"
        self._slots = Slots(nonce)
        self._made: MadeViews = {}
        self.title = one_line(digest.title if digest and digest.title else settings.site.name)
        self.theme = Theme(settings, digest.theme if digest else "default")
        self._frame = Frame(
            settings=settings,
            words=self.theme.words(settings.site.language),
            design=design_of(settings, self.theme.name),
            slots=self._slots,
            page_url=f"{settings.site.url}/issues/{issue.id}",
            web_marker=marker("web_url", nonce, html=True),
            pictures=pictures,
            tagging=tagging(issue, settings),
        )

    def fitted(self) -> tuple[_Page, Fit]:
        """The page with as much of each post as fits."""
        wanted: dict[str, Body] = dict.fromkeys(self._issue.post_ids, self._body)
        page = self._page(self._issue, wanted)
        return self._shortened(page, wanted) if page.over_bytes > 0 else (page, Fit(page.size_bytes, page.size_bytes))

    def _shortened(self, first: _Page, wanted: Mapping[str, Body]) -> tuple[_Page, Fit]:
        texts = {entry.post_id: budget.sizes(entry, self._posts[entry.post_id][1]) for entry in self._issue.entries}
        frame_bytes = self._page(self._issue.model_copy(update={"sections": ()}), {}).counted_bytes
        page, bodies = first, dict(wanted)
        while page.over_bytes > 0:
            posts_bytes, taken = page.counted_bytes - frame_bytes, self._text_bytes(page)
            sizes = {post_id: budget.in_mail(texts[post_id], body, taken[post_id]) for post_id, body in bodies.items()}
            less = budget.shorter(bodies, sizes, posts_bytes=posts_bytes, save_bytes=page.over_bytes)
            if less == bodies:
                break
            bodies, page = less, self._page(self._issue, less)
        titles = {entry.post_id: entry.title or self._posts[entry.post_id][0].title for entry in self._issue.entries}
        shortened = budget.shortened(titles, wanted, bodies, texts)
        return page, Fit(page.size_bytes, first.size_bytes, max(0, page.over_bytes), shortened)

    def _page(self, issue: Issue, bodies: Mapping[str, Body]) -> _Page:
        view = issue_view(
            issue,
            self._posts,
            self._frame,
            title=self.title,
            bodies=bodies,
            notice=self._notice,
            number=self._number,
            made=self._made,
        )
        html, styles = _html(self.theme, {**view, **merge_fields(self._nonce, html=True)}, self._slots)
        return _Page(view, html, budget.merged_bytes(html, self._nonce, self._longest), styles)

    def _text_bytes(self, page: _Page) -> dict[str, int]:
        """What each post's text takes in the page, by the post's id: with its styles, and its addresses in full."""
        shown = [post.summary for section in page.view["sections"] for post in section.posts]
        alike, are_links_counted = Counter(shown), budget.has_many_links(page.html)
        return {
            post_id: budget.text_bytes(self._slots.put_text(text), are_links_counted=are_links_counted)
            + page.style_bytes[self._slots.html(text)] // alike[text]
            for post_id, text in zip(self._issue.post_ids, shown, strict=True)
        }


def _text(theme: Theme, values: Mapping[str, Any]) -> str:
    filled = theme.fill(TEXT_TEMPLATE, values)
    lines_without_ends = "\n".join(line.rstrip(" ") for line in filled.split("\n"))
    return re.sub(r"\n{4,}", "\n\n\n", lines_without_ends).strip("\n") + "\n"


def _html(theme: Theme, values: Mapping[str, Any], slots: Slots) -> tuple[str, Counter[str]]:
    """The finished page, and what the styles take of it on each piece of finished HTML."""
    source = lines.unmarked(theme.fill(ISSUE_TEMPLATE, values, slots=slots))
    compiled = compile_mjml(source, slot_prefix=slots.prefix, broken=theme.broken)
    page = minified(inline(slots.put_html(compiled), theme.fill(POST_STYLES, values)))
    _check_survivors(theme, source.text, compiled, page, slots)
    finished = slots.put_text(slots.without_marks(page))
    if slots.prefix.lower() in finished.lower():
        raise theme.broken("a filter changed what stands for the text of a post; print texts as they are", None)
    return finished, slots.style_bytes(page)


def _check_survivors(theme: Theme, source: str, compiled: str, page: str, slots: Slots) -> None:
    """What the inliner or MJML are known to drop is still there."""
    if not page.startswith("<!DOCTYPE html>"):
        raise theme.broken("the finished page lost its doctype", None)
    for kept in ("<!--[if", "<![endif]-->", "prefers-color-scheme", "[data-ogsc]"):
        if page.count(kept) < compiled.count(kept):
            raise theme.broken(f"the finished page lost {kept!r} on its way through MJML and the inliner", None)
    if lost := slots.tokens(source) - slots.tokens(compiled):
        raise theme.broken(f"MJML dropped {len(lost)} text(s) of the issue", None)
