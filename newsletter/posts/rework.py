"""Makes sanitised HTML fit for a mail: absolute links, no trackers, players as links, the title not said twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import lxml.html
from lxml.html import HtmlElement

from newsletter.models import PostPicture
from newsletter.posts.links import Links
from newsletter.posts.sanitize import safe_to_rework

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LISTS = ("dd", "dl", "dt", "li", "ol", "ul")
_BLOCKS = frozenset(
    (*_HEADINGS, *_LISTS, "blockquote", "div", "figcaption", "figure", "hr", "p", "pre", "section", "table")
)
_TINY = re.compile(r"\s*(?:0|1)(?:px)?\s*")
_HIDDEN = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden|(?:width|height)\s*:\s*[01](?:px)?\s*(?:;|$))"
)
# Addresses that give a picture of one pixel to those who count readers (mail providers, shops, social networks).
_TRACKERS = re.compile(
    r"(?:https?:)?//(?:[\w.-]+\.list-manage\.com/track/|[\w.-]*\.?sendgrid\.net/wf/open|(?:www\.)?facebook\.com/tr\b"
    r"|(?:www|ssl)\.google-analytics\.com/|[\w.-]+\.doubleclick\.net/|pixel\.wp\.com/|stats\.wordpress\.com/"
    r"|[\w.-]+\.hubspot\.com/(?:__ptq|e2t)|t\.co/i/adsct|px\.ads\.linkedin\.com/|[\w.-]*mailtrack\.io/"
    r"|feeds\.feedburner\.com/~r/|[\w.-]+\.feedsportal\.com/|bat\.bing\.com/|[\w.-]+\.scorecardresearch\.com/"
    r"|medium\.com/_/stat|[\w.-]*substack\.com/o/|[\w.-]+\.open\.convertkit)",
    re.IGNORECASE,
)
_ALIGNED = re.compile(r"text-align\s*:\s*(left|right|center)")


def reworked(markup: str, links: Links) -> HtmlElement:
    """The tree of the markup (a `div` around it), safe to take apart; `sanitize.safe_html` has the last word."""
    tree = lxml.html.fragment_fromstring(safe_to_rework(markup), create_parent="div")
    for step in (_players, _disclosures, _footnotes, _alignments):
        step(tree)
    _pictures(tree, links)
    _links(tree, links.absolute)
    _wrap_loose(tree)
    _drop_empty(tree)
    for line_break in tree.iter("br"):
        line_break.tail = "\n" + (line_break.tail or "")  # so that the words do not run together in plain text
    return tree


def inner_html(element: HtmlElement) -> str:
    """What stands between the element's tags."""
    whole = lxml.html.tostring(element, encoding="unicode", with_tail=False)
    return str(whole[whole.index(">") + 1 : whole.rindex("<")])


def _players(tree: HtmlElement) -> None:
    for player in list(tree.iter("iframe", "video", "audio", "embed")):
        sources = [player, *player.iter("source")]
        address = next((item.get(key) for item in sources for key in ("src", "data-src") if item.get(key)), None)
        player_link = _player_link(player, address) if address else None
        if player_link is not None:
            player.addprevious(player_link)
        player.drop_tree()
    for source in list(tree.iter("source")):
        source.drop_tree()
    for picture in list(tree.iter("picture")):
        picture.drop_tag()


def _player_link(player: HtmlElement, address: str) -> HtmlElement | None:
    host = (urlsplit(address if "://" in address else f"https:{address}").hostname or "").removeprefix("www.")
    # Players have addresses of their own, which show a bare player; people want the page.
    address = re.sub(
        r"^(?:https?:)?//www\.youtube(?:-nocookie)?\.com/embed/([\w-]+).*",
        r"https://www.youtube.com/watch?v=\1",
        address,
    )
    address = re.sub(r"^(?:https?:)?//player\.vimeo\.com/video/(\d+).*", r"https://vimeo.com/\1", address)
    words = {"video": "Watch the video", "audio": "Listen"}
    is_video = "youtube" in host or "vimeo" in host
    label = (
        player.get("title") or words.get(str(player.tag)) or ("Watch the video" if is_video else f"See it at {host}")
    )
    link = lxml.html.Element("a", href=address)
    if poster := player.get("poster"):
        link.append(lxml.html.Element("img", src=poster, alt=""))
        link[0].tail = str(label)
    else:
        link.text = str(label)
    return link


