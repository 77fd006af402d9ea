"""The pictures that an issue may show, read once: from the posts folder and from the web.

What was read lies in `data/pictures/`, so that the same issue rendered again fetches nothing; the folder may be
deleted at any time. A picture that cannot be had is told and left out: the mail is whole without it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import lxml.html
from lxml.etree import LxmlError

from newsletter.emails.design import SITE_SCHEME, design_of, logo_address
from newsletter.emails.images import Found, PictureProblem, Pictures, Rules
from newsletter.emails.intro import intro_html
from newsletter.emails.picture import MAX_BYTES, Refused, looked_at
from newsletter.fetch import Fetcher, NotFetched
from newsletter.models import Issue, Post, PostContent
from newsletter.pipeline.site import Site
from newsletter.posts.pictures import PictureUnreadable, local_picture, path_of, read_picture
from newsletter.settings_values import ImagesMode

FOLDER = "pictures"
FRESH = timedelta(days=1)
"""So long a fetched picture counts as it was; a later rendering looks again, and keeps the old one if it must."""
TRIED = timedelta(minutes=10)
"""So long nobody asks again for a picture that could not be fetched."""
AT_ONCE = 8
TRACKER_PIXELS = 4
"""A picture of so few pixels shows nothing: it counts readers."""
ISSUE_TEXT = "issue.md"
LOGO_FIX = "put it into the site's folder, or mend its name under [design]"

Chosen = Mapping[str, tuple[Post, PostContent]]


@dataclass(frozen=True)
class Wanted:
    """A picture that the issue names."""

    address: str
    """As the HTML has it."""
    file: str | None
    where: str
    """The file that names it, within the site."""
    is_of_site: bool = False
    """Its file lies in the site's folder, not in that of the posts: a logo."""

    @property
    def name(self) -> str:
        return self.file or self.address


class _Missing(NamedTuple):
    reason: str
    fix: str


def prepare(
    site: Site,
    issue: Issue,
    posts: Chosen,
    *,
    now: datetime,
    fetcher: Fetcher | None = None,
    mode: ImagesMode | None = None,
    address: Callable[[str], str] | None = None,
) -> Pictures:
    """Read what the issue's posts and texts show, for `render(pictures=…)`; then `.problems` tells what is missing.

    `mode` and `address` (of a file's name) replace the settings: for a preview, or a test mail before the approval.
    """
    digest = site.digest(issue.digest)
    mode = mode or digest.images
    wanted = {one.address: one for one in _wanted(site, issue, posts)}
    if mode == "linked":
        wanted = {key: one for key, one in wanted.items() if not key.startswith(("http://", "https://"))}
    shelf = Shelf(site.settings.data_folder / FOLDER)
    reader = _Reader(site.settings.posts_folder, site.settings.folder, shelf, fetcher or Fetcher(), now)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = dict(zip(wanted, pool.map(reader.read, wanted.values()), strict=True))
    problems = [
        PictureProblem(wanted[key].where, wanted[key].name, result.reason, result.fix, is_missing=True)
        for key, result in results.items()
        if isinstance(result, _Missing)
    ]
    images = site.settings.images
    return Pictures(
        {key: result for key, result in results.items() if isinstance(result, Found)},
        Rules(
            address=address or (lambda name: picture_address(site, issue.id, name)),
            embeds=mode == "embedded",
            max_bytes=images.max_kb * 1000,
            max_total_bytes=images.max_total_kb * 1000,
        ),
        gone=[key for key, result in results.items() if not isinstance(result, Found)],
        problems=[*problems, *_unnamed(site, issue, posts)],
        keep=shelf.keep,
    )


def picture_address(site: Site, issue: str, name: str) -> str:
    """Where a picture of an issue lies on the web, from its approval on."""
    pattern = site.settings.images.url or f"{site.settings.site.url}/issues/{{issue}}/assets/{{name}}"
    return pattern.replace("{issue}", quote(issue)).replace("{name}", quote(name))


# --- which pictures --------------------------------------------------------------------------------------------


def _wanted(site: Site, issue: Issue, posts: Chosen) -> Iterator[Wanted]:
    digest = site.digest(issue.digest)
    text_file = f"issues/{issue.id}/{ISSUE_TEXT}"
    for entry in issue.entries:
        post, content = posts[entry.post_id]
        where = f"{site.settings.posts.folder}/{post.path}"
        files = {one.address: one.file for one in content.pictures}
        # The whole text is shown in the mail, or in the web version where the post has no page of its own.
        shows_body = digest.body == "full" or not post.url
        html = content.summary_html + (content.body_html if shows_body else "")
        for address in filter(None, [content.image_url, *_sources(html)]):
            yield Wanted(address, files.get(address) or path_of(address), where)
        yield from _in_text(site, entry.summary or "", text_file, beside=post.path.rpartition("/")[0])
    yield from _in_text(site, issue.intro, text_file)
    yield from _in_text(site, digest.notice, "newsletter.toml")
    design = design_of(site.settings, digest.theme)
    for address in map(logo_address, (design.logo, design.logo_dark)):
        if address.startswith(SITE_SCHEME):
            yield Wanted(address, address.removeprefix(SITE_SCHEME), "newsletter.toml", is_of_site=True)


