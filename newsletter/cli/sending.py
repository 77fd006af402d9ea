"""send, status, deliveries, pause, resume, cancel, resolve."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from newsletter.cli import output
from newsletter.cli.logs import LogOption, begin_logging
from newsletter.cli.options import IssueArgument, JsonOption, SiteOption, YesOption
from newsletter.cli.sent import in_words, send_exit_code, show_sent, show_state, whoever_reads
from newsletter.cli.watching import watch as watch_sending

if TYPE_CHECKING:
    from newsletter.models import Counts, DeliveryState
    from newsletter.pipeline.send import Watch
    from newsletter.pipeline.site import Site
    from newsletter.pipeline.status import Standing


def register(app: typer.Typer) -> None:
    for command in (send, status, deliveries, pause, resume, cancel, resolve):
        app.command()(command)


def send(
    issue: IssueArgument,
    site: SiteOption = None,
    yes: YesOption = False,
    log: LogOption = "off",
    json: JsonOption = False,
) -> None:
    """Mail an approved issue to all who have not got it.

    Stopped or killed at any point, run it again: it goes on where it was, and nobody gets a second copy.

    Example: newsletter send weekly-2026-11-19
    """
    from newsletter.app import open_site

    begin_logging(log)
    with open_site(site) as opened:
        _send(opened, issue, yes=yes, json=json)


def _send(opened: Site, issue: str, *, yes: bool, json: bool) -> None:
    from newsletter import clock
    from newsletter.models import IssueState
    from newsletter.pipeline.send import send as send_issue
    from newsletter.stopping import stopping

    now = clock.now()
    row = opened.issue_row(issue)
    if row.due_at > now and row.began_at is None:
        due = output.shown(row.due_at, opened.settings.site.zone)
        output.ask(f"{issue} is due {due}. Send it now?", yes=yes)
    if row.state is IssueState.DRAFT:
        from newsletter.pipeline.approve import approve_if_automatic

        approved = approve_if_automatic(opened, issue, now=now)
        output.warn(approved.warnings if approved else ())
    timeout_s = opened.settings.provider.timeout.total_seconds()
    saying = f"stopping: calls under way are waited for, up to {timeout_s:,.0f} seconds each"
    with stopping(saying=saying) as stop, _watching(opened, issue, stop) as watch:
        sent = send_issue(opened, issue, now=now, watch=watch)
    with whoever_reads():
        show_sent(sent, json=json, zone=opened.settings.site.zone)
    raise typer.Exit(send_exit_code(sent))


@contextmanager
def _watching(opened: Site, issue: str, stop: threading.Event) -> Iterator[Watch]:
    """A progress bar. That it cannot be shown any more (`| head`, a closed terminal) does not end a sending."""
    from newsletter.pipeline.send import Watch
    from newsletter.pipeline.status import counts_of

    total = counts_of(opened, opened.issue_row(issue)).recipients
    progress = output.progress(f"sending {issue}", total)
    bar = progress.__enter__()

    def report(counts: Counts) -> None:
        with suppress(OSError):
            bar(counts.recipients - counts.pending, in_words(counts, only_troubles=True))

    def tell(words: str) -> None:
        with suppress(OSError):
            output.say(words)

    try:
        yield Watch(stop=stop, report=report, tell=tell)
    finally:
        with suppress(OSError):
            progress.__exit__(None, None, None)


def status(
    issue: Annotated[str | None, typer.Argument(metavar="[ISSUE]", help="Default: all issues.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on telling until the sending ends.")] = False,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Show where each issue stands.

    Example: newsletter status weekly-2026-11-19
    """
    from newsletter.app import open_site
    from newsletter.pipeline.status import standing, standings

    if watch and (json or not issue):
        raise typer.BadParameter("it is for people, and watches one issue: name it", param_hint="--watch")
    with open_site(site) as opened:
        if watch and issue:
            watch_sending(opened, issue)
            return
        found = [standing(opened, issue)] if issue else standings(opened)
        if json:
            facts = [_facts(opened, one) for one in found]
            output.as_json(facts[0] if issue else facts)
            return
        if not found:
            output.say("no issues yet; `newsletter build` makes the next one")
        zone = opened.settings.site.zone
        rows = [(one.issue, one.state.value, output.shown(one.due_at, zone), in_words(one.counts)) for one in found]
        output.table(("issue", "state", "due", "deliveries"), rows)
        for one in found:
            if one.note:
                output.say(f"{one.issue}: {one.note}")


