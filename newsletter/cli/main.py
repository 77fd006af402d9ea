"""The command `newsletter`: what can be said without the program at once, and for all else the program."""

from __future__ import annotations

import os
import sys

PIPE_CLOSED = 1


def main() -> None:
    words = _known_words(sys.argv[1:])
    if words is None:
        from newsletter.cli.edge import app

        app()
    else:
        _print(words)


def _known_words(arguments: list[str]) -> str | None:
    """The answer to `--help` or `--version`; of anything else the program knows more."""
    if arguments not in (["--help"], ["--version"]):
        return None
    from newsletter.cli.overview import overview, version

    if arguments == ["--version"]:
        return version()
    name = os.path.basename(sys.argv[0])  # noqa: PTH119 - pathlib takes as long to load as all the rest of this
    return overview("python -m newsletter" if name == "__main__.py" else name)


def _print(words: str) -> None:
    try:
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`| head`); without this, closing stdout would complain of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)
