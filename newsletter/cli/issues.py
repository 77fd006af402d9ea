"""build and approve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.options import IssueArgument, JsonOption, SiteOption, YesOption

if TYPE_CHECKING:
    from newsletter.models import LeftOut
    from newsletter.pipeline.approve import Approved
    from newsletter.pipeline.build import Built
    from newsletter.pipeline.site import Site

NAMED_AT_MOST = 20
"""Posts that are left out, one a line; the others are counted."""


def register(app: typer.Typer) -> None:
    app.command()(build)
    app.command()(approve)


def build(
    digest: Annotated[str | None, typer.Argument(metavar="DIGEST", help="Default: the only one.")] = None,
    on: Annotated[str | None, typer.Option(metavar="DATE", help="2026-11-19, or 2026-11-19T09:00.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail when a file cannot be read as a post.")] = False,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Make or refresh the draft issue of a date.

    Default: the next time the digest is due.

    Your edits in issue.md are kept: order, titles, subject, intro, comments, and what you left out.

    Example: newsletter build weekly --on 2026-11-19
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.pipeline.build import build as build_issue

    with open_site(site) as opened:
        built = build_issue(opened, digest, on=on, strict=strict, now=clock.now())
        output.warn(built.warnings)
        if json:
            _print_json(opened, built)
        else:
            _print(opened, built)


def _print_json(opened: Site, built: Built) -> None:
    zone = opened.settings.site.zone
    posts = [
        {"id": one.id, "title": one.title, "published_at": output.iso(one.published_at, zone), "section": one.section}
        for one in built.posts
    ]
    output.as_json(
        {
            "issue": built.issue,
            "state": built.state.value,
            "posts": posts,
            "left_out": [one._asdict() for one in built.left_out],
            "warnings": list(built.warnings),
        }
    )


def _print(opened: Site, built: Built) -> None:
    zone = opened.settings.site.zone
    typer.echo(f"{built.issue}: {built.state.value}, {output.counted(len(built.posts), 'post')}")
    for one in built.posts:
        typer.echo(f"  {one.published_at.astimezone(zone):%a %d %b}  {one.title}")
    for change in built.changes:
        output.say(change)
    _say_left_out(built.left_out)
    if built.path is not None:
        output.say(f"edit {built.path}, then run `newsletter approve {built.issue}`")
    elif built.state.value == "skipped":
        output.say(f"build {built.issue} again when there are more posts in {opened.settings.posts.folder}/")


def _say_left_out(left_out: Sequence[LeftOut]) -> None:
    from newsletter.issues.select import is_bygone

    named = [one for one in left_out if not is_bygone(one)]
    for one in named[:NAMED_AT_MOST]:
        output.say(f"left out {one.id}: {one.reason}")
    if others := len(left_out) - len(named[:NAMED_AT_MOST]):
        output.say(f"left out {output.counted(others, 'more post')}; `newsletter posts` says why of each")


def approve(
    issue: IssueArgument,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the approval back.")] = False,
    site: SiteOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Freeze an issue: exactly these bytes are sent.

    Example: newsletter approve weekly-2026-11-19
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.pipeline import approve as approving

    with open_site(site) as opened:
        if withdraw:
            approved = approving.withdraw(opened, issue, now=clock.now())
        else:
            row = opened.issue_row(issue)
            recipients = opened.store.deliveries.forecast(row.digest)
            due = output.shown(row.due_at, opened.settings.site.zone)
            output.ask(f"Approve {issue} for {output.counted(recipients, 'recipient')}, due {due}?", yes=yes)
            approved = approving.approve(opened, issue, now=clock.now())
            output.warn(approved.warnings)
        facts = {
            "issue": issue,
            "state": approved.state.value,
            "recipients": approved.recipients,
            "due_at": output.iso(approved.due_at, opened.settings.site.zone),
            "sha256": approved.sha256,
        }
        if json:
            output.as_json(facts)
            return
        typer.echo(f"{issue}: {approved.state.value}, for {output.counted(approved.recipients, 'recipient')}")
        if approved.sha256:
            _say_what_next(opened, issue, approved, is_due=approved.due_at <= clock.now())


def _say_what_next(opened: Site, issue: str, approved: Approved, *, is_due: bool) -> None:
    when = "at its time by `newsletter run`, or now" if not is_due else "now"
    output.say(f"it is sent {when} by `newsletter send {issue}`")
    if not approved.recipients:
        output.warn(["nobody is subscribed to it yet: `newsletter subscribers add ADDRESS`"])
    if problem := opened.why_unsendable():
        output.warn([f"it cannot be sent as the settings are now: {problem}"])
