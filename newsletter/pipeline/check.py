"""What would embarrass us about an issue: the draft as approval would freeze it, or exactly what was approved."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

from newsletter.emails.checks.checked import Answer, Checked
from newsletter.emails.checks.problem import Problem
from newsletter.errors import BadInput, NewsletterError, NotFound, NotPossible, TemplateBroken
from newsletter.fetch import Fetcher, NotFetched
from newsletter.issues import archive
from newsletter.issues.file import parse
from newsletter.models import Entry, Issue, IssueState, Manifest, Section
from newsletter.pipeline.approve import NONCE_BYTES, read_draft, render_draft
from newsletter.pipeline.checking import addresses_of, checked_of, checks_of, problems_of, with_answers
from newsletter.pipeline.collect import collect
from newsletter.pipeline.site import Site
from newsletter.store.issues import IssueRow

THREADS = 8
"""Links are tried side by side; one host is asked one thing at a time (see `Fetcher`)."""

Probe = Callable[[str], Answer]


class Report(NamedTuple):
    issue: str
    problems: tuple[Problem, ...]
    """Errors first."""

    @property
    def has_errors(self) -> bool:
        return any(problem.level == "error" for problem in self.problems)


def check(site: Site, issue: str | None, *, now: datetime, probe: Probe | None = None) -> Report:
    """Everything that the checks find; with `probe` the links are tried too.

    Default: the next draft, else the newest issue that is not sent. What hinders the rendering is a problem as well.
    """
    row = site.issue_row(issue) if issue else next_issue(site, now)
    checks_of(site, with_slow=True)
    try:
        checked = (
            approved_checked(site, row) if archive.is_frozen(site.issue_folder(row.id)) else _draft(site, row, now)
        )
    except (BadInput, NotPossible, TemplateBroken) as error:
        return Report(row.id, tuple(_hindrances(row, error)))
    if probe is not None:
        checked = with_answers(checked, tried(addresses_of(checked), probe))
    return Report(row.id, tuple(problems_of(site, checked, with_slow=True)))


def next_issue(site: Site, now: datetime) -> IssueRow:
    """The one that is worth a look: the next draft, else the newest that is not sent, else the newest."""
    rows = [row for row in site.store.issues.list() if row.state not in (IssueState.CANCELLED, IssueState.SKIPPED)]
    drafts = [row for row in rows if row.state is IssueState.DRAFT and row.due_at >= now]
    if drafts:
        return min(drafts, key=lambda row: row.due_at)
    if not rows:
        raise NotFound("there is no issue to check", fix="run `newsletter build` first")
    unsent = [row for row in rows if row.state is not IssueState.SENT]
    return max(unsent or rows, key=lambda row: row.due_at)


def _draft(site: Site, row: IssueRow, now: datetime) -> Checked:
    """What would be frozen."""
    if row.state is not IssueState.DRAFT:
        raise NotFound(f"{row.id} is {row.state}, and nothing of it was kept: there is nothing to check")
    issue, selection = read_draft(site, row)
    posts = dict(selection.may_stay)
    drafted = render_draft(site, issue, posts, nonce=secrets.token_hex(NONCE_BYTES), now=now)
    return checked_of(site, issue, drafted.email, posts, pictures=drafted.pictures, fit=drafted.fit)


def approved_checked(site: Site, row: IssueRow) -> Checked:
    """From the frozen bytes, whatever the posts and the theme say now."""
    frozen = archive.read_frozen(site.issue_folder(row.id))
    manifest = frozen.manifest
    in_folder = {post.id: post for post in collect(site).posts} if site.settings.posts_folder.is_dir() else {}
    titles = {post.id: post.title for post in manifest.posts}
    return checked_of(site, _approved_issue(site, manifest), frozen.email, in_folder, title_by_id=titles)


def _approved_issue(site: Site, manifest: Manifest) -> Issue:
    entries = tuple(Entry(post_id=post.id) for post in manifest.posts)
    due_at = manifest.due_at.astimezone(site.settings.site.zone)
    return Issue(
        id=manifest.issue,
        digest=manifest.digest,
        due_at=due_at,
        subject=manifest.subject,
        preheader=manifest.preheader,
        sections=(*_titles_of_sections(site, manifest, due_at), Section(entries=entries)),
    )


def _titles_of_sections(site: Site, manifest: Manifest, due_at: datetime) -> Iterable[Section]:
    """From issue.md, which stays beside what was approved; none where it is gone or broken."""
    try:
        text = archive.read_issue_text(site.issue_folder(manifest.issue)) or ""
        issue = parse(text, issue_id=manifest.issue, digest=manifest.digest, due_at=due_at)
    except NewsletterError:
        return ()
    return tuple(Section(title=section.title) for section in issue.sections)


def _hindrances(row: IssueRow, error: BadInput | NotPossible | TemplateBroken) -> Iterable[Problem]:
    """What kept the issue from being rendered at all, each at its place."""
    fix = error.fix or f"see `newsletter status {row.id}`"
    if isinstance(error, BadInput) and error.places:
        return [Problem("issue", "error", place.where, place.problem, fix) for place in error.places]
    if isinstance(error, TemplateBroken):
        where = f"templates/{error.template}" + (f":{error.line}" if error.line else "")
        return [Problem("template", "error", where, error.problem, fix)]
    lines = re.sub(r"\n\s*", " ", error.problem)
    return [Problem("issue", "error", f"issues/{row.id}/{archive.ISSUE_FILE}", lines, fix)]


# --- links ----------------------------------------------------------------------------------------------------


def tried(addresses: Iterable[str], probe: Probe) -> Mapping[str, Answer]:
    """Each address with what its server said, several at once."""
    wanted = list(dict.fromkeys(addresses))
    with ThreadPoolExecutor(THREADS) as pool:
        return dict(zip(wanted, pool.map(probe, wanted), strict=True))


def prober(fetcher: Fetcher) -> Probe:
    """Asks by HEAD, then by GET; never within a private network."""

    def probe(address: str) -> Answer:
        try:
            found = fetcher.probe(address.partition("#")[0])
        except NotFetched as error:
            is_gone = error.is_refused or "there is no host" in error.reason
            return Answer(None, error.reason, is_gone=is_gone)
        return Answer(found.status, media_type=found.content_type)

    return probe
