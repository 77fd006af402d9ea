"""An issue as an editor sees it and shapes it: read from `issue.md`, each change written there at once.

Whoever changes names the version that he saw. A file that is another by now is left as it is, and the `Conflict`
shows both sides: nobody's work is overwritten, whether it came from a page, a refresh or somebody's own editor.
"""

from __future__ import annotations

from newsletter.errors import BadInput, NotPossible, Overtaken
from newsletter.issues import archive
from newsletter.issues.editing import Edit
from newsletter.issues.file import retitle
from newsletter.issues.naming import on_of
from newsletter.issues.select import Selection, section_title
from newsletter.issues.shaping import Known, shaped
from newsletter.models import Collected, IssueState
from newsletter.pipeline.build import automatic_for
from newsletter.pipeline.collect import collect
from newsletter.pipeline.eligible import last_automatic
from newsletter.pipeline.sheet import Sheet, approved_sheet, due_at_of, selected, sheet_of, version_of, why_fixed
from newsletter.pipeline.site import Site
from newsletter.store.issues import IssueRow


class Conflict(Overtaken):
    """The file is not the one that was seen: both sides, for a person to decide."""

    def __init__(self, issue: str, edit: Edit, theirs: Sheet | BadInput) -> None:
        super().__init__(
            f"issues/{issue}/{archive.ISSUE_FILE} was changed meanwhile, so it was left as it is",
            fix="look at what it says now, then make the change again",
        )
        self.edit = edit
        """What was wanted."""
        self.theirs = theirs
        """The file as it is now; the mistakes in it, where it cannot be read."""


def sheet(site: Site, issue: str, *, collected: Collected | None = None) -> Sheet:
    """The issue as it is now; `collected`: the posts, where they were just read.

    Raises `BadInput` with line and column for an `issue.md` that cannot be read.
    """
    row = site.issue_row(issue)
    text = archive.read_issue_text(site.issue_folder(issue))
    is_frozen = row.state is not IssueState.DRAFT and archive.is_frozen(site.issue_folder(issue))
    if text is None and not is_frozen:
        raise _no_file(row)
    try:
        if text is not None:
            return sheet_of(site, row, text, collected or collect(site))
    except BadInput:
        if not is_frozen:
            raise
    return approved_sheet(site, row, collected or collect(site))


def change(site: Site, issue: str, edit: Edit, *, version: str) -> Sheet:
    """Write one edit into the `issue.md` of `version`, and show what became of it.

    Subject and preheader follow the posts as long as nobody wrote others. Raises `Conflict` where the file is another
    by now, `NotPossible` where the issue is no draft or has no such post, `BadInput` where the file cannot be read.
    """
    with site.store.owners.one_at_a_time(issue):
        row = site.issue_row(issue)
        if problem := why_fixed(row):
            raise NotPossible(problem, fix=_how_to_open(row))
        text = archive.read_issue_text(site.issue_folder(issue))
        if text is None:
            raise _no_file(row)
        if version_of(text) != version:
            raise _conflict(site, issue, edit)
        collected = collect(site)
        new = _written(site, row, edit, text, collected)
        return sheet_of(site, site.issue_row(issue), new, collected)


def _written(site: Site, row: IssueRow, edit: Edit, text: str, collected: Collected) -> str:
    """The text with the edit in it, as it stands in the file now."""
    edited = shaped(text, edit, _known(site, row, selected(site, row, text, collected)), issue_id=row.id)
    automatic = automatic_for(site, row.digest, selected(site, row, edited, collected))
    last, due_at = last_automatic(row), due_at_of(site, row)
    new = retitle(edited, automatic, last=last, issue_id=row.id, digest=row.digest, due_at=due_at)
    try:
        archive.write_issue_text(site.issue_folder(row.id), new.text, was=text)
    except Overtaken as error:
        raise _conflict(site, row.id, edit) from error
    site.store.issues.remember_automatic(row.id, new.last.model_dump())
    return new.text


def _conflict(site: Site, issue: str, edit: Edit) -> Conflict:
    try:
        return Conflict(issue, edit, sheet(site, issue))
    except BadInput as error:
        return Conflict(issue, edit, error)


def _known(site: Site, row: IssueRow, selection: Selection) -> Known:
    rules = site.digest(row.digest).sections
    return Known(
        titles={post_id: post.title for post_id, post in selection.may_stay.items()},
        sections={post_id: section_title(post, rules) for post_id, post in selection.may_stay.items()},
    )


def _how_to_open(row: IssueRow) -> str:
    if row.state is IssueState.APPROVED:
        return f"take the approval back first: `newsletter approve {row.id} --withdraw`"
    return f"see `newsletter status {row.id}`"


def _no_file(row: IssueRow) -> NotPossible:
    return NotPossible(
        f"issues/{row.id}/{archive.ISSUE_FILE} is missing",
        fix=f"run `newsletter build {row.digest} --on {on_of(row.id)}`",
    )
