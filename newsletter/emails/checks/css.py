"""Style sheets and style attributes, read as mail clients do: what is wrong is passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_PIECE = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|\([^()]*(?:\([^()]*\)[^()]*)*\)|[^;\"'(]+|[(\"']")


class Declaration(NamedTuple):
    name: str
    """Lower case."""
    value: str
    is_important: bool


class Rule(NamedTuple):
    selectors: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    media: str
    """The conditions around it, lower case; empty: it always holds."""


@lru_cache(maxsize=4096)
def declarations(text: str) -> tuple[Declaration, ...]:
    """The content of a style attribute, or of a rule's braces."""
    return tuple(_declarations(_COMMENT.sub(" ", text)))


def _declarations(text: str) -> Iterator[Declaration]:
    for part in _split(text):
        name, colon, value = part.partition(":")
        if colon and name.strip():
            bare = re.sub(r"\s*!\s*important\s*$", "", value.strip(), flags=re.IGNORECASE)
            yield Declaration(name.strip().lower(), bare.strip(), bare != value.strip())


def _split(text: str) -> Iterator[str]:
    """At each semicolon that stands in no quotes and no brackets."""
    part = ""
    position = 0
    while position < len(text):
        if text[position] == ";":
            yield part
            part, position = "", position + 1
            continue
        piece = _PIECE.match(text, position)
        taken = piece[0] if piece else text[position]
        part += taken
        position += len(taken)
    yield part


@lru_cache(maxsize=64)
def rules(sheet: str) -> tuple[Rule, ...]:
    """The rules of a style sheet in order, those inside at-rules too."""
    return tuple(_rules(_COMMENT.sub(" ", sheet), ""))


def _rules(text: str, media: str) -> Iterator[Rule]:
    for prelude, block in blocks(text):
        if prelude.startswith(("@media", "@supports")):
            condition = prelude.partition(" ")[2] or prelude.partition("(")[1] + prelude.partition("(")[2]
            yield from _rules(block, f"{media} {condition}".strip().lower())
        elif not prelude.startswith("@"):
            selectors = tuple(" ".join(one.split()) for one in prelude.split(",") if one.strip())
            yield Rule(selectors, declarations(block), media)


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Each `prelude { block }` of the outermost level; statements without a block are passed over."""
    start = position = 0
    while (opening := text.find("{", position)) >= 0:
        prelude = text[start:opening].rpartition(";")[2].strip()
        end = _closing(text, opening)
        yield prelude, text[opening + 1 : end]
        start = position = end + 1


def _closing(text: str, opening: int) -> int:
    depth = 0
    for found in re.compile(r"[{}]").finditer(text, opening):
        depth += 1 if found[0] == "{" else -1
        if depth == 0:
            return found.start()
    return len(text)
