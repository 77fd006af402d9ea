"""Languages and scripts: which way they run, and what they need to be read well."""

from __future__ import annotations

import unicodedata
from math import ceil

from newsletter.emails.slots import Ready

_RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"})
_WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "km", "my", "yue"})
_ASIAN = frozenset({"zh", "ja", "ko", "yue"})
SAMPLE_LENGTH = 400
"""Characters that say which way a text runs."""
WORDS_A_MINUTE = 220
"""What people read of plain prose; of Chinese and Japanese about 450 characters, which count as words each."""


def is_right_to_left(language: str) -> bool:
    return language.partition("-")[0].lower() in _RIGHT_TO_LEFT


def runs_right_to_left(text: str, *, otherwise: bool) -> bool:
    """Whether most letters of a text belong to a script that runs from the right; `otherwise` where it has none."""
    classes = [unicodedata.bidirectional(character) for character in text[:SAMPLE_LENGTH]]
    right, left = sum(found in ("R", "AL") for found in classes), classes.count("L")
    return otherwise if right == left == 0 else right > left


def directions(is_right_to_left: bool) -> dict[str, Ready]:
    """What templates write: the direction, and the sides on which a line starts and ends."""
    names = ("rtl", "right", "left") if is_right_to_left else ("ltr", "left", "right")
    return dict(zip(("direction", "start", "end"), map(Ready, names), strict=True))


def is_asian(language: str) -> bool:
    """Chinese, Japanese or Korean: no italics, and lines further apart."""
    return language.partition("-")[0].lower() in _ASIAN


def has_own_script(language: str) -> bool:
    """Whether a language is written in letters that a Latin heading font lacks."""
    base = language.partition("-")[0].lower()
    return base in _ASIAN | _WITHOUT_SPACES | _RIGHT_TO_LEFT or base in {"hi", "bn", "ta", "te", "ka", "hy", "am"}


def line_height(language: str) -> str:
    return "1.75" if is_asian(language) else "1.6"


def minutes_to_read(words: int, language: str) -> int:
    """Rounded up; 0 where there is nothing to say it of."""
    return ceil(
        words / (WORDS_A_MINUTE * 2 if language.partition("-")[0].lower() in _WITHOUT_SPACES else WORDS_A_MINUTE)
    )
