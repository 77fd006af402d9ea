"""The kinds of values that settings have, each with a message that says what would be right."""

from __future__ import annotations

import difflib
import re
from datetime import time, timedelta
from typing import Annotated, Literal
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator

from newsletter.schedules import Schedule

_DURATION = re.compile(
    r"(?:(?P<weeks>\d+)w)?(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not value or not found:
        raise ValueError('is no duration; write for example "28d", "12h" or "30m"')
    return timedelta(**{unit: int(count) for unit, count in found.groupdict().items() if count})


def _clock(value: object) -> time:
    if isinstance(value, time):
        return value
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError('is no time of day; write for example "08:00"')
    return time(int(found[1]), int(found[2]))


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must be one line without control characters")
    return value.strip()


def _zone(value: str) -> str:
    if value not in available_timezones():
        near = difflib.get_close_matches(value, available_timezones(), n=1)
        raise ValueError("is no time zone that this machine knows" + (f"; did you mean {near[0]!r}?" if near else ""))
    return value


def _address(value: str) -> str:
    if not value:
        return value
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"is no e-mail address: {error}") from error


def _web_address(value: str) -> str:
    if value and not re.match(r"https?://[^/\s]+", value):
        raise ValueError("must be an address that begins with https://")
    return value.rstrip("/")


def _picture(value: str) -> str:
    if re.match(r"https?://", value):
        return _web_address(value)
    if value and (re.match(r"/|\\|[A-Za-z][\w+.-]*:", value) or ".." in value.split("/")):
        raise ValueError("must be an address that begins with https://, or a file in the site's folder, like logo.png")
    return value


def _asset_pattern(value: str) -> str:
    if value and "{name}" not in value:
        raise ValueError("must hold {name}, like https://cdn.example.org/{issue}/{name}")
    return _web_address(value)


def _schedule(value: str) -> str:
    if value:
        Schedule.parse(value)
    return value


def _colour(value: str) -> str:
    found = re.fullmatch(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", value)
    if not found:
        raise ValueError('is no colour; write it like "#0b6068"')
    digits = found[1].lower()
    # Outlook for Windows reads six digits only.
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def _fonts(value: str) -> str:
    stack = value.replace('"', "'").strip()
    if not re.fullmatch(r"[\w '.,-]+", stack) or stack.count("'") % 2:
        raise ValueError("is no list of fonts; write it like \"'Segoe UI', Arial, sans-serif\"")
    if stack.rpartition(",")[2].strip() not in ("serif", "sans-serif", "monospace"):
        raise ValueError("must end with serif, sans-serif or monospace: what is shown where none of the fonts is")
    return stack


def _utm_pattern(value: str) -> str:
    names = {"issue", "digest", "date", "position"}
    if unknown := set(re.findall(r"\{(.*?)\}", value)) - names:
        raise ValueError(f"has {{{min(unknown)}}}; there are {', '.join(f'{{{name}}}' for name in sorted(names))}")
    return value


def _check_ids(value: object) -> object:
    if not isinstance(value, dict):
        return value
    # A variable of the environment cannot hold a hyphen (NEWSLETTER_CHECKS__HTML_SIZE), and it wins over the file.
    named = sorted(value.items(), key=lambda pair: "_" in str(pair[0]))
    return {str(key).lower().replace("_", "-"): level for key, level in named}


ImagesMode = Literal["hosted", "embedded", "linked"]
Client = Literal[
    "aol", "apple-mail", "fastmail", "free-fr", "gmail", "gmx", "hey", "ionos-1and1", "laposte", "mail-ru", "orange",
    "outlook", "outlook-windows", "protonmail", "rainloop", "samsung-email", "sfr", "t-online-de", "thunderbird",
    "web-de", "wp-pl", "yahoo",
]  # fmt: skip
"""caniemail's families; Outlook for Windows apart."""
CheckLevel = Literal["error", "warning", "off"]
OneLine = Annotated[str, AfterValidator(_one_line)]
Colour = Annotated[str, AfterValidator(_colour)]
Fonts = Annotated[str, AfterValidator(_fonts)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Clock = Annotated[time, BeforeValidator(_clock)]
"""A time on the wall of the site's zone."""
Address = Annotated[str, AfterValidator(_address)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Picture = Annotated[str, AfterValidator(_picture)]
"""An address on the web, or a path within the site's folder."""
UtmPattern = Annotated[OneLine, AfterValidator(_utm_pattern)]
AssetPattern = Annotated[str, AfterValidator(_asset_pattern)]
ScheduleText = Annotated[str, AfterValidator(_schedule)]
Zone = Annotated[str, AfterValidator(_zone)]
CheckLevels = Annotated[dict[str, CheckLevel], BeforeValidator(_check_ids)]