def _in_text(site: Site, markdown: str, where: str, *, beside: str = "") -> Iterator[Wanted]:
    """Pictures in the editor's own words: on the web, or in the posts folder."""
    for address in _sources(intro_html(markdown)):
        local = local_picture(address, folder=site.settings.posts_folder, beside=beside)
        yield Wanted(address, local.path if local else path_of(address), where)


def _sources(html: str) -> list[str]:
    if "<img" not in html:
        return []
    try:
        images = lxml.html.fragment_fromstring(html, create_parent="div").iter("img")
        return [str(image.get("src")) for image in images if image.get("src")]
    except (LxmlError, ValueError):
        return []


def _unnamed(site: Site, issue: Issue, posts: Chosen) -> Iterator[PictureProblem]:
    for post_id in dict.fromkeys(issue.post_ids):
        post, content = posts[post_id]
        for one in content.pictures:
            if not one.is_named:
                where = f"{site.settings.posts.folder}/{post.path}"
                fix = 'say what it shows: image_alt in the front matter, or ![words](address); alt="" for decoration'
                yield PictureProblem(where, one.file or one.address, "has no alternative text", fix)


# --- reading ---------------------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, posts: Path, site: Path, shelf: Shelf, fetcher: Fetcher, now: datetime) -> None:
        self._posts, self._site, self._shelf, self._fetcher, self._now = posts, site, shelf, fetcher, now

    def read(self, wanted: Wanted) -> Found | _Missing | None:
        """The picture, or why there is none; None: it only counts readers, and nobody need know."""
        try:
            original = looked_at(self._bytes(wanted), keep=self._shelf.keep)
        except (PictureUnreadable, Refused) as error:
            is_logo = wanted.is_of_site and isinstance(error, PictureUnreadable)
            return _Missing(error.reason, LOGO_FIX if is_logo else error.fix)
        except NotFetched as error:
            fix = "put the picture beside the post" if error.is_refused else "mend its address, or try again later"
            return _Missing(error.reason, fix)
        if original.width * original.height <= TRACKER_PIXELS:
            return None
        return Found(original, wanted.where, wanted.name)

    def _bytes(self, wanted: Wanted) -> bytes:
        if wanted.file is not None:
            folder = self._site if wanted.is_of_site else self._posts
            return read_picture(wanted.file, folder=folder, max_bytes=MAX_BYTES)
        key = "from-" + hashlib.sha256(wanted.address.encode("utf-8", "surrogatepass")).hexdigest()
        kept = self._shelf.get(key)
        if kept is not None and self._shelf.age(key, self._now) < FRESH:
            return kept
        failed = f"{key}.failed"
        if kept is None and (said := self._shelf.get(failed)) and self._shelf.age(failed, self._now) < TRIED:
            raise NotFetched(said.decode("utf-8", "replace"))
        try:
            return self._fetched(wanted.address, key)
        except NotFetched as error:
            if kept is not None:
                return kept
            if not error.is_refused:
                self._shelf.put(failed, error.reason.encode())
            raise

    def _fetched(self, address: str, key: str) -> bytes:
        found = self._fetcher.get(address, max_bytes=MAX_BYTES, accept="image/*")
        if not found.is_ok:
            raise NotFetched(f"cannot be had: its server answers {found.status}")
        self._shelf.put(key, found.body)
        return found.body


class Shelf:
    """Files by key; what cannot be written is made again the next time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> bytes | None:
        try:
            return (self._folder / key).read_bytes()
        except OSError:
            return None

    def age(self, key: str, now: datetime) -> timedelta:
        try:
            written_s = (self._folder / key).stat().st_mtime
        except OSError:
            return timedelta.max
        return timedelta(seconds=now.timestamp() - written_s)

    def put(self, key: str, content: bytes) -> None:
        """Whole or not at all, so that two commands at once do not harm each other."""
        new = self._folder / f".{key[:40]}.{secrets.token_hex(4)}"
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                new.write_bytes(content)
                new.replace(self._folder / key)
            finally:
                new.unlink(missing_ok=True)

    def keep(self, key: str, make: Callable[[], bytes]) -> bytes:
        found = self.get(key)
        if found is None:
            found = make()
            self.put(key, found)
        return found
