"""The width of a picture from the first bytes of its file: PNG, GIF and JPEG."""

from __future__ import annotations

import struct

_HEAD_BYTES = 65_536
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def width_of(content: bytes) -> int | None:
    """In pixels; None for another format, or bytes that are no picture."""
    head = content[:_HEAD_BYTES]
    try:
        if head.startswith(b"\x89PNG"):
            return int(struct.unpack(">I", head[16:20])[0])
        if head.startswith(b"GIF8"):
            return int(struct.unpack("<H", head[6:8])[0])
        return _jpeg_width(head) if head.startswith(b"\xff\xd8") else None
    except struct.error:
        return None


def _jpeg_width(head: bytes) -> int | None:
    at = 2
    while at + 9 < len(head) and head[at] == 0xFF:
        if head[at + 1] in _JPEG_SIZES:
            return int(struct.unpack(">H", head[at + 7 : at + 9])[0])
        at += 2 + int(struct.unpack(">H", head[at + 2 : at + 4])[0])
    return None
