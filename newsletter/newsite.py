"""New sites: an empty one, and the demo on the packaged sample posts."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from newsletter.errors import NotPossible
from newsletter.schedules import Schedule, wall_time
from newsletter.settings import Settings
from newsletter.settings_file import FILE_NAME, load

DEMO_ISSUE_DIGEST = "weekly"
DEMO_SUBSCRIBERS = (
    ("maud@example.org", "Maud Ferreira"),
    ("tomas@example.org", ""),
    ("sahar@example.org", "سحر الأمين"),
)
_SAMPLE_ISSUE_ON = date(2026, 11, 19)
"""The Thursday that most sample posts' own dates lead up to; the newest ones are for the week after."""
_DEMO_MARK = "# A complete site on sample posts; every setting: docs/settings.md\n"
_DATED = frozenset({".md", ".html", ".txt"})
"""The samples that hold dates; the others are pictures."""
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")

_SETTINGS = """\
[site]
name = "{name}"
url = "http://127.0.0.1:8080"        # where `newsletter serve` is reached from outside; links in mail point there
language = "en-GB"
timezone = "Europe/London"

[sender]
name = "{name}"
email = "news@example.org"            # of a domain that your provider may send for
# reply_to = "editor@example.org"
postal_address = ""                   # the law in many countries asks for it

[posts]
folder = "posts"
# url = "https://www.example.org/{{path}}"   # where a post is read on; without it, in the issue's web version

[digests.weekly]
title = "The week"
schedule = "thu 09:00"                # also "mon,thu 07:30", "1st 09:00", "last fri 16:00", or a crontab line
approval = "required"                 # or "automatic"
# min_posts = 1                       # fewer: the issue is skipped and its posts wait for the next one
# max_posts = 30
# lookback = "28d"
# sections = [{{title = "News", tags = ["news"]}}, {{title = "Diary", folder = "diary"}}]

[provider]
name = "outbox"                       # writes .eml files into outbox/; or "smtp", "postmark", "ses", "mailgun", …
# host = "smtp.example.org"           # of smtp; user and password: NEWSLETTER_PROVIDER__USERNAME, …__PASSWORD
# keys come from the environment or from .env: NEWSLETTER_PROVIDER__API_KEY; `newsletter doctor` says what is missing
"""

_IGNORED = "data/\noutbox/\nissues/*/.attempts\n.env\n"

_WELCOME = """\
---
title: A first post
date: {today}
draft: true
tags: [news]
---
Everything in this folder is a post: Markdown, HTML or plain text. Take away `draft: true`, and this one goes out with
the next issue.
"""


def make_site(folder: Path, *, now: datetime) -> None:
    """An empty site with one post, a draft; raises `NotPossible` where something is already."""
    if _is_taken(folder):
        raise NotPossible(f"{folder} is not an empty folder", fix="name a new one")
    name = folder.resolve().name.replace("-", " ").replace("_", " ").replace('"', "").strip().capitalize()
    _write(folder / FILE_NAME, _SETTINGS.format(name=name or "Newsletter"))
    _write(folder / "posts" / "welcome.md", _WELCOME.format(today=now.date().isoformat()))
    _write(folder / ".gitignore", _IGNORED)


def make_demo(folder: Path, *, now: datetime) -> bool:
    """A site with the sample posts, dated around its last due time; False when it is there already.

    Raises `NotPossible` where anything else is: nothing of the demo may get into somebody's own site.
    """
    if _is_demo(folder):
        return False
    if _is_taken(folder):
        raise NotPossible(f"{folder} holds something else", fix="name another folder: `newsletter demo DIR`")
    samples = packaged("posts")
    weeks_later = _last_due(load(samples.parent), now).date() - _SAMPLE_ISSUE_ON
    for path in sorted(path for path in samples.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if path.suffix in _DATED:
            content = _dated(content.decode("utf-8"), weeks_later).encode("utf-8")
        _write(folder / "posts" / path.relative_to(samples), content)
    _write(folder / ".gitignore", _IGNORED)
    # Last, because it is what makes the folder a site.
    _write(folder / FILE_NAME, _demo_settings((samples.parent / FILE_NAME).read_text("utf-8")))
    return True


def _is_taken(folder: Path) -> bool:
    # Resolved, because `missing/../full` does not exist until `missing` is made.
    folder = folder.resolve()
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def demo_occurrence(settings: Settings, folder: Path) -> datetime:
    """The wall time of the demo's first issue: the newest posts lead up to the one after it."""
    posts = [path for path in (folder / "posts").rglob("*.*") if path.suffix in _DATED]
    days = [date.fromisoformat(found) for path in posts for found in _days_in(path)]
    newest = datetime.combine(max(days), datetime.min.time())
    schedule = _schedule(settings)
    return next(schedule.before(next(schedule.after(newest))))


def packaged(name: str) -> Path:
    """A packaged folder: within the installed package, or in the checkout of an editable install."""
    inside = Path(str(files("newsletter"))) / "packaged" / name
    return inside if inside.is_dir() else Path(__file__).resolve().parent.parent / name


def _demo_settings(text: str) -> str:
    return _DEMO_MARK + re.sub(r"\A(#.*\n)+", "", text)


def _is_demo(folder: Path) -> bool:
    file = folder / FILE_NAME
    return file.is_file() and file.read_bytes().startswith(_DEMO_MARK.encode())


def _last_due(settings: Settings, now: datetime) -> datetime:
    wall = wall_time(now, settings.site.zone)
    return next(_schedule(settings).before(wall + timedelta(seconds=1)))


def _schedule(settings: Settings) -> Schedule:
    return Schedule.parse(settings.digests[DEMO_ISSUE_DIGEST].schedule)


def _dated(text: str, later: timedelta) -> str:
    return _DAY.sub(lambda found: (date.fromisoformat(found[0]) + later).isoformat(), text)


def _days_in(path: Path) -> list[str]:
    found = _DAY.findall(path.read_text("utf-8"))
    return found[:1]


def _write(path: Path, content: str | bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    except OSError as error:
        raise NotPossible(f"{path} could not be written: {error.strerror}", fix="name another folder") from error