def _disclosures(tree: HtmlElement) -> None:
    for summary in list(tree.iter("summary")):
        summary.tag = "p"
        inside = lxml.html.Element("strong")
        inside.text, summary.text = summary.text, None
        inside.extend(list(summary))
        summary.append(inside)
    for details in list(tree.iter("details")):
        details.drop_tag()


def _footnotes(tree: HtmlElement) -> None:
    """Anchors do nothing in most mail programs: marks stay as text, the ways back go."""
    for link in list(tree.iter("a")):
        names = str(link.get("class") or "").split()
        href = str(link.get("href") or "")
        if "footnote-backref" in names or "reversefootnote" in names or href.startswith("#fnref"):
            link.drop_tree()
        elif "footnote-ref" in names or "footnote" in names or href.startswith("#fn"):
            link.drop_tag()


def _alignments(tree: HtmlElement) -> None:
    for cell in tree.iter("td", "th"):
        aligned = _ALIGNED.search(str(cell.get("style") or ""))
        if aligned:
            cell.set("align", aligned[1])


def _pictures(tree: HtmlElement, links: Links) -> None:
    for picture in list(tree.iter("img")):
        source = picture.get("src") or picture.get("data-src")
        address, local = links.picture(source) if source and not _is_tracker(picture, source) else (None, None)
        if address is None:
            picture.drop_tree()
            continue
        picture.set("src", address)
        # Read by `pictures_in`; the last pass of the sanitiser takes them away.
        picture.set("data-file", local.path if local else "")
        picture.set("data-named", "" if picture.get("alt") is None else "yes")
        picture.set("alt", picture.get("alt") or "")


def pictures_in(tree: HtmlElement) -> list[PostPicture]:
    """Of a tree that `reworked` made, in order."""
    return [
        PostPicture(str(one.get("src")), one.get("data-file") or None, bool(one.get("data-named")))
        for one in tree.iter("img")
    ]


def _is_tracker(picture: HtmlElement, source: str) -> bool:
    sizes = [picture.get(name) for name in ("width", "height")]
    return (
        bool(_TRACKERS.match(source))
        or any(size is not None and _TINY.fullmatch(size) for size in sizes)
        or bool(_HIDDEN.search(str(picture.get("style") or "")))
        or picture.get("hidden") is not None
    )


def _links(tree: HtmlElement, absolute: Callable[[str], str | None]) -> None:
    for link in list(tree.iter("a")):
        href = link.get("href")
        address = absolute(href) if href else None
        if address is None:
            link.drop_tag()
        else:
            link.set("href", address)


def _wrap_loose(tree: HtmlElement) -> None:
    """Text that stands in no paragraph gets one, as far as it stands at the top."""
    children = list(tree)
    run: HtmlElement | None = None
    if tree.text and tree.text.strip():
        run = lxml.html.Element("p")
        run.text, tree.text = tree.text, None
        tree.insert(0, run)
    for child in children:
        if child.tag in _BLOCKS:
            run = None
        else:
            if run is None:
                run = lxml.html.Element("p")
                child.addprevious(run)
            tail, child.tail = child.tail, None
            run.append(child)
            child.tail = tail
            continue
        if child.tail and child.tail.strip():
            run = lxml.html.Element("p")
            run.text, child.tail = child.tail, None
            child.addnext(run)


def _drop_empty(tree: HtmlElement) -> None:
    for element in reversed(list(tree.iter("a", "p", "figure", "figcaption", "div", "section", "li", "ul", "ol"))):
        if element is not tree and len(element) == 0 and not (element.text or "").strip():
            element.drop_tree()


def drop_repeated_title(tree: HtmlElement, title: str, *, also_paragraph: bool) -> None:
    """Leave out a first heading that says what the title says; of plain text also a first paragraph."""
    first = next((child for child in tree if child.tag != "hr"), None)
    while first is not None and first.tag in ("div", "section") and len(first) and not (first.text or "").strip():
        first = first[0]
    tags = ("h1", "h2", "p") if also_paragraph else ("h1", "h2")
    if first is not None and first.tag in tags and letters(first.text_content()) == letters(title):
        first.drop_tree()


def letters(text: str) -> str:
    """What remains to compare: letters and digits, without regard to case."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())
