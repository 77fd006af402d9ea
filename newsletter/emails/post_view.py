"""One post as the templates see it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from urllib.parse import quote, urlsplit

from newsletter.emails import adapt, scripts
from newsletter.emails.frame import Frame, said
from newsletter.emails.images import Shown
from newsletter.emails.intro import intro_html
from newsletter.emails.slots import Fragment, Ready
from newsletter.emails.tagging import Link, as_it_is
from newsletter.emails.text import one_line, to_text, visible
from newsletter.models import Body, Entry, Post, PostContent

MIN_WORDS = 60
"""Of a post whose reading time is worth a word."""
_INNER_QUOTES = str.maketrans('“”"', "‘’'")
"""Within a pair of “quotes”."""


@dataclass(frozen=True, slots=True)
class ImageView:
    """The picture that stands for a post; a template says how wide it is shown."""

    alt: str
    frame: Frame
    address: str

    def at(self, width: int, on_web: bool = False) -> Shown:
        """What to write for it in a slot `width` pixels wide: `src`, `width`, `height`, or `size` for both."""
        shown = self.frame.pictures.shown(self.address, width=width, on_web=on_web)
        return shown or Shown(self.address, width, None)

    @property
    def src(self) -> str:
        """In a slot as wide as the text."""
        return self.at(self.frame.design.content_width).src


@dataclass(frozen=True)
class PostView:
    number: int
    title: str
    anchor: str
    href: str
    """The post's own address, else its place in the web version; tagged where the digest's settings say so."""
    own_href: str
    """The same as it is, for the web version."""
    web_href: str
    """Its place in the web version, absolute."""
    is_on_web_only: bool
    is_lead: bool
    """The issue's first post, with an image to show large."""
    direction: Ready
    """Of its own text, whatever the issue's is; `start` and `end` are the sides that belong to it."""
    start: Ready
    end: Ready
    lang: Ready
    """The attribute for its title and text, where their letters show another language than the issue's."""
    date: str
    date_iso: str
    authors: str
    tags: tuple[str, ...]
    reading_time: str
    """In words; empty for a short post."""
    image: ImageView | None
    web_image: ImageView | None
    """None where the text of the web version shows it."""
    body: Body
    """How much of it the mail shows."""
    summary: Fragment
    """What the mail shows of it, for mail clients: the whole post, its summary, or nothing."""
    web_summary: Fragment
    web_body: Fragment
    """The whole post where it has no address of its own, else empty."""
    as_text: Callable[[], str]
    read_on: str
    """The text of the link: says what is read and where; no two posts have the same."""

    @cached_property
    def text(self) -> str:
        """The same as `summary` in plain text, wrapped; made when it is asked for, which is once a mail."""
        return self.as_text()

    @property
    def is_brief(self) -> bool:
        return self.body == "summary" and not self.is_lead

    @property
    def fits_half(self) -> bool:
        """Whether it can stand beside another: in brief, with an image, and not the first of the issue."""
        return self.is_brief and self.image is not None


def title_of(entry: Entry, post: Post) -> str:
    """What the issue calls the post: never empty."""
    return one_line(entry.title or "") or one_line(post.title) or post.slug


@dataclass(frozen=True, slots=True)
class PostMaker:
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
        shown = self._shown(summary)
        image = self._image(shown)
        title = title_of(self.entry, post)
        link = frame.tagging.of_post(post, number) if frame.tagging else as_it_is
        return PostView(
            number=number,
            title=title,
            anchor=self.anchor,
            href=link(_one_address(own_page or web_href)),
            own_href=_one_address(own_page or web_href),
            web_href=link(web_href),
            is_on_web_only=own_page is None,
            is_lead=number == 1 and image is not None and self.body != "title",
            **self._directions(title),
            lang=self._lang(title),
            date=frame.date(post.published_at),
            date_iso=post.published_at.astimezone(frame.settings.site.zone).date().isoformat(),
            authors=", ".join(one_line(author) for author in post.authors),
            tags=tuple(one_line(tag) for tag in post.tags),
            reading_time=self._reading_time(),
            image=image,
            web_image=self._image(summary if own_page else self.content.body_html),
            body=self.body,
            summary=frame.for_mail(shown, self.level + 1, own_page or web_href, link),
            web_summary=self._for_web(summary),
            web_body=Fragment("") if own_page else self._for_web(self.content.body_html),
            as_text=partial(self._text, shown, link),
            read_on=self._read_on(link_title, own_page),
        )

    def _shown(self, summary: str) -> str:
        """What the mail shows; the editor's own summary stands for the whole post too."""
        if self.body == "title":
            return ""
        return summary if self.body == "summary" or self.entry.summary else self.content.body_html

    def _for_web(self, html: str, link: Link = as_it_is) -> Fragment:
        base_url = self.post.url or self.frame.settings.site.url + "/"
        return self.frame.for_web(html, adapt.Surroundings(base_url, self.level + 1, self.anchor, link))

    def _text(self, shown: str, link: Link) -> str:
        return to_text(self._for_web(shown, link))

    def _directions(self, title: str) -> dict[str, Ready]:
        issue = scripts.is_right_to_left(self.frame.settings.site.language)
        sample = f"{title} {self.content.summary_text}"
        return scripts.directions(scripts.runs_right_to_left(sample, otherwise=issue))

    def _lang(self, title: str) -> Ready:
        issue = self.frame.settings.site.language
        own = scripts.language_of(f"{title} {self.content.summary_text}", otherwise=issue)
        return Ready(f' lang="{own}"' if own != issue else "")

    def _reading_time(self) -> str:
        if self.content.words < MIN_WORDS:
            return ""
        minutes = scripts.minutes_to_read(self.content.words, self.frame.settings.site.language)
        return said(self.frame.words["reading_time"], minutes=str(minutes))

    def _image(self, shown: str) -> ImageView | None:
        """The picture that stands above the post; none where its text shows the same one."""
        address = self.content.image_url or ""
        if f'src="{html.escape(address)}"' in shown or f'src="{address}"' in shown:
            return None
        address = _one_address(address)
        found = self.frame.pictures.shown(address, width=self.frame.design.width) if address else None
        # SVG shows neither in Gmail nor in Outlook (caniemail, 2026-05-13).
        if found is None or urlsplit(found.src).path.lower().endswith(".svg"):
            return None
        return ImageView(one_line(self.content.image_alt), self.frame, address)

    def _read_on(self, title: str, own_page: str | None) -> str:
        pattern = str(self.frame.words["read_on" if own_page else "read_on_web"])
        host = (urlsplit(own_page or "").hostname or "").removeprefix("www.")
        return said(pattern, title=title.translate(_INNER_QUOTES) if "“" in pattern else title, host=host)


def _one_address(address: str) -> str:
    """An address without what would end it: spaces and line breaks are percent-encoded."""
    return re.sub(r"\s", lambda space: quote(space[0]), visible(address.strip()))