def _facts(opened: Site, one: Standing) -> dict[str, object]:
    counts = {"issue": one.issue, "state": one.state.value, **one.counts.model_dump()}
    return counts | {"note": one.note, "providers": opened.store.deliveries.by_provider(one.issue)}


def deliveries(
    issue: IssueArgument,
    state: Annotated[str | None, typer.Option(help="pending, sent, refused, unsure or skipped only.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print a CSV table.")] = False,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Show who got an issue, who did not, and why.

    Example: newsletter deliveries weekly-2026-11-19 --state unsure
    """
    from newsletter.app import open_site
    from newsletter.cli.deliveries import print_csv, print_json, print_table

    with open_site(site) as opened:
        row = opened.issue_row(issue)
        found = opened.store.deliveries.list(row.id, state=_delivery_state(state))
        if json:
            print_json(found, opened.settings.site.zone)
        elif csv:
            print_csv(found)
        else:
            print_table(found, opened.settings.site.zone, has_begun=row.began_at is not None)


def _delivery_state(text: str | None) -> DeliveryState | None:
    from newsletter.models import DeliveryState

    if text is None:
        return None
    try:
        return DeliveryState(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(DeliveryState)}", param_hint="--state") from error


def pause(issue: IssueArgument, site: SiteOption = None, json: JsonOption = False) -> None:
    """Stop a sending after the batch in hand.

    Whichever process does it, on whichever terminal.

    Example: newsletter pause weekly-2026-11-19
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.pipeline import decide

    with open_site(site) as opened:
        decide.pause(opened, issue, now=clock.now())
        show_state(opened, issue, json=json)


def resume(issue: IssueArgument, site: SiteOption = None, yes: YesOption = False, json: JsonOption = False) -> None:
    """Take a pause back and send the rest.

    An issue that was paused before its time waits for its time again.

    Example: newsletter resume weekly-2026-11-19
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.models import IssueState
    from newsletter.pipeline import decide

    with open_site(site) as opened:
        state = decide.release(opened, issue, now=clock.now())
        if state is IssueState.APPROVED and opened.issue_row(issue).due_at > clock.now():
            show_state(opened, issue, json=json)
            return
        _send(opened, issue, yes=yes, json=json)


def cancel(issue: IssueArgument, site: SiteOption = None, yes: YesOption = False, json: JsonOption = False) -> None:
    """Never send an issue, or send it no further.

    Its posts are free for another issue.

    Example: newsletter cancel weekly-2026-11-19
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.pipeline import decide
    from newsletter.pipeline.status import standing

    with open_site(site) as opened:
        counts = standing(opened, issue).counts
        output.ask(f"Cancel {issue}? {in_words(counts)}.", yes=yes)
        decide.cancel(opened, issue, now=clock.now())
        show_state(opened, issue, json=json)


def resolve(
    issue: IssueArgument,
    decision: Annotated[Literal["sent", "unsent"], typer.Option("--as", help="What happened to those in doubt.")],
    site: SiteOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Decide about the deliveries that are in doubt.

    Those resolved as unsent are mailed by the next send.

    Example: newsletter resolve weekly-2026-11-19 --as sent
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.pipeline import decide
    from newsletter.pipeline.begun import why_foreign
    from newsletter.pipeline.status import standing

    with open_site(site) as opened:
        counts, foreign = standing(opened, issue).counts, why_foreign(opened, issue)
        output.ask(_question(issue, decision, counts, foreign), yes=yes)
        count = decide.resolve(opened, issue, as_sent=decision == "sent", now=clock.now())
        if not count and not foreign:
            output.warn([f"nothing of {issue} was in doubt, so nothing changed"])
        show_state(opened, issue, json=json)


def _question(issue: str, decision: str, counts: Counts, foreign: str | None) -> str:
    if foreign is None:
        return f"Count {counts.unsure:,} unsure deliveries of {issue} as {decision}?"
    if decision == "sent":
        return f"{foreign}. Close {issue} as sent?"
    return f"{foreign}. Let this database mail {issue} to all whom it holds for unmailed?"
