"""What checks look at: an email as one reader gets it, and where everything in it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from typing import Any, NamedTuple

from lxml import html as lxml_html

from newsletter.emails.budget import Fit
from newsletter.emails.checks.addresses import host_of
from newsletter.emails.checks.places import Source, needles_of, owner_by_element
from newsletter.emails.fields import Fields
from newsletter.emails.images import PictureProblem
from newsletter.emails.markers import Filled, filled
from newsletter.models import Asset, Email, Issue, Post
from newsletter.settings import Settings


class CheckedPost(NamedTuple):
    """One post of the issue, in its order."""

    id: str
    title: str
    """As the issue shows it."""
    source: Source
    post: Post | None = None
    """None: an approved issue, whose post is no longer in the folder."""


class Answer(NamedTuple):
    """What a server said when a link was tried."""

    status: int | None
    """None: there was no answer, or it may not be asked."""
    reason: str = ""
    media_type: str = ""
    is_gone: bool = False
    """It is sure that nobody will get it: no such host, an address within a private network."""


class Link(NamedTuple):
    element: Any
    href: str
    text: str
    """With the alternative texts of the pictures in it."""


class Image(NamedTuple):
    element: Any
    src: str
    alt: str | None
    """None: it has no such attribute."""
    width_px: int | None


@dataclass(frozen=True)
class Checked:
    """An email with all that is known of it. Everything computed is computed once, when a check asks for it."""

    email: Email
    settings: Settings
    issue: Issue
    posts: tuple[CheckedPost, ...]
    copy: Fields
    """The reader whose copy is looked at, made up."""
    message: bytes
    """The whole mail, as it would be sent to that reader."""
    issue_file: Source
    settings_file: Source = field(default_factory=lambda: Source("newsletter.toml"))
    theme: tuple[Source, ...] = ()
    """The theme's files."""
    used: Mapping[str, str] = field(default_factory=dict)
    """Post id -> the other issue that it went into."""
    pictures: tuple[PictureProblem, ...] | None = None
    """What is wrong with pictures since they were read and made; None: not known, of an approved issue."""
    fit: Fit | None = None
    """Which posts had to be shortened; None: an approved issue."""
    answers: Mapping[str, Answer] | None = None
    """By address; None: the links were not tried."""

    # --- the email ---------------------------------------------------------------------------------------------

    @cached_property
    def filled(self) -> Filled:
        """Subject, HTML and text as the reader gets them."""
        return filled(self.email, self.copy)

    @cached_property
    def page(self) -> Any:
        return lxml_html.document_fromstring(self.filled.html or "<html></html>")

    @cached_property
    def body(self) -> Any:
        return self.page.find("body") if self.page.find("body") is not None else self.page

    @cached_property
    def mail(self) -> Message:
        """The message read back by another parser than ours."""
        from email.parser import BytesParser
        from email.policy import compat32

        return BytesParser(policy=compat32).parsebytes(self.message)

    @cached_property
    def sheets(self) -> list[str]:
        """The content of each style block."""
        return [element.text_content() for element in self.page.iter("style")]

    @cached_property
    def language(self) -> str:
        return self.settings.site.language.partition("-")[0].lower()

    @cached_property
    def domain(self) -> str:
        """Of the sender."""
        return self.settings.sender.email.rpartition("@")[2].lower()

    def hosts_of_our_own(self) -> set[str]:
        addresses = (self.settings.site.url, self.settings.posts.url)
        return {self.domain, *(host for one in addresses if (host := host_of(one)))}

    @cached_property
    def links(self) -> list[Link]:
        return [Link(link, (link.get("href") or "").strip(), _said(link)) for link in self.body.iter("a")]

    @cached_property
    def images(self) -> list[Image]:
        """Without those that Outlook alone sees."""
        return [
            Image(image, (image.get("src") or "").strip(), image.get("alt"), _pixels(image))
            for image in self.body.iter("img")
        ]

    def asset(self, src: str) -> Asset | None:
        """The file of a picture that goes out with the issue, within the mail or beside its web version."""
        if src.startswith("cid:"):
            return next((one for one in self.email.assets if one.content_id == src.removeprefix("cid:")), None)
        return next((one for one in self.email.assets if src.endswith(f"/{one.name}")), None)

    def is_our_picture(self, src: str) -> bool:
        """One that only this issue can have."""
        return src.startswith(("cid:", f"{self.settings.site.url}/issues/{self.issue.id}/"))

    @cached_property
    def hidden(self) -> set[Any]:
        """Elements with a `display:none` of their own, and all within them."""
        shut = [one for one in self.body.iter("*") if re.search(r"display\s*:\s*none", one.get("style") or "")]
        return {inner for one in shut for inner in one.iter()}

    @cached_property
    def prose(self) -> list[tuple[Any, str]]:
        """Each stretch of text that shows, with its element; code is left out."""
        return [pair for pair in self.words if not _is_code(pair[0])]

    @cached_property
    def words(self) -> list[tuple[Any, str]]:
        """Each stretch of text that shows, code too."""
        return [(one, text) for one, text in _texts(self.body) if one not in self.hidden and text.strip()]

    # --- where it was written ------------------------------------------------------------------------------------

    def in_settings(self, *needles: str) -> str:
        return self.settings_file.at(*needles)

    def in_issue(self, *needles: str) -> str:
        return self.issue_file.at(*needles)

    def in_theme(self, *needles: str) -> str:
        """The theme's file that holds one of these, else its first."""
        for source in self.theme:
            if source.holds(*needles):
                return source.at(*needles)
        return self.theme[0].path if self.theme else "templates/"

    def where(self, element: Any, *needles: str) -> str:
        """The file, and the line where it can be told, in which what an element shows was written."""
        wanted = list(needles_of(needles or (_said(element),)))
        if post := self.post_of(element):
            return post.source.at(*wanted)
        for source in (*(one.source for one in self.posts), self.issue_file):
            if source.holds(*wanted[: 2 * len(needles or (1,))]):
                return source.at(*wanted)
        return self.in_theme(*wanted)

    def place(self, element: Any) -> str:
        """How a message names the place: the post's title, else the part of the mail."""
        post = self.post_of(element) or self._named_in(element)
        return f"“{shown(post.title)}”" if post else "the mail's own part"

    def _named_in(self, element: Any) -> CheckedPost | None:
        """The post whose title an element shows elsewhere, as the table of contents does."""
        said = _said(element)
        return next((post for post in self.posts if post.title and " ".join(post.title.split()) in said), None)

    def post_of(self, element: Any) -> CheckedPost | None:
        """The post that an element belongs to; None for the rest of the mail."""
        return self._post_of.get(element)

    @cached_property
    def _post_of(self) -> dict[Any, CheckedPost]:
        ways = {self.copy.unsubscribe_url, self.copy.web_url}
        owners = owner_by_element(self.body, [post.title for post in self.posts], own_links=ways)
        return {element: self.posts[number] for element, number in owners.items()}


def shown(text: str, length: int = 60) -> str:
    """A text in a message: one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _said(element: Any) -> str:
    if not isinstance(element.tag, str):
        return ""
    alts = "".join(f" {image.get('alt') or ''}" for image in element.iter("img"))
    return " ".join((str(element.text_content()) + alts).split())


def _pixels(image: Any) -> int | None:
    found = re.fullmatch(r"\s*(\d+)(?:px)?\s*", image.get("width") or "")
    return int(found[1]) if found else None


def _is_code(element: Any) -> bool:
    return any(
        box.tag in ("code", "pre", "samp", "kbd") or "code" in (box.get("class") or "").split()
        for box in (element, *element.iterancestors())
    )


def _texts(element: Any) -> Iterator[tuple[Any, str]]:
    if not isinstance(element.tag, str) or element.tag in ("style", "script", "title", "head"):
        return
    if element.text:
        yield element, element.text
    for child in element:
        yield from _texts(child)
        if child.tail:
            yield element, child.tail
