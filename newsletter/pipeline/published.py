"""What the public may see of issues: those that are on their way or sent, as they were approved."""

from __future__ import annotations

from newsletter.issues import archive
from newsletter.models import IssueState, Manifest
from newsletter.pipeline.site import Site
from newsletter.store.issues import IssueRow


def web_version(site: Site, issue: str) -> bytes | None:
    """The frozen page of an issue; None for one that nobody was mailed yet."""
    row = site.store.issues.get(issue)
    if row is None or not _is_public(row):
        return None
    return archive.read_frozen(site.issue_folder(issue)).email.web_html.encode()


def asset(site: Site, issue: str, name: str) -> bytes | None:
    """A picture of an approved issue, by the name that its manifest lists; None for any other.

    Also before the sending: a test mail shows it too, and nobody guesses its name.
    """
    return archive.read_asset(site.issue_folder(issue), name)


def published(site: Site) -> list[Manifest]:
    """The manifests of all public issues, newest first."""
    rows = [row for row in site.store.issues.list() if _is_public(row)]
    folders = [site.issue_folder(row.id) for row in rows]
    return [archive.read_manifest(folder) for folder in folders if archive.is_frozen(folder)]


def _is_public(row: IssueRow) -> bool:
    is_on_its_way = row.began_at is not None and row.state in (IssueState.SENDING, IssueState.PAUSED)
    return row.state is IssueState.SENT or is_on_its_way
