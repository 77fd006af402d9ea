"""A chosen post's file → its rendered text: sanitised, links and pictures absolute, with a summary."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from lxml.html import HtmlElement

from newsletter.errors import BadInput, Place
from newsletter.models import BodyFormat, Post, PostContent, PostPicture
from newsletter.posts import dates, markdown, text
from newsletter.posts.addresses import base_name
from newsletter.posts.encoding import decode
from newsletter.posts.files import Unreadable, Vanished, read_bytes
from newsletter.posts.frontmatter import FrontMatter, split
from newsletter.posts.links import Links
from newsletter.posts.rework import drop_repeated_title, inner_html, pictures_in, reworked
from newsletter.posts.sanitize import safe_html
from newsletter.posts.shortcodes import MORE, Dialect, without_shortcodes
from newsletter.posts.summary import Summary, drop_mark, from_author, summarise

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+(?:['’-][^\W\u3040-\u30ff\u3400-\u9fff]+)*"
)
"""A word, or a letter of a script that writes without blanks."""


def render_content(post: Post, *, folder: Path, site_url: str = "", url_pattern: str = "") -> PostContent:
    """The post's text as HTML and its summary; raises `BadInput` if the file can no longer be read.

    Links that only work within the folder become text; pictures that are only there have an address of
    `posts.pictures.SCHEME`.
    """
    front = _front_matter(post, folder)
    links = Links(post, folder, url_pattern, site_url)
    dialect = _dialect(post, front)
    body = _with_own_mark(without_shortcodes(_CONTROL.sub("", front.body), dialect), front)
    tree = reworked(_to_html(body, post.body_format), links)
    drop_repeated_title(tree, post.title, also_paragraph=post.body_format == "text")
    written = _authors_summary(post, links, dialect)
    summary = written if written.text else summarise(tree)
    drop_mark(tree)
    image, image_alt = _image(post, tree, links)
    pictures = [*filter(None, [image]), *pictures_in(tree)]
    return PostContent(
        body_html=safe_html(inner_html(tree)).strip(),
        summary_html=summary.html,
        summary_text=summary.text,
        image_url=image.address if image else None,
        image_alt=image_alt,
        words=len(_WORD.findall(tree.text_content())),
        pictures=tuple({picture.address: picture for picture in reversed(pictures)}.values())[::-1],
    )


def _front_matter(post: Post, folder: Path) -> FrontMatter:
    try:
        decoded = decode(read_bytes(folder / post.path))
        return split(decoded.text, post.body_format)
    except Vanished as error:
        fix = "collect the posts again; an issue that holds this one drops it then"
        raise BadInput(f"the post {post.path} is no longer in {folder}", fix=fix) from error
    except Unreadable as error:
        where = post.path if error.line is None else f"{post.path}:{error.line}"
        raise BadInput("a post can no longer be read:", places=[Place(where, error.reason)], fix="mend it") from error


def _dialect(post: Post, front: FrontMatter) -> Dialect:
    has_jekylls_name = dates.date_in_name(base_name(post.path)) is not None or "layout" in front.fields
    is_zola = front.kind == "toml" or bool({"extra", "taxonomies"} & front.fields.keys())
    return Dialect(
        is_liquid=front.kind == "yaml" and has_jekylls_name,
        is_tera=is_zola,
        is_mdx=posixpath.splitext(post.path)[1].lower() == ".mdx",
        is_html=post.body_format == "html",
        is_plain=post.body_format == "text",
    )


def _with_own_mark(body: str, front: FrontMatter) -> str:
    # Jekyll: a post may name its own mark.
    mark = front.fields.get("excerpt_separator")
    return body.replace(mark.strip(), MORE, 1) if isinstance(mark, str) and len(mark.strip()) > 2 else body


def _to_html(body: str, body_format: BodyFormat) -> str:
    if body_format == "markdown":
        return markdown.to_html(body)
    return text.to_html(body) if body_format == "text" else body


def _authors_summary(post: Post, links: Links, dialect: Dialect) -> Summary:
    if not post.summary:
        return Summary("", "")
    written = without_shortcodes(_CONTROL.sub("", post.summary), dialect).replace(MORE, "")
    paragraphs = [markdown.inline_to_html(part) for part in re.split(r"\n\s*\n", written) if part.strip()]
    tree = reworked("".join(f"<p>{part}</p>" for part in paragraphs), links)
    return from_author(list(tree.iter("p")))


def _image(post: Post, tree: HtmlElement, links: Links) -> tuple[PostPicture | None, str]:
    """The picture that stands for the post, and its alternative text."""
    if post.image:
        written = re.sub(r"\{\{-?\s*site\.\w+\s*-?\}\}", "", post.image)
        address, local = links.leading_picture(written)
        if address:
            named = post.image_alt is not None
            return PostPicture(address, local.path if local else None, named), post.image_alt or ""
    picture = next(tree.iter("img"), None)
    return (None, "") if picture is None else (pictures_in(tree)[0], str(picture.get("alt") or ""))
