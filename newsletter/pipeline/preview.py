"""An issue as its readers will get it, to be looked at: a draft as approval would freeze it, or what was approved.

What hinders an approval (no subject, a post that cannot go out) does not hinder looking: it is told beside the email.
"""

from __future__ import annotations

import html as html_entities
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from newsletter.emails.budget import Fit
from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Problem
from newsletter.emails.fields import Fields, fields_of
from newsletter.emails.markers import Filled, filled
from newsletter.errors import NotFound
from newsletter.issues import archive
from newsletter.issues.select import Selection
from newsletter.models import Collected, Email, Issue, IssueState, Reader
from newsletter.pipeline.approve import NONCE_BYTES, draft_of, hindrances_of, render_draft
from newsletter.pipeline.check import approved_checked
from newsletter.pipeline.checking import checked_of, problems_of
from newsletter.pipeline.collect import collect
from newsletter.pipeline.pictures import picture_address
from newsletter.pipeline.site import Site
from newsletter.settings_values import ImagesMode
from newsletter.store.issues import IssueRow
from newsletter.subscribers.links import TEST_READER

_NAMES = {
    "ordinary": "Ann Other",
    "long": "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh y Fernández de Córdoba-Figueroa de la Cerda",
    "nameless": "",
    "rtl": "ליאור בן־דוד",
}
MADE_UP = {
    who: Reader(TEST_READER, f"{'a.reader' if who == 'ordinary' else who}@example.org", name, {})
    for who, name in _NAMES.items()
}
"""Readers that there are not, by what is hard about them."""


class Preview(NamedTuple):
    issue: str
    state: IssueState
    is_frozen: bool
    """These are the bytes that go out, or went."""
    email: Email
    fit: Fit | None
    """How it stands to Gmail's limit; None for what is frozen."""
    hindrances: tuple[Problem, ...]
    """What approval will refuse, known before any check."""
    checked: Callable[[], Checked]
    """Gathers all that the checks look at: a third of the work, and whoever only looks at an edit need not wait."""


def preview(
    site: Site, issue: str, *, now: datetime, images: ImagesMode | None = None, collected: Collected | None = None
) -> Preview:
    """The issue as it is now. `images`: how a draft carries its pictures, in place of the digest's way; `collected`:
    the posts, where they were just read.

    Raises `BadInput` for an `issue.md` and `TemplateBroken` for a template with mistakes.
    """
    row = site.issue_row(issue)
    if archive.is_frozen(site.issue_folder(issue)) and row.state is not IssueState.DRAFT:
        email = archive.read_frozen(site.issue_folder(issue)).email
        return Preview(issue, row.state, True, email, None, (), lambda: approved_checked(site, row))
    if row.state is not IssueState.DRAFT:
        raise NotFound(f"{issue} is {row.state}, and nothing of it was kept: there is nothing to look at")
    return _of_draft(site, row, now, images, collected or collect(site))


def problems(site: Site, seen: Preview) -> list[Problem]:
    """What hinders the approval, and what the checks say that take no time; errors first."""
    found = [*seen.hindrances, *problems_of(site, seen.checked())]
    return sorted(found, key=lambda one: one.level != "error")


def _of_draft(site: Site, row: IssueRow, now: datetime, images: ImagesMode | None, collected: Collected) -> Preview:
    issue, selection = draft_of(site, row, collected)
    hindrances = tuple(_told(issue, selection))
    issue, posts = _that_can_go(issue, selection), dict(selection.may_stay)
    drafted = render_draft(site, issue, posts, nonce=secrets.token_hex(NONCE_BYTES), now=now, images=images)

    def checked() -> Checked:
        return checked_of(site, issue, drafted.email, posts, pictures=drafted.pictures, fit=drafted.fit)

    return Preview(row.id, row.state, False, drafted.email, drafted.fit, hindrances, checked)


def _that_can_go(issue: Issue, selection: Selection) -> Issue:
    sections = tuple(
        section.model_copy(
            update={"entries": tuple(one for one in section.entries if one.post_id in selection.may_stay)}
        )
        for section in issue.sections
    )
    return issue.model_copy(update={"sections": sections})


def _told(issue: Issue, selection: Selection) -> Iterator[Problem]:
    where = f"issues/{issue.id}/{archive.ISSUE_FILE}"
    for problem, fix in hindrances_of(issue, selection):
        yield Problem("issue", "error", where, problem, fix)


# --- one reader's copy -------------------------------------------------------------------------------------------


def reader(site: Site, who: str) -> Reader:
    """Somebody to fill the merge fields with: one of `MADE_UP`, or a subscriber by address. Raises `NotFound`."""
    if who in MADE_UP:
        return MADE_UP[who]
    if "@" not in who:
        raise NotFound(
            f"there is no reader {who!r}", fix=f"name a subscriber's address, or one of {', '.join(MADE_UP)}"
        )
    found = site.roster.show(who)
    # Links in a copy that is only looked at lead to nobody.
    return Reader(TEST_READER, found.email, found.name, found.attributes)


def copy_for(site: Site, seen: Preview, whom: Reader) -> Filled:
    """The email as this reader gets it; its unsubscribe link is harmless."""
    return filled(seen.email, fields_for(site, seen.issue, whom))


def headers_for(site: Site, seen: Preview, whom: Reader) -> list[tuple[str, str]]:
    """The headers of this reader's copy, decoded, with its subject."""
    values = fields_for(site, seen.issue, whom)
    headers = (
        (name, filled(seen.email.model_copy(update={"text": value, "html": ""}), values).text)
        for name, value in seen.email.headers
    )
    return [*headers, ("Subject", seen.email.subject)]


def fields_for(site: Site, issue: str, whom: Reader, *, delivery_id: str = "") -> Fields:
    """The values of a copy that is nobody's delivery."""
    return fields_of(
        whom,
        delivery_id=delivery_id or f"{issue}.{TEST_READER}",
        unsubscribe_url=site.links.unsubscribe_url(TEST_READER, issue),
        web_url=site.links.web_url(issue),
    )


def with_pictures(site: Site, seen: Preview, html: str, address: Callable[[str], str]) -> str:
    """HTML of the email or of its web version in which each picture has another address, made from its file's name.

    For showing a draft: its pictures have no address on the web before the approval. The email itself is as it was.
    """
    shown = {html_entities.escape(old): html_entities.escape(address(name)) for name, old in _addresses(site, seen)}
    for old in sorted(shown, key=len, reverse=True):
        html = html.replace(old, shown[old])
    return html


def asset(seen: Preview, name: str) -> bytes | None:
    """A picture of the email by its file's name."""
    by_name: Mapping[str, bytes] = {one.name: one.content for one in seen.email.assets}
    return by_name.get(name)


def _addresses(site: Site, seen: Preview) -> Iterator[tuple[str, str]]:
    for one in seen.email.assets:
        yield one.name, picture_address(site, seen.issue, one.name)
        if one.content_id:
            yield one.name, f"cid:{one.content_id}"
