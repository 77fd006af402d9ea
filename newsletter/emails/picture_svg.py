"""Drawings (SVG) made pixels of, in a process of their own. The only importer of resvg.

No mail client of weight shows SVG. A drawing can crash its reader (a thousand groups within groups), keep it busy for
ever (one filter) or ask for the machine's own files; so resvg runs in a child that has a time limit, and nothing that
names a file or an address is drawn at all (all tried with resvg-py 0.5.0).
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys

MAX_SECONDS = 10
MAX_MEMORY_BYTES = 1_500_000_000
_HEAD = re.compile(
    rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*|<!DOCTYPE\s+svg[^>\[]*(?:\[.*?\])?\s*>\s*)*<(?:\w+:)?svg\b", re.DOTALL
)


class NotDrawn(Exception):
    """The end of a sentence that begins with the drawing."""


def is_drawing(content: bytes) -> bool:
    return bool(_HEAD.match(content[:4096].removeprefix(b"\xef\xbb\xbf")))


def drawn(content: bytes, *, width: int) -> bytes:
    """The drawing as PNG, `width` pixels wide. Raises `NotDrawn`."""
    command = [sys.executable, "-m", "newsletter.emails.picture_svg", str(width)]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotDrawn(f"takes longer than {MAX_SECONDS} seconds to draw") from error
    except OSError as error:
        raise NotDrawn(f"cannot be drawn here ({error.strerror})") from error
    if done.returncode == 0 and done.stdout:
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip() if done.returncode == 1 else ""
    raise NotDrawn(said[:200] or "cannot be drawn")


# --- in the child ----------------------------------------------------------------------------------------------


def _main() -> None:
    _limit()
    content = sys.stdin.buffer.read()
    try:
        _check_names_no_file(content)
        from resvg_py import svg_to_bytes

        sys.stdout.buffer.write(svg_to_bytes(svg_string=content.decode("utf-8"), width=int(sys.argv[1])))
    except ValueError as error:
        sys.exit(f"is not in order ({error})")


def _limit() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _check_names_no_file(content: bytes) -> None:
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        elements = fromstring(content).iter()
    except ParseError as error:
        raise ValueError(str(error)) from error
    for element in elements:
        if str(element.tag).rpartition("}")[2] not in ("image", "feImage"):
            continue
        for name, value in element.attrib.items():
            if name.rpartition("}")[2] == "href" and not value.strip().startswith(("data:", "#")):
                raise ValueError("it draws on another file")


if __name__ == "__main__":
    _main()
