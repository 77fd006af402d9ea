"""Videos in a mail: no mail client plays one, so a picture with a play mark on it leads to where it plays.

The picture is the one that the post gives (a `poster`, an image in the link), else a plain one in the site's colours. A
still is never fetched from the video's host: that would tell the host who opens the mail.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from lxml import etree
from lxml import html as lxml_html

from newsletter.emails.picture import Plain

UNTITLED = "Watch the video"
"""What the posts' readers write for a player without a title; they do not know the site's language."""
_VIDEO = re.compile(
    r"https?://(?:(?:www\.|m\.)?youtube\.com/watch\?|youtu\.be/|vimeo\.com/\d|[^/]+/[^?#]+\.(?:mp4|webm|mov)$)"
)
_MARK = "\u25b6\u00a0 "


class Look(NamedTuple):
    """How a video is shown."""

    untitled: str = UNTITLED
    """What is said of one without a title."""
    alt: str = "Video: {title}"
    plain: Plain = Plain("#0b6068", "#fffefb")
    """What stands for one without a picture."""


class Player(NamedTuple):
    """A link to a video, alone in its paragraph."""

    paragraph: Any
    link: Any
    title: str
    """Empty: it has none."""
    poster: str
    """The address of its picture as the post has it, or nothing."""


def players(root: lxml_html.HtmlElement) -> list[Player]:
    """The links that stand for a video (`newsletter.posts.rework` makes one of a player); pictures are taken out."""
    return [found for paragraph in root.iter("p") if (found := _player(paragraph))]


def _player(paragraph: lxml_html.HtmlElement) -> Player | None:
    link = paragraph[0] if len(paragraph) == 1 else None
    if link is None or link.tag != "a" or (paragraph.text or "").strip() or (link.tail or "").strip():
        return None
    image = link[0] if len(link) == 1 and link[0].tag == "img" and not (link.text or "").strip() else None
    if (len(link) and image is None) or not _VIDEO.match(link.get("href", "")):
        return None
    written = [link.text] if image is None else [image.tail, image.get("alt")]
    title = next((words.strip() for words in written if words and words.strip() not in ("", UNTITLED)), "")
    poster = image.get("src", "") if image is not None else ""
    if image is not None:
        link.remove(image)
    return Player(paragraph, link, title, poster)


def show_boxed(player: Player, look: Look) -> None:
    """Where there is no picture: the words alone."""
    player.paragraph.set("class", "video")
    player.link.text = _MARK + (player.title or look.untitled)


def show_pictured(player: Player, look: Look) -> lxml_html.HtmlElement:
    """Gives the `<img>`, still without an address; the title stands below for the eye alone, as the image says it."""
    player.paragraph.set("class", "film")
    player.link.text = None
    alt = look.alt.replace("{title}", player.title) if player.title else look.untitled
    image = etree.SubElement(player.link, "img", alt=alt)
    words = etree.SubElement(player.link, "span", {"aria-hidden": "true"})
    words.text = _MARK + (player.title or look.untitled)
    return image
