"""The pictures of one issue while it is rendered: which address each gets, and which files are made for it.

What a post's picture is was read before (`newsletter.pipeline.pictures`); how large it is shown is known only where it
is placed. So a file is made when a template's slot asks for it, at twice the slot's width, and only what the finished
mail or its web version shows is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urljoin

from newsletter.emails.picture import (
    ENCODER,
    Encoded,
    Keep,
    Original,
    Plain,
    Refused,
    anew,
    encoded,
    plain_still,
    suffix_of,
)
from newsletter.emails.slots import Ready
from newsletter.models import Asset

RETINA = 2
"""Pixels of the file for one pixel shown: phones have two and more."""
STILL_SHAPE = 9 / 16
"""Of a video without a picture: its height, where its width is 1."""
CONTENT_ID_HOST = "pictures.invalid"
"""A Content-ID is an address that nobody writes to; what makes it unique is the picture's hash (RFC 2392)."""


class PictureProblem(NamedTuple):
    """A picture that is missing from the mail, or not as it should be; the mail is whole all the same."""

    where: str
    """The file that names it, within the site."""
    picture: str
    """As it is called there: an address, or a path."""
    message: str
    """The end of a sentence that begins with `picture`."""
    fix: str
    is_missing: bool = False
    """It does not show at all."""

    def __str__(self) -> str:
        subject = f"{self.picture} " if self.picture else ""
        return f"{self.where}: {subject}{self.message}; {self.fix}"


class Shown(NamedTuple):
    """What an `<img>` says."""

    src: str
    width: int
    """In pixels as shown, never more than the picture has."""
    height: int | None
    """None: not known, because the picture was not read."""

    @property
    def size(self) -> Ready:
        """The attributes, for a template."""
        return Ready(f'width="{self.width}"' + (f' height="{self.height}"' if self.height else ""))


class Found(NamedTuple):
    """A picture that was read for the issue."""

    original: Original
    where: str
    name: str
    """Both for problems."""


class Rules(NamedTuple):
    """How pictures are made and where they go."""

    address: Callable[[str], str]
    """Of a file's name: where the web has it."""
    embeds: bool = False
    """They travel within the mail; the web version has them from the web all the same."""
    max_bytes: int = 200_000
    max_total_bytes: int = 1_000_000
    makes_files: bool = True
    """False: nobody would keep them."""


