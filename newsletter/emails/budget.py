"""Keeps a mail under the size at which Gmail clips it: whole posts fall back to summaries, summaries to titles.

Gmail shows about 102 KB of HTML, hides the rest behind a link, and with it the way to unsubscribe (email-bugs#41). What
counts is the decoded HTML of one reader's copy, so merge fields are measured at their longest, and there is room for
what a provider's tracking adds to each link.
"""

from __future__ import annotations

import html as html_entities
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from newsletter.emails.fields import Fields
from newsletter.emails.markers import Slot, split
from newsletter.models import Body, Entry, PostContent
from newsletter.settings import Settings

LIMIT_BYTES = 104_448
"""102 KiB: more is clipped."""
ROOM_BYTES = 12_288
"""Kept free at least, for tracking and because the limit was never written down by Gmail: 90 KiB are ours."""
STYLE_LIMIT_BYTES = 16_384
"""All `<style>` blocks together; Gmail drops the block that passes it (email-bugs#90)."""
TRACKED_LINK_BYTES = 100
"""What a provider's link tracking adds to an address, about."""
TITLE_BYTES = 300
"""What a post takes as a mere title, about."""
READ_ON_BYTES = 400
"""What a post in brief has that a whole one has not, the link to it, about."""
LONGEST_NAME_BYTES = 200
LONGEST_EMAIL_BYTES = 254
"""RFC 5321 4.5.3.1.3, less the angle brackets."""
LONGEST_TOKEN_BYTES = 200
"""Behind the site's address in a signed link; itsdangerous' signature, the subscriber's id and the issue's."""

_LINK = re.compile(r'<a\b[^>]*\shref="(?!mailto:|tel:)', re.IGNORECASE)


class Shortened(NamedTuple):
    """A post of which the mail shows less than the digest's settings say."""

    post_id: str
    title: str
    was: Body
    now: Body
    less_bytes: int
    """Of the post's HTML, that are not in the mail."""

    def __str__(self) -> str:
        shown = "its title only" if self.now == "title" else "its summary instead of the whole post"
        return f"“{self.title}” shows {shown}: {self.less_bytes:,} bytes less"


