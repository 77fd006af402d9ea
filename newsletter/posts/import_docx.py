"""A Word file → one post."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import lxml.html
from lxml.html import HtmlElement

from newsletter.models import LeftOut
from newsletter.posts import dates
from newsletter.posts.as_markdown import html_to_markdown
from newsletter.posts.dated_lines import dated_line
from newsletter.posts.dates import BadDate, moment, start_of_day
from newsletter.posts.fields import one_line
from newsletter.posts.import_page import Dated
from newsletter.posts.imported import Import, ImportedPost, Unimportable
from newsletter.posts.rework import inner_html

_MAX_UNPACKED_BYTES = 200_000_000
_MAX_RATIO = 200
"""Text packs about 10 to 1; a zip bomb a thousand to one."""
_MAX_MEMBERS = 5_000
# What zipfile lets through when an archive is damaged (seen by flipping bytes, Python 3.11).
_BROKEN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError),
    *(RuntimeError, EOFError, OSError, ValueError),
)
_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh\nu => u"
_TITLE_CHARACTERS = 150


def read_docx(name: str, content: bytes, modified_at: datetime, zone: ZoneInfo) -> Import:
    """The document as a post; its pictures are left out and told. Raises `Unimportable`."""
    core = _checked(content)
    markup, pictures = _html(content)
    tree = lxml.html.fragment_fromstring(markup or "<p></p>", create_parent="div")
    dated = _date_at_top(tree, zone) or _date_around(name, core, modified_at, zone)
    title = _take_title(tree) or _core(core, "title") or posixpath.splitext(name)[0]
    body = html_to_markdown(inner_html(tree))
    if not body.strip():
        raise Unimportable("is a Word file without text")
    author = _core(core, "creator")
    post = ImportedPost(
        title=one_line(title),
        published_at=dated.at,
        has_time=dated.has_time,
        date_note=dated.note,
        body=body,
        authors=(author,) if author else (),
    )
    left_out = (LeftOut(name, f"{pictures} pictures; put them beside the post and link them"),) if pictures else ()
    return Import((post,), left_out)


def _checked(content: bytes) -> str:
    """The file's description of itself; refuses what is no Word file, or one made to burst."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            _check_members(members, len(content))
            names = {member.filename for member in members}
            if "word/document.xml" not in names:
                raise Unimportable("is no Word file (.docx)")
            for member in members:
                if member.filename.endswith((".xml", ".rels")):
                    _refuse_entities(archive.read(member))
            return archive.read("docProps/core.xml").decode("utf-8", "replace") if "docProps/core.xml" in names else ""
    except _BROKEN_ZIP as error:
        raise Unimportable(f"is no Word file (.docx) that can be opened: {error}") from error


def _check_members(members: list[zipfile.ZipInfo], packed_bytes: int) -> None:
    unpacked = sum(member.file_size for member in members)
    if len(members) > _MAX_MEMBERS or unpacked > _MAX_UNPACKED_BYTES or unpacked > packed_bytes * _MAX_RATIO:
        size = f"{unpacked / 1e6:.0f} MB out of {packed_bytes / 1e6:.1f} MB"
        raise Unimportable(f"would unpack to {size}, {len(members)} parts: that is no document")


def _refuse_entities(part: bytes) -> None:
    # Word writes no document type; one here can only be an entity bomb or a way to read other files.
    if b"<!DOCTYPE" in part or b"<!ENTITY" in part or part.startswith((b"\xfe\xff", b"\xff\xfe")):
        raise Unimportable("holds XML entities, which Word does not write and which can hide an attack")


def _html(content: bytes) -> tuple[str, int]:
    import mammoth

    pictures: list[Any] = []

    def leave_out(picture: Any) -> list[Any]:
        pictures.append(picture)
        return []

    try:
        result = mammoth.convert_to_html(io.BytesIO(content), style_map=_STYLES, convert_image=leave_out)
    except Exception as error:
        raise Unimportable(f"cannot be read as a Word file: {error}") from error
    return str(result.value), len(pictures)


def _take_title(tree: HtmlElement) -> str:
    """The first heading; without one a short first paragraph. It is taken out of the text."""
    heading = next(iter(tree.xpath("./h1 | ./h2")), None)
    first = next((child for child in tree if child.text_content().strip()), None)
    if heading is None and first is not None and first.tag == "p" and len(tree) > 1:
        text = one_line(first.text_content())
        heading = first if len(text) <= _TITLE_CHARACTERS and not text.endswith((".", ":", ";", ",")) else None
    if heading is None:
        return ""
    title = one_line(heading.text_content())
    heading.drop_tree()
    return title


def _date_at_top(tree: HtmlElement, zone: ZoneInfo) -> Dated | None:
    for child in list(tree)[:4]:
        found = dated_line(child.text_content())
        day = found.day() if found else None
        if day:
            child.drop_tree()
            return Dated(start_of_day(day, zone), has_time=False)
    return None


def _date_around(name: str, core: str, modified_at: datetime, zone: ZoneInfo) -> Dated:
    if named := dates.date_in_name(name):
        return Dated(start_of_day(named[0], zone), has_time=False, note="from the file's name")
    try:
        return Dated(
            moment(_core(core, "created"), zone), has_time=True, note="when the Word file was made; correct it"
        )
    except BadDate:
        at = modified_at.astimezone(zone).replace(microsecond=0)
        return Dated(at, has_time=True, note="from the file's time; correct it")


def _core(core: str, name: str) -> str:
    found = re.search(rf"<(?:dc|dcterms):{name}\b[^>]*>([^<]*)<", core)
    return one_line(lxml.html.fromstring(f"<p>{found[1]}</p>").text_content()) if found else ""
