"""The posts folder as it is now, every post under its lasting identity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from newsletter.errors import BadInput, Place
from newsletter.issues import archive
from newsletter.models import Collected, IssueState, KnownPost, Manifest, Receipt
from newsletter.pipeline.site import Site
from newsletter.posts.folder import read_folder
from newsletter.posts.stamp import stamp_of
from newsletter.store.issues import BY_PRODUCT, IssueRow

if TYPE_CHECKING:
    from newsletter.posts.imports import ImportReport


def collect(site: Site, *, strict: bool = False) -> Collected:
    """Read what changed in the posts folder and remember it; with `strict`, unreadable files are an error."""
    root = site.settings.posts_folder
    if not root.is_dir():
        raise BadInput(
            f"the posts folder {site.settings.posts.folder}/ does not exist",
            fix=f"make {root}, or name another one as posts.folder in newsletter.toml",
        )
    collected = site.memory.collected(stamp_of(root), read=lambda: _read(site, root))
    if strict and collected.problems:
        folder = site.settings.posts.folder
        places = [Place(f"{folder}/{problem.where}", problem.reason) for problem in collected.problems]
        raise BadInput(
            f"these files in {folder}/ cannot be read as posts:",
            places=places,
            fix="mend them or take them out of the folder; without --strict the other posts go on without them",
        )
    return collected


def _read(site: Site, root: Path) -> Collected:
    reading = read_folder(
        root,
        zone=site.settings.site.zone,
        cached=site.store.posts.cached_files(),
        known=site.store.posts.known(),
        url_pattern=site.settings.posts.url,
    )
    collected = reading.collected
    known = [KnownPost(post.id, post.path, post.text_sha256) for post in collected.posts if not post.has_own_id]
    before = set(site.store.posts.known()) if known else set()
    new = [one for one in known if one not in before]
    if reading.changed or reading.gone or new:
        site.store.posts.remember(changed=reading.changed, gone=reading.gone, known=new)
    return collected


def import_files(
    site: Site, files: Sequence[Path], *, into: Path | None, keep_closing: bool, now: datetime
) -> ImportReport:
    """Turn the files into posts; what was imported once does not come back, even when its file was deleted."""
    from newsletter.posts.imports import import_files as write_posts

    report = write_posts(
        files,
        into=into or site.settings.posts_folder,
        zone=site.settings.site.zone,
        seen=site.store.posts.imported_keys(),
        keep_closing=keep_closing,
    )
    site.store.posts.remember_imported(report.keys, now=now)
    return report


def take_up_forgotten_issues(site: Site, *, now: datetime) -> list[str]:
    """Issues that lie approved in `issues/` and that the store does not know so, because it was lost or is older.

    Their posts are used up again, so a lost database repeats no post; their ids.
    """
    folders = list(site.settings.issues_folder.glob(f"*/{archive.MANIFEST_FILE}"))
    known = {row.id for row in site.store.issues.list() if not _is_behind(site, row)}
    if all(path.parent.name in known for path in folders):
        return []
    forgotten = [one for one in archive.manifests(site.settings.issues_folder) if one.issue not in known]
    rows = [_row_of(site, manifest, now) for manifest in forgotten]
    posts = {manifest.issue: [post.id for post in manifest.posts] for manifest in forgotten}
    left_over = {manifest.issue: manifest.left_over for manifest in forgotten}
    site.store.issues.restore(rows, posts=posts, left_over=left_over)
    site.store.posts.remember(changed=(), gone=(), known=_identities(forgotten))
    return [manifest.issue for manifest in forgotten]


def _is_behind(site: Site, row: IssueRow) -> bool:
    """The store takes for a draft what has a receipt: it is a copy from before the approval."""
    is_draft = row.state in (IssueState.DRAFT, IssueState.SKIPPED)
    return is_draft and archive.read_receipt(site.issue_folder(row.id)) is not None


def _identities(manifests: list[Manifest]) -> Iterator[KnownPost]:
    by_id = {post.id: post for manifest in manifests for post in manifest.posts}
    return (KnownPost(post.id, post.path, post.text_sha256) for post in by_id.values())


def _row_of(site: Site, manifest: Manifest, now: datetime) -> dict[str, Any]:
    folder = site.issue_folder(manifest.issue)
    receipt = archive.read_receipt(folder)
    state, note = _state_told_by(receipt)
    return {
        "id": manifest.issue,
        "digest": manifest.digest,
        "due_at": manifest.due_at,
        "state": state.value,
        "paused_by": BY_PRODUCT if state is IssueState.PAUSED else None,
        "note": note,
        "manifest_sha256": archive.manifest_sha256(folder),
        "approved_at": manifest.approved_at,
        "began_at": receipt.began_at if receipt else None,
        "ended_at": receipt.ended_at if receipt else None,
        "attempts": 0,
        "created_at": now,
        "changed_at": now,
    }


def _state_told_by(receipt: Receipt | None) -> tuple[IssueState, str]:
    if receipt is None:
        return IssueState.APPROVED, ""
    if receipt.ended_at is not None:
        return IssueState.SENT, "sent by another database"
    return IssueState.PAUSED, "its sending was begun by another database and never ended there"
