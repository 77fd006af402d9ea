"""Page dumps, feeds, pages, Word files and exports → post files; what is there already stays as it is."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import yaml

from newsletter.errors import BadInput, NotPossible, Place
from newsletter.models import LeftOut
from newsletter.posts import import_docx, import_feed, import_json, import_page
from newsletter.posts.addresses import slugged
from newsletter.posts.as_markdown import text_to_markdown
from newsletter.posts.dates import start_of_day
from newsletter.posts.encoding import decode
from newsletter.posts.files import Unreadable, Vanished, list_files, read_bytes
from newsletter.posts.frontmatter import split
from newsletter.posts.import_text import read_dump
from newsletter.posts.imported import MAX_IMPORT_BYTES, Import, ImportedPost, Unimportable
from newsletter.posts.parsing import file_time
from newsletter.posts.rework import letters

IMPORTABLE = "page dumps (.txt), RSS, Atom and JSON feeds, WordPress and Ghost exports, .html pages and .docx files"
_SLUG_CHARACTERS = 60


class ImportReport(NamedTuple):
    added: tuple[str, ...]
    """Paths of the new files, within the folder."""
    unchanged: int
    """How many posts were there already, or had been and were deleted by an editor."""
    left_out: tuple[LeftOut, ...]
    keys: tuple[str, ...]
    """What knows these posts again, to be remembered: so a deleted one does not come back."""


def import_files(
    files: Sequence[Path], *, into: Path, zone: ZoneInfo, seen: Set[str], keep_closing: bool = False
) -> ImportReport:
    """Write every post of the files that is new as a file of its own; nothing is overwritten.

    `seen` are keys of earlier imports. A file that cannot be read is `BadInput`, before anything is written.
    """
    imports = _read_all(files, zone, keep_closing=keep_closing)
    writer = _Writer(into, seen)
    for found in imports:
        for post in found.posts:
            writer.take(post)
    left_out = tuple(item for found in imports for item in found.left_out)
    return ImportReport(tuple(writer.added), writer.unchanged, left_out, tuple(dict.fromkeys(writer.keys)))


# --- reading --------------------------------------------------------------------------------------------------


def _read_all(files: Sequence[Path], zone: ZoneInfo, *, keep_closing: bool) -> list[Import]:
    found: list[Import] = []
    places: list[Place] = []
    for path in files:
        try:
            found.append(_read(path, zone, keep_closing=keep_closing))
        except Unimportable as error:
            places.append(Place(str(path), error.reason))
    if places:
        fix = f"{IMPORTABLE} can be imported; correct the names or the files, then run it again"
        raise BadInput("nothing was imported, because these files cannot be:", places=places, fix=fix)
    return found


def _read(path: Path, zone: ZoneInfo, *, keep_closing: bool) -> Import:
    content, modified_at = _content(path)
    suffix = path.suffix.lower()
    if suffix == ".docx":
        return import_docx.read_docx(path.name, content, modified_at, zone)
    if suffix == ".json" or (suffix not in (".txt", ".text") and content.lstrip()[:1] == b"{"):
        return import_json.read_json(content, zone)
    if import_feed.is_feed(content) and suffix not in (".txt", ".text", ".html", ".htm"):
        return import_feed.read_feed(content, zone)
    if suffix in (".html", ".htm", ".xhtml"):
        return import_page.read_page(path.name, content, modified_at, zone)
    if suffix in (".txt", ".text", ""):
        return _read_text(path.name, content, zone, keep_closing=keep_closing)
    if suffix in (".md", ".markdown"):
        raise Unimportable("is Markdown already; copy it into the posts folder")
    raise Unimportable(f"is of a kind that cannot be imported ({suffix})")


def _content(path: Path) -> tuple[bytes, datetime]:
    try:
        # The user named this file, so a symbolic link is followed here.
        real = path.resolve(strict=True)
        return read_bytes(real, limit_bytes=MAX_IMPORT_BYTES), file_time(real.stat().st_mtime_ns)
    except (FileNotFoundError, Vanished) as error:
        raise Unimportable("does not exist") from error
    except Unreadable as error:
        raise Unimportable(error.reason.replace("a post may have", "an import may have")) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise Unimportable(f"cannot be read: {error}") from error


def _read_text(name: str, content: bytes, zone: ZoneInfo, *, keep_closing: bool) -> Import:
    try:
        text = decode(content).text
    except Unreadable as error:
        raise Unimportable(error.reason) from error
    dump = read_dump(text, keep_closing=keep_closing)
    if not dump.posts:
        raise Unimportable("holds no post: a line that is only a date, then a title, begins one")
    posts = tuple(
        ImportedPost(post.title, start_of_day(post.day, zone), text_to_markdown(post.body), has_time=False)
        for post in dump.posts
    )
    left_out = []
    if dump.before:
        left_out.append(LeftOut(name, f"the text above the first date: {_shortened(dump.before)}"))
    if dump.closing:
        reason = f"the page's closing block, from {dump.closing.splitlines()[0]!r} on; --keep keeps it in the last post"
        left_out.append(LeftOut(name, reason))
    return Import(posts, tuple(left_out))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "…"


# --- writing --------------------------------------------------------------------------------------------------


class _Writer:
    def __init__(self, into: Path, seen: Set[str]) -> None:
        self._into = into
        self._seen = seen
        self._there = frozenset(_ids_in(into)) if into.is_dir() else frozenset()
        self._used: set[str] = set()
        self.added: list[str] = []
        self.keys: list[str] = []
        self.unchanged = 0

    def take(self, post: ImportedPost) -> None:
        stem = f"{post.published_at:%Y-%m-%d}-{_short_slug(post.title)}"
        post_id = post.own_id or next(name for name in _numbered(stem) if name not in self._used)
        keys = (f"id:{post_id}", _text_key(post))
        is_known = post_id in self._used or post_id in self._there or any(key in self._seen for key in keys)
        self._used.add(post_id)
        self.keys.extend(keys)
        if is_known:
            self.unchanged += 1
        else:
            self.added.append(self._write(stem, _as_file(post, post_id)))

    def _write(self, stem: str, text: str) -> str:
        temporary = self._into / f".import-{secrets.token_hex(8)}.tmp"
        try:
            self._into.mkdir(parents=True, exist_ok=True)
            with temporary.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            return next(name for name in _numbered(stem, ".md") if _placed(temporary, self._into / name))
        except OSError as error:
            raise NotPossible(
                f"a post could not be written into {self._into}: {error.strerror}; {len(self.added)} are written",
                fix="make room or correct the rights, then import again: what is there is not written twice",
            ) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _placed(temporary: Path, target: Path) -> bool:
    """Whether the file got its name; a link, unlike a rename, never takes a name that is taken."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        return False
    except (OSError, NotImplementedError):  # file systems without hard links
        if target.exists():
            return False
        temporary.rename(target)
    return True


