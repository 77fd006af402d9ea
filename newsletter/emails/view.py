"""What the templates see: plain words and finished HTML, no settings and no models.

Everything that a template would have to compute is computed here, so that a theme only arranges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from newsletter.emails import adapt
from newsletter.emails.intro import intro_html
from newsletter.emails.merge import marker
from newsletter.emails.slots import Fragment, Ready, Slots
from newsletter.emails.text import one_line, shortened, to_text, visible
from newsletter.errors import BadInput, Place
from newsletter.models import Body, Entry, Issue, Post, PostContent
from newsletter.settings import Settings

CONTENTS_FROM = 7
"""Posts in an issue from which on it begins with a table of contents."""
LINK_TITLE_LENGTH = 48
"""Characters of a post's title in the text of its "read on" link."""
PREVIEW_LENGTH = 120
"""Characters that mailboxes show after a subject; a shorter preheader is padded, or the body would leak in."""
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "yi", "ps", "sd", "ckb", "dv", "ug"})
_INNER_QUOTES = str.maketrans('“”"', "‘’'")
"""Within a pair of “quotes”."""

Chosen = Mapping[str, tuple[Post, PostContent]]


@dataclass(frozen=True, slots=True)
class ImageView:
    src: str
    alt: str


@dataclass(frozen=True, slots=True)
class PostView:
    number: int
    title: str
    anchor: str
    href: str
    """The post's own address, else its place in the web version."""
    web_href: str
    """Its place in the web version, absolute."""
    is_on_web_only: bool
    date: str
    date_iso: str
    authors: str
    tags: tuple[str, ...]
    image: ImageView | None
    body: Body
    """How much of it the mail shows."""
    summary: Fragment
    """What the mail shows of it, for mail clients: the whole post, its summary, or nothing."""
    web_summary: Fragment
    web_body: Fragment
    """The whole post where it has no address of its own, else empty."""
    text: str
    """The same as `summary` in plain text, wrapped."""
    read_on: str
    """The text of the link: says what is read and where; no two posts have the same."""


@dataclass(frozen=True, slots=True)
class SectionView:
    title: str
    level: int
    """Of its posts' headings."""
    posts: tuple[PostView, ...]

    @property
    def runs(self) -> tuple[RunView, ...]:
        """The posts in order, neighbours together that are all shown as titles, or all with more than that."""
        groups = groupby(self.posts, key=lambda post: post.body == "title")
        return tuple(RunView(is_titles, tuple(posts)) for is_titles, posts in groups)


