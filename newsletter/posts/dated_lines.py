"""Recognises a line that is only a date, in the ways that web pages write it."""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from newsletter.posts.dates import EARLIEST, LATEST

_FIRST_HALF = ("january", "february", "march", "april", "may", "june")
_MONTHS = (*_FIRST_HALF, "july", "august", "september", "october", "november", "december")
_MONTH = "|".join([*_MONTHS, *(name[:3] for name in _MONTHS), "sept"])
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
_TIME = r"(?:,?\s+(?:at\s+)?\d{1,2}[:.]\d{2}(?::\d{2})?\s*(?:[ap]\.?m\.?)?)?"
_PREFIX = r"(?:(?:posted|published|updated|date|on)(?:\s+on)?:?\s+)?"
_WRITTEN = {
    "month first": rf"(?P<month>{_MONTH})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})",
    "day first": rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?(?P<month>{_MONTH})\.?,?\s+(?P<year>\d{{4}})",
    "hyphens": rf"(?P<day>\d{{1,2}})-(?P<month>{_MONTH})-(?P<year>\d{{4}})",
    "year first": r"(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?:T[\d:.+Z-]+)?",
    "numbers": r"(?P<one>\d{1,2})([-/.])(?P<two>\d{1,2})\2(?P<year>\d{4})",
}
_PATTERNS = {
    form: re.compile(_PREFIX + _WEEKDAY + pattern + _TIME + r"\.?", re.IGNORECASE) for form, pattern in _WRITTEN.items()
}
_MAX_CHARACTERS = 60


class DatedLine(NamedTuple):
    form: str
    """How the date is written: the dates of one page are all written alike."""
    numbers: tuple[int, int, int]
    """Year, month, day; for "numbers" the first two in their written order."""

    def day(self, *, day_first: bool = True) -> date | None:
        year, one, two = self.numbers
        month, day = (two, one) if self.form == "numbers" and day_first else (one, two)
        try:
            return date(year, month, day) if EARLIEST <= year <= LATEST else None
        except ValueError:
            return None


def dated_line(line: str) -> DatedLine | None:
    """The date, if the line holds nothing else."""
    text = " ".join(line.split())
    if not text or len(text) > _MAX_CHARACTERS or not any(letter.isdigit() for letter in text):
        return None
    for form, pattern in _PATTERNS.items():
        if found := pattern.fullmatch(text):
            return DatedLine(form, _numbers(form, found))
    return None


def _numbers(form: str, found: re.Match[str]) -> tuple[int, int, int]:
    if form == "numbers":
        return int(found["year"]), int(found["one"]), int(found["two"])
    month = found["month"]
    number = (
        int(month)
        if month.isdigit()
        else 1 + next(i for i, name in enumerate(_MONTHS) if name.startswith(month.lower()[:3]))
    )
    return int(found["year"]), number, int(found["day"])
