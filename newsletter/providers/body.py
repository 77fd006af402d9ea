"""The body of a provider's call, streamed: never whole in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

WRITE_BYTES = 256 * 1024
"""At least so much is written at once: four mails of 70 kB cost a quarter less than each by itself, and the values of a
merge are but 200 bytes a reader."""


class Body:
    """A request body in chunks, joined a few at a time when they are written; `has_left` once the last was asked for.

    requests takes an object with `__len__` and `__iter__` as a stream of known length; of a generator with a
    Content-Length it makes a broken request with both framings.
    """

    def __init__(self, chunks: Sequence[Sequence[bytes]]) -> None:
        self._chunks = chunks
        self._sizes_bytes = [sum(map(len, chunk)) for chunk in chunks]
        self.has_left = False

    def __len__(self) -> int:
        return sum(self._sizes_bytes)

    def __iter__(self) -> Iterator[bytes]:
        pieces: list[bytes] = []
        size_bytes = 0
        for chunk, chunk_bytes in zip(self._chunks[:-1], self._sizes_bytes, strict=False):
            pieces += chunk
            size_bytes += chunk_bytes
            if size_bytes >= WRITE_BYTES:
                yield b"".join(pieces)
                pieces, size_bytes = [], 0
        if pieces:
            yield b"".join(pieces)
        self.has_left = True
        yield b"".join(self._chunks[-1])