class RunView(NamedTuple):
    is_titles: bool
    """Only the linked titles are shown: a list in one section, so that hundreds fit into a mail."""
    posts: tuple[PostView, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """What views are made with: the settings, the words of the theme, the slots of this rendering."""

    settings: Settings
    words: Mapping[str, Any]
    slots: Slots
    page_url: str
    web_marker: str

    def date(self, moment: datetime) -> str:
        """A date as people of the language write it, in the site's zone; ISO 8601 where the theme cannot say it."""
        day = moment.astimezone(self.settings.site.zone).date()
        if not self.words["knows_dates"]:
            return day.isoformat()
        return said(self.words["date"], day=str(day.day), month=self.words["months"][day.month - 1], year=str(day.year))

    def for_mail(self, html: str, level: int, base_url: str) -> Fragment:
        where = adapt.Surroundings(base_url, level, "")
        link = f'<p><a href="{self.web_marker}">{self.slots.text(self.words["table_on_web"])}</a></p>'
        return adapt.for_mail(html, where, address=self.slots.text, table_instead=link)


def said(pattern: str, **values: str) -> str:
    """The pattern with its `{names}` filled in one pass, so that braces in a value stay text."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), pattern)


# --- the issue -------------------------------------------------------------------------------------------------


def issue_view(issue: Issue, posts: Chosen, frame: Frame, *, title: str, bodies: Mapping[str, Body]) -> dict[str, Any]:
    """The values of every template; the merge fields come on top of it. `bodies`: how much of each post is shown."""
    settings = frame.settings
    intro = intro_html(issue.intro)
    web_intro = adapt.for_web(intro, adapt.Surroundings(settings.site.url + "/", 2, "intro"))
    sections = tuple(_sections(issue, posts, frame, bodies))
    count = sum(len(section.posts) for section in sections)
    return {
        **_language(settings.site.language),
        "words": frame.words,
        "site_name": settings.site.name,
        "site_url": settings.site.url,
        "digest_title": title,
        "subject": one_line(issue.subject),
        "preheader": one_line(issue.preheader),
        "padding": _padding(one_line(issue.preheader)),
        "date": frame.date(issue.due_at),
        "date_iso": issue.due_at.astimezone(settings.site.zone).date().isoformat(),
        "intro": frame.for_mail(intro, 2, settings.site.url + "/"),
        "web_intro": web_intro,
        "intro_text": to_text(web_intro),
        "sections": sections,
        "has_contents": count >= CONTENTS_FROM,
        "sender_name": settings.sender_name,
        "postal_address": one_line(settings.sender.postal_address),
        "why": said(frame.words["why"], digest=title, site=settings.site.name),
        "page_url": frame.page_url,
    }


def merge_fields(nonce: str, *, html: bool) -> dict[str, Ready]:
    """The merge fields that a template may print."""
    names = ("email", "name", "unsubscribe_url", "web_url")
    return {name: Ready(marker(name, nonce, html=html)) for name in names}


def _language(language: str) -> dict[str, Ready]:
    is_rtl = language.partition("-")[0].lower() in _RIGHT_TO_LEFT
    return {
        "language": Ready(language),
        "direction": Ready("rtl" if is_rtl else "ltr"),
        "start": Ready("right" if is_rtl else "left"),
        "end": Ready("left" if is_rtl else "right"),
    }


def _padding(preheader: str) -> Ready:
    # One character beyond Latin-1 in the HTML also keeps every provider at UTF-8 (sendgrid-csharp#1224).
    return Ready("\u034f\u200c\u00a0" * max(1, (PREVIEW_LENGTH - len(preheader)) // 2))


# --- posts -----------------------------------------------------------------------------------------------------


def _sections(issue: Issue, posts: Chosen, frame: Frame, bodies: Mapping[str, Body]) -> Iterator[SectionView]:
    _check_posts(issue, posts)
    anchors = _anchors(issue, posts)
    titles = _link_titles(issue, posts)
    number = 0
    for section in issue.sections:
        level = 3 if section.title else 2
        views = []
        for entry in section.entries:
            number += 1
            post, content = posts[entry.post_id]
            made = _PostMaker(frame, entry, post, content, anchors[entry.post_id], level, bodies[entry.post_id])
            views.append(made.view(number, titles[entry.post_id]))
        if views:
            yield SectionView(one_line(section.title or ""), level, tuple(views))


def _check_posts(issue: Issue, posts: Chosen) -> None:
    missing = [post_id for post_id in issue.post_ids if post_id not in posts]
    if missing:
        raise BadInput(
            f"{issue.id} cannot be rendered:",
            places=[Place(post_id, "is named in the issue but is not among the posts") for post_id in missing],
            fix="run `newsletter build` for this date again; it drops vanished posts",
        )


def _anchors(issue: Issue, posts: Chosen) -> dict[str, str]:
    anchors: dict[str, str] = {}
    for post_id in issue.post_ids:
        slug = re.sub(r"[^\w]+", "-", posts[post_id][0].slug.lower()).strip("-_") or "post"
        anchor, count = f"post-{slug}", 1
        while anchor in anchors.values():
            count += 1
            anchor = f"post-{slug}-{count}"
        anchors.setdefault(post_id, anchor)
    return anchors


def _link_titles(issue: Issue, posts: Chosen) -> dict[str, str]:
    """Titles short enough for a link; whole ones where two posts would be called the same."""
    whole = {entry.post_id: _title(entry, posts[entry.post_id][0]) for entry in issue.entries}
    short = {post_id: shortened(title, LINK_TITLE_LENGTH) for post_id, title in whole.items()}
    seen = list(short.values())
    return {post_id: title if seen.count(title) == 1 else whole[post_id] for post_id, title in short.items()}


def _title(entry: Entry, post: Post) -> str:
    return one_line(entry.title or "") or one_line(post.title) or post.slug


@dataclass(frozen=True, slots=True)
class _PostMaker:
    frame: Frame
    entry: Entry
    post: Post
    content: PostContent
    anchor: str
    level: int
    body: Body

    def view(self, number: int, link_title: str) -> PostView:
        post, frame = self.post, self.frame
        own_page = post.url if post.url and adapt.is_web_address(post.url) else None
        web_href = f"{frame.page_url}#{quote(self.anchor)}"
        summary = intro_html(self.entry.summary) if self.entry.summary else self.content.summary_html
        said = self._said(summary)
        return PostView(
            number=number,
            title=_title(self.entry, post),
            anchor=self.anchor,
            href=_one_address(own_page or web_href),
            web_href=web_href,
            is_on_web_only=own_page is None,
            date=frame.date(post.published_at),
            date_iso=post.published_at.astimezone(frame.settings.site.zone).date().isoformat(),
            authors=", ".join(one_line(author) for author in post.authors),
            tags=tuple(one_line(tag) for tag in post.tags),
            image=self._image(),
            body=self.body,
            summary=frame.for_mail(said, self.level + 1, own_page or web_href),
            web_summary=self._for_web(summary),
            web_body=Fragment("") if own_page else self._for_web(self.content.body_html),
            text=to_text(self._for_web(said)),
            read_on=self._read_on(link_title, own_page),
        )

    def _said(self, summary: str) -> str:
        """What the mail shows; the editor's own summary stands for the whole post too."""
        if self.body == "title":
            return ""
        return summary if self.body == "summary" or self.entry.summary else self.content.body_html

    def _for_web(self, html: str) -> Fragment:
        base_url = self.post.url or self.frame.settings.site.url + "/"
        return adapt.for_web(html, adapt.Surroundings(base_url, self.level + 1, self.anchor))

    def _image(self) -> ImageView | None:
        address = self.content.image_url or ""
        # SVG shows neither in Gmail nor in Outlook (caniemail, 2026-05-13).
        if not adapt.is_web_address(address) or urlsplit(address).path.lower().endswith(".svg"):
            return None
        return ImageView(_one_address(address), one_line(self.content.image_alt))

    def _read_on(self, title: str, own_page: str | None) -> str:
        pattern = str(self.frame.words["read_on" if own_page else "read_on_web"])
        host = (urlsplit(own_page or "").hostname or "").removeprefix("www.")
        return said(pattern, title=title.translate(_INNER_QUOTES) if "“" in pattern else title, host=host)


def _one_address(address: str) -> str:
    """An address without what would end it: spaces and line breaks are percent-encoded."""
    return re.sub(r"\s", lambda space: quote(space[0]), visible(address.strip()))
