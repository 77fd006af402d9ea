"""Dates as people and programs write them → moments."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

EXAMPLE = "write it as 2023-11-16 or 2023-11-16 09:30"
EARLIEST, LATEST = 1900, 2200
_AMBIGUOUS = re.compile(r"(?<!\d)(\d{1,2})[/-](\d{1,2})[/-](\d{2}|\d{4})(?!\d)")
_DOTTED = re.compile(r"(?<!\d)(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})(?!\d)")
_ZONE_NAME = re.compile(r"\s+([A-Z][A-Za-z_]+(?:/[A-Za-z_+-]+)+)$")
_BLANK_BEFORE_OFFSET = re.compile(r" (?=[+-]\d\d:?\d\d$)")
# RFC 5322 §4.3 and what European sites write; other names mean different hours in different countries.
_OFFSET_HOURS = {
    **dict.fromkeys(("UTC", "GMT", "Z", "UT", "WET"), 0),
    **dict.fromkeys(("BST", "CET", "WEST"), 1),
    **dict.fromkeys(("CEST", "EET"), 2),
    "EEST": 3,
    **dict.fromkeys(("EST", "CDT"), -5),
    **dict.fromkeys(("CST", "MDT"), -6),
    **dict.fromkeys(("MST", "PDT"), -7),
    "EDT": -4,
    "PST": -8,
}


class BadDate(ValueError):
    """The message says what was found and how to write it."""


def moment(value: object, zone: ZoneInfo) -> datetime:
    """The moment that a front matter's value means, in `zone`; raises `BadDate`.

    A date alone is the start of that day, a time without an offset is meant in `zone`; a number is a Unix time in
    seconds or milliseconds.
    """
    try:
        found = _placed(_read(value), zone)
    except BadDate:
        raise
    except (OverflowError, OSError, ValueError) as error:
        raise BadDate(f"{_quoted(value)} is no date; {EXAMPLE}") from error
    if not EARLIEST <= found.year <= LATEST:
        raise BadDate(f"{_quoted(value)} lies in the year {found.year}; {EXAMPLE}")
    return found


def is_no_date(value: object) -> bool:
    """Nothing, Go's zero time, or Eleventy's words for "ask git"."""
    if value is None or value is False or value is True:
        return True
    text = str(value).strip().lower()
    return (
        not text
        or text.startswith("0001-01-01")
        or text in ("created", "last modified", "git created", "git last modified")
    )


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    return _placed(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001  (placed at once)


def _placed(found: datetime, zone: ZoneInfo) -> datetime:
    # Through UTC, so that a time which the clocks skip in spring moves forward; of a doubled one the first counts.
    aware = found.replace(tzinfo=zone, fold=0) if found.tzinfo is None else found
    return aware.astimezone(UTC).astimezone(zone)


def _read(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - placed in the zone by the caller
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _unix(float(value))
    if isinstance(value, str):
        return _text(value.strip())
    raise BadDate(f"{_quoted(value)} is no date; {EXAMPLE}")


def _unix(seconds: float) -> datetime:
    if not 1e8 <= abs(seconds) < 1e14:
        raise BadDate(f"{seconds:g} is no date; {EXAMPLE}")
    return datetime.fromtimestamp(seconds / 1000 if abs(seconds) >= 1e11 else seconds, UTC)


def _text(text: str) -> datetime:
    try:
        if len(text) >= 8 and not re.fullmatch(r"\d{9,}", text):
            return datetime.fromisoformat(_BLANK_BEFORE_OFFSET.sub("", text))
    except ValueError:
        pass
    if re.fullmatch(r"\d{9,10}|\d{13}", text):
        return _unix(float(text))
    if named := _ZONE_NAME.search(text):
        return _in_named_zone(text[: named.start()], named[1])
    return _free(text)


def _in_named_zone(text: str, name: str) -> datetime:
    try:
        return _placed(_text(text).replace(tzinfo=None), ZoneInfo(name))
    except (KeyError, ValueError, OSError) as error:
        raise BadDate(f"{_quoted(text)} in the time zone {name!r} is no date; {EXAMPLE}") from error


def _free(text: str) -> datetime:
    from dateutil import parser

    if len(text) > 80:
        raise BadDate(f"{_quoted(text)} is no date; {EXAMPLE}")
    text, day_first = _order(text)
    # dateutil fills what is missing ("March", "10:30") from a default: two defaults give that away.
    one, other = datetime(2000, 1, 1), datetime(2001, 2, 2)  # noqa: DTZ001 - only compared
    try:
        found = parser.parse(text, default=one, dayfirst=day_first, tzinfos=_named_offset)
        again = parser.parse(text, default=other, dayfirst=day_first, tzinfos=_named_offset)
    except BadDate:
        raise
    except (ValueError, OverflowError, TypeError, AttributeError) as error:
        raise BadDate(f"{_quoted(text)} is no date; {EXAMPLE}") from error
    if found.replace(tzinfo=None) != again.replace(tzinfo=None):
        raise BadDate(f"{_quoted(text)} is no whole date; {EXAMPLE}")
    return found


def _order(text: str) -> tuple[str, bool]:
    if _DOTTED.search(text):
        return _DOTTED.sub(r"\1.\2.\3", text), True
    found = _AMBIGUOUS.search(text)
    if found is None:
        return text, False
    first, second = int(found[1]), int(found[2])
    if first <= 12 and second <= 12 and first != second:
        raise BadDate(f"{_quoted(text)} can mean two days; write it as year-month-day, like 2023-11-16")
    return text, first > 12


def _named_offset(name: str | None, offset_s: int | None) -> Any:
    if not name:
        return None if offset_s is None else timezone(timedelta(seconds=offset_s))
    if name in _OFFSET_HOURS:
        return timezone(timedelta(hours=_OFFSET_HOURS[name]) + timedelta(seconds=offset_s or 0))
    raise BadDate(f"the time zone {name!r} is not known; write an offset, like 2023-11-16 09:30 +01:00")


def _quoted(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "…")


# --- dates in names -------------------------------------------------------------------------------------------

# Jekyll takes a day or month of one digit too: `2015-11-9-title.md`.
_IN_NAME = re.compile(r"(?<!\d)(?:(\d{4})([-_.]?)(\d{2})\2(\d{2})|(\d{4})-(\d{1,2})-(\d{1,2}))(?=$|[-_. T])")
_IN_FOLDERS = re.compile(r"(?:^|/)(\d{4})/(\d{1,2})/(\d{1,2})(?:/|$)")


def date_in_name(name: str) -> tuple[date, str] | None:
    """The date that a file name begins with (Jekyll, Zola, Pelican), and the rest of the name."""
    found = _IN_NAME.match(name)
    if found is None:
        return None
    day = _day(found[1], found[3], found[4]) if found[1] else _day(found[5], found[6], found[7])
    return (day, name[found.end() :].lstrip("-_. ")) if day else None


def date_in_folders(path: str) -> date | None:
    """The date of a path like `2023/11/16/title.md`."""
    found = _IN_FOLDERS.search(path)
    return _day(found[1], found[2], found[3]) if found else None


def _day(year: str, month: str, day: str) -> date | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if EARLIEST <= found.year <= LATEST else None
