"""What the templates see: plain words and finished HTML, no settings and no models.

Everything that a template would have to compute is computed here, so that a theme only arranges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from newsletter.emails import adapt, scripts
from newsletter.emails.design import Design, Palette, logo_address
from newsletter.emails.frame import Frame, said
from newsletter.emails.images import Shown
from newsletter.emails.intro import intro_html
from newsletter.emails.markers import marker
from newsletter.emails.post_view import PostMaker, PostView, title_of
from newsletter.emails.slots import Ready
from newsletter.emails.text import one_line, shortened, to_text
from newsletter.errors import BadInput, Place
from newsletter.models import Body, Issue, Post, PostContent

CONTENTS_FROM = 7
"""Posts in an issue from which on it begins with a table of contents."""
GROUP_LENGTH = 4
"""Posts in one section at most: Word parts pages within a cell near 1,790 pixels (a community figure)."""
LINK_TITLE_LENGTH = 48
"""Characters of a post's title in the text of its "read on" link."""
PREVIEW_LENGTH = 120
"""Characters that mailboxes show after a subject; a shorter preheader is padded, or the body would leak in."""

Chosen = Mapping[str, tuple[Post, PostContent]]
MadeViews = dict[tuple[int, Body], PostView]
"""By the post's number in the issue and how much of it is shown."""


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

    @property
    def groups(self) -> tuple[tuple[PostView, ...], ...]:
        """The posts in order, some in brief together; a large or whole one is by itself.

        A section of its own costs a post a kilobyte; but what stands in one must not get too tall for Outlook.
        """
        groups: list[tuple[PostView, ...]] = []
        for post in self.posts:
            if post.is_brief and groups and groups[-1][0].is_brief and len(groups[-1]) < GROUP_LENGTH:
                groups[-1] = (*groups[-1], post)
            else:
                groups.append((post,))
        return tuple(groups)

    @property
    def rows(self) -> tuple[tuple[PostView, ...], ...]:
        """The posts in order, two in a row where both are shown in brief with an image, else one."""
        rows: list[tuple[PostView, ...]] = []
        for post in self.posts:
            if rows and len(rows[-1]) == 1 and rows[-1][0].fits_half and post.fits_half:
                rows[-1] = (*rows[-1], post)
            else:
                rows.append((post,))
        return tuple(rows)


# --- the issue -------------------------------------------------------------------------------------------------


def issue_view(
    issue: Issue,
    posts: Chosen,
    frame: Frame,
    *,
    title: str,
    bodies: Mapping[str, Body],
    notice: str = "",
    number: int | None = None,
    made: MadeViews | None = None,
) -> dict[str, Any]:
    """The values of every template; the merge fields come on top of it.

    `bodies`: how much of each post is shown; `notice`: Markdown; `number`: the issue's, where it is known;
    `made`: posts' views of an earlier call for the same issue, taken again, and completed with those of this one.
    """
    settings = frame.settings
    language = settings.site.language
    sections = tuple(_sections(issue, posts, frame, bodies, {} if made is None else made))
    count = sum(len(section.posts) for section in sections)
    return {
        **scripts.directions(scripts.is_right_to_left(language)),
        "language": Ready(language),
        "line_height": Ready(scripts.line_height(language)),
        "design": _design(frame, has_own_script=scripts.has_own_script(language)),
        **_web_logos(frame),
        "words": frame.words,
        "site_name": settings.site.name,
        "site_url": settings.site.url,
        "digest_title": title,
        "subject": one_line(issue.subject),
        "preheader": one_line(issue.preheader),
        "padding": _padding(one_line(issue.preheader)),
        "date": frame.date(issue.due_at),
        "date_iso": issue.due_at.astimezone(settings.site.zone).date().isoformat(),
        "number": said(frame.words["number"], number=str(number)).replace(" ", "\u00a0") if number else "",
        **_ours(frame, "intro", issue.intro),
        **_ours(frame, "notice", notice),
        "sections": sections,
        "has_contents": count >= CONTENTS_FROM and "title" not in bodies.values(),
        "sender_name": settings.sender_name,
        "postal_address": one_line(settings.sender.postal_address),
        "why": said(frame.words["why"], digest=title, site=settings.site.name),
        "page_url": frame.page_url,
    }


def _ours(frame: Frame, name: str, markdown: str) -> dict[str, str]:
    """Words of the editor's own, in the three forms in which the templates show them."""
    html, base_url = intro_html(markdown), frame.settings.site.url + "/"
    for_web = frame.for_web(html, adapt.Surroundings(base_url, 2, name))
    return {name: frame.for_mail(html, 2, base_url), f"web_{name}": for_web, f"{name}_text": to_text(for_web)}


def _design(frame: Frame, *, has_own_script: bool) -> Design:
    """The design as MJML may see it. Georgia has no letters of other scripts: they get the plain font throughout."""
    design, shown = frame.design, _logo(frame, frame.design.logo)
    dark = _logo(frame, design.logo_dark)
    return design._replace(
        logo=shown.src if shown else "",
        logo_dark=dark.src if shown and dark else "",
        logo_width=shown.width if shown else design.logo_width,
        light=Palette(*map(Ready, design.light)),
        dark=Palette(*map(Ready, design.dark)),
        body_font=Ready(design.body_font),
        heading_font=Ready(design.body_font if has_own_script else design.heading_font),
    )


def _web_logos(frame: Frame) -> dict[str, str]:
    light, dark = (_logo(frame, logo, on_web=True) for logo in (frame.design.logo, frame.design.logo_dark))
    return {"web_logo": light.src if light else "", "web_logo_dark": dark.src if light and dark else ""}


def _logo(frame: Frame, logo: str, *, on_web: bool = False) -> Shown | None:
    """None: there is none, or it cannot be shown, and the site's name is written."""
    if not logo:
        return None
    return frame.pictures.shown(logo_address(logo), width=frame.design.logo_width, on_web=on_web)


def merge_fields(nonce: str, *, html: bool) -> dict[str, Ready]:
    """The merge fields that a template may print."""
    names = ("email", "name", "unsubscribe_url", "web_url")
    return {name: Ready(marker(name, nonce, html=html)) for name in names}


def _padding(preheader: str) -> Ready:
    # One character beyond Latin-1 in the HTML also keeps every provider at UTF-8 (sendgrid-csharp#1224).
    return Ready("\u034f\u200c\u00a0" * max(1, (PREVIEW_LENGTH - len(preheader)) // 2))


# --- posts -----------------------------------------------------------------------------------------------------


def _sections(
    issue: Issue, posts: Chosen, frame: Frame, bodies: Mapping[str, Body], made: MadeViews
) -> Iterator[SectionView]:
    _check_posts(issue, posts)
    anchors = _anchors(issue, posts)
    titles = _link_titles(issue, posts)
    number = 0
    for section in issue.sections:
        level = 3 if section.title else 2
        views = []
        for entry in section.entries:
            number += 1
            key = (number, bodies[entry.post_id])
            if key not in made:
                maker = PostMaker(frame, entry, *posts[entry.post_id], anchors[entry.post_id], level, key[1])
                made[key] = maker.view(number, titles[entry.post_id])
            views.append(made[key])
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
    whole = {entry.post_id: title_of(entry, posts[entry.post_id][0]) for entry in issue.entries}
    short = {post_id: shortened(title, LINK_TITLE_LENGTH) for post_id, title in whole.items()}
    seen = list(short.values())
    return {post_id: title if seen.count(title) == 1 else whole[post_id] for post_id, title in short.items()}