class Pictures:
    """The pictures of one issue, by the addresses that its HTML has for them."""

    def __init__(
        self,
        found: Mapping[str, Found],
        rules: Rules,
        *,
        gone: Collection[str] = (),
        problems: Iterable[PictureProblem] = (),
        keep: Keep = anew,
    ) -> None:
        """`gone`: addresses of pictures that cannot be shown. All other addresses stay as they are."""
        self._found = found
        self._rules = rules
        self._gone = frozenset(gone)
        self._problems = dict.fromkeys(problems)
        self._keep = keep
        self._files: dict[tuple[str, int], Encoded | None] = {}
        self._total_problem: PictureProblem | None = None

    @property
    def problems(self) -> tuple[PictureProblem, ...]:
        """What the editor should know; complete once the issue was rendered."""
        return (*self._problems, *filter(None, [self._total_problem]))

    def shown(self, written: str, *, width: int, base_url: str = "", on_web: bool = False) -> Shown | None:
        """What stands for a picture in a slot `width` pixels wide; None: it cannot be shown.

        `written` is its address in the post's HTML; where that is relative, it is taken from `base_url`.
        """
        address = self._address_of(written, base_url)
        if address in self._gone:
            return None
        found = self._found.get(address)
        if found is None:
            return Shown(address, width, None) if address.startswith(("http://", "https://")) else None
        file = self._file(address, found, width * RETINA)
        return self._sized(file, found.original, width, on_web=on_web) if file else None

    def still(self, poster: str, plain: Plain, *, width: int, base_url: str = "") -> Shown | None:
        """What stands for a video: its poster with a play mark, else a plain picture; None: no files are made.

        A poster that was not read is shown as it is.
        """
        address = self._address_of(poster, base_url) if poster else ""
        found = self._found.get(address)
        if found and (file := self._file(address, found, width * RETINA, is_video=True)):
            return self._sized(file, found.original, width)
        if address and found is None and address not in self._gone:
            return self.shown(poster, width=width, base_url=base_url)
        if not self._rules.makes_files:
            return None
        size = (width * RETINA, round(width * RETINA * STILL_SHAPE))
        key = "-".join(("still", *plain, str(size[0]), ENCODER)).replace("#", "")
        made = Encoded(self._keep(key, lambda: plain_still(plain, size)), ".png")
        self._files[key, size[0]] = made
        return Shown(self._address(made.name, on_web=False), width, round(width * STILL_SHAPE))

    def _address_of(self, written: str, base_url: str) -> str:
        return written if written in self._found or written in self._gone else urljoin(base_url, written)

    def _sized(self, file: Encoded, original: Original, width: int, *, on_web: bool = False) -> Shown:
        shown_width = min(width, original.width)
        height = max(1, round(shown_width * original.height / original.width))
        return Shown(self._address(file.name, on_web=on_web), shown_width, height)

    def assets(self, html: str, web_html: str) -> tuple[Asset, ...]:
        """The files that a finished mail and its web version show, by name."""
        made = {file.name: file for file in self._files.values() if file is not None}
        in_mail = {name: file for name, file in made.items() if name in html}
        self._weigh(sum(len(file.content) for file in in_mail.values()))
        embedded = in_mail if self._rules.embeds else {}
        return tuple(
            Asset(name, made[name].content, content_id(name) if name in embedded else None)
            for name in sorted(made)
            if name in in_mail or name in web_html
        )

    def _address(self, name: str, *, on_web: bool) -> str:
        return f"cid:{content_id(name)}" if self._rules.embeds and not on_web else self._rules.address(name)

    def _file(self, address: str, found: Found, width: int, *, is_video: bool = False) -> Encoded | None:
        width = min(width, found.original.width)
        key = (f"video:{address}" if is_video else address, width)
        if key not in self._files:
            try:
                self._files[key] = self._made(found, width, is_video=is_video)
            except Refused as error:
                self._files[key] = None
                self._tell(found, error.reason, error.fix, is_missing=True)
        return self._files[key]

    def _made(self, found: Found, width: int, *, is_video: bool) -> Encoded:
        original, most = found.original, self._rules.max_bytes
        if found.original.note:
            self._tell(found, original.note, "save it as a lighter GIF, or as a picture that stands still")
        key = f"{original.sha256}-{width}-{most}-{ENCODER}{'-video' if is_video else ''}"
        content = self._keep(key, lambda: encoded(original, width=width, max_bytes=most, is_video=is_video).content)
        if len(content) > most and not original.moves:
            self._tell(found, f"has {len(content) // 1000} kB at its lightest, over {most // 1000}", "save it smaller")
        return Encoded(content, suffix_of(content))

    def _tell(self, found: Found, message: str, fix: str, *, is_missing: bool = False) -> None:
        self._problems.setdefault(PictureProblem(found.where, found.name, message, fix, is_missing))

    def _weigh(self, total_bytes: int) -> None:
        self._total_problem = None
        if total_bytes > self._rules.max_total_bytes:
            total, most = f"{total_bytes // 1000:,} kB", f"{self._rules.max_total_bytes // 1000:,} kB"
            message = f"the pictures of the mail have {total} together, over {most}"
            fix = "show fewer, save them smaller, or raise images.max_total_kb"
            self._total_problem = PictureProblem("issue", "", message, fix)


def content_id(name: str) -> str:
    return f"{name}@{CONTENT_ID_HOST}"


AS_THEY_ARE = Pictures({}, Rules(address=str, makes_files=False))
"""Pictures left where they are: nothing is read, every web address stays."""
