"""The glossary in code: what the stages hand to each other. Frozen, no I/O.

The data takes one way: posts → issue → email → deliveries → events.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

MANIFEST_VERSION = 1


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# --- posts ----------------------------------------------------------------------------------------------------

BodyFormat = Literal["markdown", "html", "text"]
Body = Literal["full", "summary", "title"]
"""How much of a post a mail shows, from most to least."""


class Post(Frozen):
    """What is known of a post without rendering its body; the body stays in the file until it is wanted."""

    id: str
    """An explicit id, guid or canonical address of the front matter, else the path without its suffix."""
    has_own_id: bool = False
    """The id was given by the author, so it holds however the file moves; two files with one are duplicates."""
    title: str
    published_at: AwareDatetime
    """A date without a time is the start of that day in the site's zone."""
    path: str
    """Within the posts folder, with suffix, `/` between the parts."""
    body_format: BodyFormat
    text_sha256: str
    """Of the body alone, so that a moved file is known again although its date or title was edited."""
    modified_at: AwareDatetime
    """Of the file; of two posts with one id the newest file counts."""
    slug: str
    url: str | None = None
    """The post's own address on the web, absolute; None: it is read on in the issue's web version."""
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    summary: str | None = None
    """As the author wrote it (may hold inline Markdown or HTML); None: made from the body."""
    image: str | None = None
    """As written: absolute, or relative to the file or to the site."""
    image_alt: str | None = None
    is_draft: bool = False
    expires_at: AwareDatetime | None = None
    notes: tuple[str, ...] = ()
    """What had to be assumed, for a person: "dated by the file's name"."""


class PostPicture(NamedTuple):
    """A picture that a post shows."""

    address: str
    """As it stands in the post's HTML: on the web, or `posts:` and its path where it has no address there."""
    file: str | None
    """Its path within the posts folder; None: it is only on the web."""
    is_named: bool
    """The author wrote an alternative text; an empty one says that the picture is mere decoration."""


class PostContent(Frozen):
    """The rendered text of a chosen post: sanitised, links and images absolute."""

    body_html: str
    summary_html: str
    """Inline-level HTML of one or more paragraphs (`<p>`), balanced."""
    summary_text: str
    """The same as plain text, paragraphs apart by an empty line."""
    image_url: str | None = None
    image_alt: str = ""
    words: int = 0
    pictures: tuple[PostPicture, ...] = ()
    """Each address once, in order."""