class Fit(NamedTuple):
    """How the finished HTML stands to Gmail's limit, merge fields at their longest."""

    size_bytes: int
    would_be_bytes: int
    """Without shortening anything."""
    over_bytes: int = 0
    """What is still too much, with nothing left to shorten."""
    shortened: tuple[Shortened, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """For the editor, one a line; empty where nothing had to be shortened."""
        said: list[str] = []
        if self.shortened:
            said.append(
                f"{len(self.shortened)} post(s) are shortened, because Gmail clips a mail of {self.would_be_bytes:,} "
                f"bytes; it has {self.size_bytes:,} now"
            )
            said += map(str, self.shortened)
        if self.over_bytes:
            said.append(
                f"the mail has {self.size_bytes:,} bytes with titles only: Gmail clips it; take out posts, or lower "
                "max_posts"
            )
        return tuple(said)


# --- measuring -------------------------------------------------------------------------------------------------


def longest_fields(settings: Settings) -> Fields:
    """The merge values that take the most room."""
    url = settings.site.url + "/unsubscribe/" + "x" * LONGEST_TOKEN_BYTES
    name, email = "x" * LONGEST_NAME_BYTES, "x" * LONGEST_EMAIL_BYTES
    return Fields(f"{name} <{email}>", email, name, url, url, "x" * LONGEST_TOKEN_BYTES, email)


def merged_bytes(html: str, nonce: str, values: Fields) -> int:
    """The size of one reader's copy of the HTML, as UTF-8."""

    def size(piece: str | Slot) -> int:
        if isinstance(piece, str):
            return len(piece.encode())
        value = str(getattr(values, piece.field))
        return len((html_entities.escape(value) if piece.is_html else value).encode())

    return sum(size(piece) for piece in split(html, nonce))


def counted_bytes(size_bytes: int, html: str) -> int:
    """What is held against the limit: the merged size, and room for tracking."""
    return size_bytes + max(ROOM_BYTES, TRACKED_LINK_BYTES * len(_LINK.findall(html)))


def style_bytes(html: str) -> int:
    """What Gmail counts of all `<style>` blocks."""
    return sum(len(block.encode()) for block in re.findall(r"<style\b[^>]*>(.*?)</style>", html, re.DOTALL))


def has_many_links(page: str) -> bool:
    """Whether the room for tracking depends on the number of links."""
    return TRACKED_LINK_BYTES * len(_LINK.findall(page)) > ROOM_BYTES


def text_bytes(html: str, *, are_links_counted: bool) -> int:
    """What a post's text takes in a page beside its styles."""
    return len(html.encode()) + (TRACKED_LINK_BYTES * len(_LINK.findall(html)) if are_links_counted else 0)


# --- shortening ------------------------------------------------------------------------------------------------


def sizes(entry: Entry, content: PostContent) -> dict[Body, int]:
    """Bytes of HTML of one post as it was read, by how much of it is shown."""
    summary = entry.summary or content.summary_html
    whole = entry.summary or content.body_html
    return {"full": len(whole.encode()), "summary": len(summary.encode()), "title": 0}


def in_mail(sizes: Mapping[Body, int], shown: Body, shown_bytes: int) -> dict[Body, int]:
    """What the post takes in the mail, by how much of it is shown, from what it takes there now as `shown`.

    Styles on every element and addresses in full make twice or more of what was read; how much, depends on the post.
    """
    growth = shown_bytes / sizes[shown] if sizes[shown] else 1.0
    grown: dict[Body, int] = {body: round(size * growth) for body, size in sizes.items()}
    if shown == "full" and sizes["summary"] != sizes["full"]:
        grown["summary"] += READ_ON_BYTES
    return grown


def shorter(
    bodies: Mapping[str, Body], sizes_by_post: Mapping[str, Mapping[Body, int]], *, posts_bytes: int, save_bytes: int
) -> dict[str, Body]:
    """The same with the longest posts shortened: whole posts first, then summaries, until `save_bytes` are saved.

    `posts_bytes`: what all posts take in the mail now. At least one is shortened where one can be, so repeating this
    ends.
    """
    chosen, saved = dict(bodies), 0
    frame_bytes = _frame_bytes(bodies, sizes_by_post, posts_bytes)
    steps: tuple[Body, ...] = ("summary", "title")
    for less in steps:
        for post_id in _longest_first(chosen, sizes_by_post, to=less):
            if saved >= save_bytes and chosen != bodies:
                return chosen
            saved += sizes_by_post[post_id][chosen[post_id]] - sizes_by_post[post_id][less]
            saved += frame_bytes if less == "title" else 0
            chosen[post_id] = less
    return chosen


def _frame_bytes(bodies: Mapping[str, Body], sizes_by_post: Mapping[str, Mapping[Body, int]], posts_bytes: int) -> int:
    """What a post takes beside its text (a picture, a heading, a button), about, that a mere title does not."""
    texts = [sizes_by_post[post_id][body] for post_id, body in bodies.items() if body != "title"]
    return max(0, posts_bytes - sum(texts) - TITLE_BYTES * len(bodies)) // max(1, len(texts))


def _longest_first(
    bodies: Mapping[str, Body], sizes_by_post: Mapping[str, Mapping[Body, int]], *, to: Body
) -> Sequence[str]:
    """Those that get smaller as `to`: a whole post may be as short as its summary."""
    size_by_post = {post_id: sizes_by_post[post_id][body] for post_id, body in bodies.items() if body != "title"}
    gaining = [post for post, size in size_by_post.items() if to == "title" or size > sizes_by_post[post][to]]
    return sorted(gaining, key=size_by_post.__getitem__, reverse=True)


def shortened(
    titles: Mapping[str, str],
    before: Mapping[str, Body],
    after: Mapping[str, Body],
    sizes_by_post: Mapping[str, Mapping[Body, int]],
) -> tuple[Shortened, ...]:
    """The posts that show less `after`, in the issue's order."""
    return tuple(
        Shortened(
            post_id,
            titles[post_id],
            was,
            after[post_id],
            sizes_by_post[post_id][was] - sizes_by_post[post_id][after[post_id]],
        )
        for post_id, was in before.items()
        if was != after[post_id]
    )
