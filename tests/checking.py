"""An issue as the checks see it: really rendered, then spoiled where a test wants to."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from newsletter.emails import merge
from newsletter.emails.checks import registry
from newsletter.emails.checks.checked import Checked, CheckedPost
from newsletter.emails.checks.places import Source
from newsletter.emails.checks.problem import Problem
from newsletter.emails.fields import fields_of
from newsletter.emails.folders import packaged_templates
from newsletter.emails.render import render
from newsletter.models import Asset, Email, Issue, Post, PostContent, Reader
from newsletter.settings import Settings
from tests.factories import a_content, a_post, a_site, an_issue, utc

NOWHERE = Path(__file__).parent / "no-site"
"""A site without files of its own."""
NONCE = "n0Nce42"
READER = Reader("0123456789abcdef012345", "ann@example.net", "Ann Other", {})
SUBJECT = "Winter market, and two new guides"
PREHEADER = "Stalls from ten to four, soup at noon, and how to sharpen a plane."
ISSUE_FILE = "issues/weekly-2023-11-16/issue.md"

Spoil = Callable[[str], str]


class Told(NamedTuple):
    """A post of a test: its title, its HTML, and the file in which it was written."""

    title: str
    html: str
    source: str = ""
    path: str = "first-aid"
    values: Mapping[str, Any] = MappingProxyType({})
    content: Mapping[str, Any] = MappingProxyType({})


FIRST_AID = Told(
    "First aid in the workshop",
    "<p>What to do until help comes: stay calm, press on the cut, and call somebody who knows.</p>",
    "---\ntitle: First aid in the workshop\n---\nWhat to do until help comes: stay calm, press on the cut, and call.\n",
)
MARKET = Told(
    "The winter market",
    "<p>Forty stalls along the river, and a fire to warm your hands at until the evening.</p>",
    "---\ntitle: The winter market\n---\nForty stalls along the river, and a fire to warm your hands at.\n",
    path="diary/market",
)


def written(html: str, *, title: str = "First aid in the workshop", **values: Any) -> Told:
    """A post whose file holds this HTML on its fourth line."""
    return Told(title, html, f"---\ntitle: {title}\n---\n{html}\n", values=values)


def looked_at(
    *told: Told,
    html: Spoil = str,
    text: Spoil = str,
    message: Callable[[bytes], bytes] = bytes,
    subject: str = SUBJECT,
    preheader: str = PREHEADER,
    headers: dict[str, str | None] | None = None,
    assets: Sequence[Asset] = (),
    used: dict[str, str] | None = None,
    settings: Settings | None = None,
    intro: str = "",
    **sections: Any,
) -> Checked:
    """The issue with these posts (default: two good ones); the functions spoil what was rendered."""
    posts = told or (FIRST_AID, MARKET)
    settings = settings or a_site(NOWHERE, **sections)
    made: dict[str, Post] = {}
    for one in posts:
        own = {"url": f"https://www.example.org/{one.path}", "text_sha256": one.html, **one.values}
        made[one.path] = a_post(one.path, title=one.title, **own)
    contents = {one.path: (made[one.path], _content(one)) for one in posts}
    issue = an_issue(*made, subject=subject, preheader=preheader, intro=intro)
    email = _rendered(issue, contents, settings)
    changes = {"html": html(email.html), "text": text(email.text), "assets": tuple(assets)}
    email = email.model_copy(update={**changes, "headers": _headers(email.headers, headers or {})})
    copy = fields_of(
        READER,
        delivery_id="weekly-2023-11-16.0123456789abcdef012345",
        unsubscribe_url=f"{settings.site.url}/unsubscribe/{'t' * 60}",
        web_url=f"{settings.site.url}/issues/{issue.id}",
    )
    return Checked(
        email=email,
        settings=settings,
        issue=issue,
        posts=tuple(
            CheckedPost(one.path, one.title, Source(f"posts/{one.path}.md", one.source), made[one.path])
            for one in posts
        ),
        copy=copy,
        message=message(b"".join(merge.compile_mime(email, sent_at=utc(2023, 11, 16, 9)).letter(copy))),
        issue_file=Source(ISSUE_FILE, f"---\nsubject: {subject}\npreheader: {preheader}\nsections:\n---\n{intro}"),
        theme=_theme(),
        used=used or {},
    )


_emails: dict[str, Email] = {}


def _rendered(issue: Issue, contents: Mapping[str, tuple[Post, PostContent]], settings: Settings) -> Email:
    """Each issue once: most tests begin with the same."""
    key = f"{issue!r}{contents!r}{settings!r}"
    if key not in _emails:
        _emails[key] = render(issue, contents, settings=settings, nonce=NONCE)
    return _emails[key]


def _content(one: Told) -> PostContent:
    text = re.sub(r"<[^<>]*>", "", one.html)
    return a_content(**{"summary_html": one.html, "body_html": one.html, "summary_text": text, **one.content})


def _headers(given: tuple[tuple[str, str], ...], changes: dict[str, str | None]) -> tuple[tuple[str, str], ...]:
    kept = [(name, changes.get(name, value)) for name, value in given]
    new = [(name, value) for name, value in changes.items() if name not in dict(given)]
    return tuple((name, value) for name, value in [*kept, *new] if value is not None)


def _theme() -> tuple[Source, ...]:
    root = packaged_templates()
    paths = sorted((root / "default").rglob("*.j2"), key=lambda path: ("issue.mjml" not in path.name, path))
    return tuple(Source(f"templates/{path.relative_to(root).as_posix()}", path.read_text("utf-8")) for path in paths)


def problems(checked: Checked) -> list[Problem]:
    """What all packaged checks say."""
    checks = [check for check in registry.packaged_checks() if not check.is_slow]
    return registry.run(checked, checks, levels=checked.settings.checks)


def found(checked: Checked, check: str) -> list[Problem]:
    """What one of them says."""
    checks = [one for one in registry.packaged_checks() if one.id == check]
    assert checks, f"there is no check {check}"
    return registry.run(checked, checks, levels=checked.settings.checks)


def told(problem: Problem) -> tuple[str, str]:
    return problem.level, problem.where
