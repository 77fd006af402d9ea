"""Bytes → text, whatever editor wrote them."""

from __future__ import annotations

import codecs
from typing import NamedTuple

from newsletter.posts.files import Unreadable

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# charset-normalizer tells encodings apart by their letters and takes a short "déjà vu" for Romanian, Urdu or Japanese
# (seen with 3.5, 2026-11): it is asked only where much of the text is not Latin, and believed only for these.
_CYRILLIC = ("cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866")
_EAST_ASIAN = ("gb2312", "gbk", "gb18030", "big5", "big5hkscs", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949")
_OTHER_SCRIPTS = frozenset((*_CYRILLIC, *_EAST_ASIAN, "cp1253", "iso8859_7", "cp1255", "iso8859_8", "cp1256"))
_MOSTLY_FOREIGN = 0.25
"""Share of bytes above 127 from which a text is taken for another script than Latin."""


class Decoded(NamedTuple):
    text: str
    """With `\\n` at the end of lines and without a byte order mark."""
    note: str = ""


def decode(content: bytes) -> Decoded:
    """The text of a file; raises `Unreadable` if it is none.

    UTF-8 first, then UTF-16 by its mark, then a guess that is told in `note`.
    """
    for mark, name in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return Decoded(_lines(_strictly(content, name)), f"read as {name.upper()}")
    if (position := content.find(b"\0")) >= 0:
        raise Unreadable("is no text: it holds a NUL byte", content.count(b"\n", 0, position) + 1)
    try:
        return Decoded(_lines(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text, name = _guess(content)
        return Decoded(_lines(text), f"not in UTF-8 (line {line}), read as {name}")


def _strictly(content: bytes, name: str) -> str:
    try:
        return content.decode(name)
    except UnicodeDecodeError as error:
        raise Unreadable(f"begins like {name.upper()} but is not: {error.reason}") from error


def _guess(content: bytes) -> tuple[str, str]:
    from charset_normalizer import from_bytes

    foreign = sum(byte > 127 for byte in content)
    if foreign >= 20 and foreign / len(content) > _MOSTLY_FOREIGN:
        best = from_bytes(content).best()
        if best is not None and best.encoding in _OTHER_SCRIPTS:
            return str(best), best.encoding
    try:
        return content.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "Latin-1"


def _lines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