class PostProblem(NamedTuple):
    """A file that could not be read as a post; the others go on without it."""

    path: str
    line: int | None
    reason: str

    @property
    def where(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


class PassedOver(NamedTuple):
    """A file or folder that was never meant as a post: a page, a section, a template of the site."""

    path: str
    reason: str


class PostFile(NamedTuple):
    """One row of the reading cache: a file as it was when it was last parsed."""

    path: str
    size_bytes: int
    modified_ns: int
    sha256: str
    """Of the whole file: a file touched but unchanged is not parsed again."""
    reader: str
    """Version of the reader and the settings it depends on; another value means: parse again."""
    post_json: str
    """The `Post`; empty for a file that could not be read, `null` for one that is passed over: `problem` says why."""
    problem: str = ""
    problem_line: int | None = None


class KnownPost(NamedTuple):
    """An identity given out before: from the store, and from the manifests of issues when the store is lost."""

    id: str
    path: str
    text_sha256: str


class Collected(Frozen):
    """The posts folder as it is now."""

    posts: tuple[Post, ...]
    """By id; not yet judged: drafts, duplicates and future posts are among them."""
    problems: tuple[PostProblem, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    """What nobody has to be warned of, by path; `newsletter posts` names it."""
    read_count: int = 0
    """How many files had to be parsed, the rest came from the cache."""


# --- issues ---------------------------------------------------------------------------------------------------


class IssueState(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Entry(Frozen):
    """One post's place in an issue, with what the editor says differently for this issue only."""

    post_id: str
    title: str | None = None
    summary: str | None = None


class Section(Frozen):
    title: str | None = None
    entries: tuple[Entry, ...] = ()


class Issue(Frozen):
    """The content of `issue.md`: what the editor sees and shapes."""

    id: str
    digest: str
    due_at: AwareDatetime
    """The cut-off: the occurrence that this issue is for, in the site's zone."""
    subject: str
    preheader: str
    intro: str = ""
    """Markdown."""
    sections: tuple[Section, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for section in self.sections for entry in section.entries)

    @property
    def post_ids(self) -> tuple[str, ...]:
        return tuple(entry.post_id for entry in self.entries)


class LeftOut(NamedTuple):
    """A post that is not in the issue, and why, in words for the editor."""

    id: str
    reason: str


class ManifestPost(Frozen):
    """Enough of a used post to know it again when the database is lost."""

    id: str
    title: str
    path: str
    text_sha256: str


class Manifest(Frozen):
    """`manifest.json`: what was approved. Says nothing about any subscriber."""

    version: int = MANIFEST_VERSION
    issue: str
    digest: str
    title: str
    """The digest's title at approval."""
    due_at: AwareDatetime
    approved_at: AwareDatetime
    subject: str
    preheader: str
    posts: tuple[ManifestPost, ...]
    left_over: tuple[str, ...] = ()
    """Ids of eligible posts that did not fit (`max_posts`): a later issue may take them at any age."""
    headers: tuple[tuple[str, str], ...]
    """In order; merge markers are still open."""
    nonce: str
    """Letters and digits; stands in every merge marker of the frozen files."""
    files: dict[str, str]
    """SHA-256 by file name, pictures as `assets/<name>`."""
    content_ids: dict[str, str] = Field(default_factory=dict)
    """By name, of the pictures that travel within the mail."""


class Receipt(Frozen):
    """`receipt.json`: which database began the sending, and how it ended. Says nothing about any subscriber."""

    issue: str
    instance: str
    provider: str
    began_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    counts: dict[str, int] = Field(default_factory=dict)


# --- email ----------------------------------------------------------------------------------------------------


ASSET_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif"}
"""Media types by suffix: what every mail client shows."""


class Asset(NamedTuple):
    """A picture's file, made for an issue."""

    name: str
    """Of its content, so the same picture has the same name: `<hash>.jpg`, `.png` or `.gif`."""
    content: bytes
    content_id: str | None = None
    """Under which it travels within the mail (RFC 2392); None: the mail names its address on the web."""


class Email(Frozen):
    """An issue rendered, with its merge fields still open as markers (see `newsletter.emails.markers`)."""

    issue: str
    subject: str
    preheader: str
    html: str
    text: str
    web_html: str
    """The issue's web version: whole posts where a post has no address of its own; holds no merge markers."""
    headers: tuple[tuple[str, str], ...]
    """In order, without Subject, MIME-Version and Content-Type; values are plain text, markers open."""
    nonce: str
    assets: tuple[Asset, ...] = ()
    """The pictures that the HTML and the web version show."""


class Reader(NamedTuple):
    """Whom a copy is made for: fills the merge fields. A tuple, because the hot path makes millions of them."""

    subscriber_id: str
    email: str
    name: str
    attributes: dict[str, str]


# --- subscribers ----------------------------------------------------------------------------------------------


class SubscriberState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Subscriber(Frozen):
    id: str
    """Random and opaque; stands in links, so the address never does."""
    email: str
    """As given, domain normalised; shown to people and mailed to."""
    name: str = ""
    state: SubscriberState
    digests: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    attributes: dict[str, str] = Field(default_factory=dict)
    consent: str = ""
    """Where the consent came from, in the operator's words."""
    created_at: AwareDatetime
    changed_at: AwareDatetime


# --- deliveries -----------------------------------------------------------------------------------------------


class DeliveryState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    REFUSED = "refused"
    UNSURE = "unsure"
    SKIPPED = "skipped"


class Delivery(NamedTuple):
    """One issue to one subscriber, as `newsletter deliveries` shows it."""

    email: str
    state: DeliveryState
    at: datetime | None
    provider_id: str | None
    reason: str | None


class Counts(Frozen):
    """`recipients` is always the sum of the others: nobody is forgotten."""

    recipients: int = 0
    pending: int = 0
    sent: int = 0
    refused: int = 0
    unsure: int = 0
    skipped: int = 0


# --- occurrences ----------------------------------------------------------------------------------------------


class OccurrenceState(StrEnum):
    DUE = "due"
    """Noticed; its issue is being built, waits for approval, or is being sent."""
    DONE = "done"
    SKIPPED = "skipped"
    MERGED = "merged"
    """Several were due at once: the newest acts, its issue holds this one's posts."""
    MISSED = "missed"
    """Noticed later than `catch_up` allows; told, not sent."""


class Occurrence(Frozen):
    """One due time of a digest. The wall time is its identity; the instant only decides when it is due."""

    digest: str
    wall_time: datetime
    """Naive: what the clock on the site's wall shows."""
    due_at: AwareDatetime
    state: OccurrenceState
    note: str = ""