def _numbered(stem: str, suffix: str = "") -> Iterator[str]:
    yield stem + suffix
    number = 2
    while True:
        yield f"{stem}-{number}{suffix}"
        number += 1


def _short_slug(title: str) -> str:
    slug = slugged(title)
    if len(slug) > _SLUG_CHARACTERS:
        slug = slug[: _SLUG_CHARACTERS + 1].rsplit("-", 1)[0][:_SLUG_CHARACTERS]
    return slug or "post"


def _text_key(post: ImportedPost) -> str:
    """Knows a post again whose title was corrected on its page."""
    text = f"{post.published_at:%Y-%m-%d}\0{letters(post.body) or letters(post.title)}"
    return f"text:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _as_file(post: ImportedPost, post_id: str) -> str:
    date = post.published_at.isoformat(timespec="seconds" if post.has_time else "auto")
    note = f"  # {post.date_note}" if post.date_note else ""
    fields = {
        "id": post_id,
        "url": post.url,
        "authors": list(post.authors),
        "tags": list(post.tags),
        "image": post.image,
        "summary": post.summary,
    }
    lines = [_yaml({"title": post.title}), f"date: {date if post.has_time else date[:10]}{note}\n"]
    lines += [_yaml({key: value}) for key, value in fields.items() if value]
    return f"---\n{''.join(lines)}---\n\n{post.body.strip()}\n"


def _yaml(field: dict[str, object]) -> str:
    return str(yaml.safe_dump(field, allow_unicode=True, width=10_000, default_flow_style=False, sort_keys=False))


def _ids_in(folder: Path) -> Iterable[str]:
    """The ids that the post files in the folder carry, whatever their names are by now."""
    found = list_files(folder).files
    for file in found:
        with contextlib.suppress(Unreadable, Vanished):
            head = decode(read_bytes(folder / file.path)).text
            if re.match(r"\s*(?:---|\+\+\+|\{)", head):
                fields = split(head, "text").fields
                yield from (str(fields[key]).strip() for key in ("id", "guid") if fields.get(key))
