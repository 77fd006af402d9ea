"""Languages and scripts: which way they run, and what they need to be read well."""

from __future__ import annotations

import re
import unicodedata
from math import ceil

from newsletter.emails.slots import Ready

_RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"})
_WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "km", "my", "yue"})
_ASIAN = frozenset({"zh", "ja", "ko", "yue"})
_LANGUAGES = (
    ("ko", re.compile("[\uac00-\ud7a3\u1100-\u11ff]")),
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("he", re.compile("[\u05d0-\u05ea]")),
    ("ur", re.compile("[\u0679\u0688\u0691\u06ba\u06d2]")),
    ("fa", re.compile("[\u067e\u0686\u0698\u06af\u06cc]")),
    ("ar", re.compile("[\u0620-\u06ff]")),
)
"""By letters that only this language has, or has first among those of the list."""
_FEW = 0.05
"""Of the letters: kana stand between Chinese characters, the letters of Persian between those of Arabic."""
_MARKED = frozenset({"ja", "ur", "fa"})
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


def language_of(text: str, *, otherwise: str) -> str:
    """The language of a text whose letters tell it; `otherwise` (BCP 47) for all others, and where it is that one."""
    letters = [character for character in text[:SAMPLE_LENGTH] if character.isalpha()]
    for language, of_its_own in _LANGUAGES:
        count = sum(bool(of_its_own.match(letter)) for letter in letters)
        if count > len(letters) * (_FEW if language in _MARKED else 0.5):
            is_same = otherwise.partition("-")[0].lower() == language
            return otherwise if is_same else language
    return otherwise


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
