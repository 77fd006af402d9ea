"""send, status, deliveries, pause, resume, cancel, resolve."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from newsletter.cli import output
from newsletter.cli.options import IssueArgument, JsonOption, SiteOption, YesOption

if TYPE_CHECKING:
    from newsletter.models import Counts, DeliveryState
    from newsletter.pipeline.send import Sent, Watch
    from newsletter.pipeline.site import Site


def register(app: typer.Typer) -> None:
    for command in (send, status, deliveries, pause, resume, cancel, resolve):
        app.command()(command)


def send(issue: IssueArgument, site: SiteOption = None, yes: YesOption = False, json: JsonOption = False) -> None:
    """Mail an approved issue to all who have not got it.

    Stopped or killed at any point, run it again: it goes on where it was, and nobody gets a second copy.

    Example: newsletter send weekly-2026-11-19
    """
    from newsletter.app import open_site

    with open_site(site) as opened:
        _send(opened, issue, yes=yes, json=json)


def _send(opened: Site, issue: str, *, yes: bool, json: bool) -> None:
    from newsletter import clock
    from newsletter.models import IssueState
    from newsletter.pipeline.send import send as send_issue

    now = clock.now()
    row = opened.issue_row(issue)
    if row.due_at > now and row.began_at is None:
        due = output.shown(row.due_at, opened.settings.site.zone)
        output.ask(f"{issue} is due {due}. Send it now?", yes=yes)
    if row.state is IssueState.DRAFT:
        from newsletter.pipeline.approve import approve_if_automatic

        approve_if_automatic(opened, issue, now=now)
    with stopping() as stop, _watching(opened, issue, stop) as watch:
        sent = send_issue(opened, issue, now=now, watch=watch)
    _show_sent(sent, json=json)
    raise typer.Exit(send_exit_code(sent))


def send_exit_code(sent: Sent) -> int:
    """0: nothing pending and nothing unsure; 1: denied before the first mail; else 3: a person must look."""
    from newsletter.delivery.send import Ending

    counts = sent.counts
    if not counts.pending and not counts.unsure:
        return 0
    if sent.warning:
        return 0
    began = counts.sent or counts.unsure or counts.refused
    return 1 if sent.ended.ending is Ending.DENIED and not began else 3


class StopOnSignal(threading.Event):
    """An event that a signal handler may set: a plain one can meet itself in its own lock there, and hang."""

    POLL_S = 0.1

    def __init__(self) -> None:
        super().__init__()
        self.signals: list[int] = []

    def is_set(self) -> bool:
        return bool(self.signals) or super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        from newsletter import clock

        end_s = math.inf if timeout is None else clock.monotonic_s() + timeout
        while not self.is_set() and (left_s := end_s - clock.monotonic_s()) > 0:
            clock.sleep(min(left_s, self.POLL_S))
        return self.is_set()


@contextmanager
def stopping() -> Iterator[StopOnSignal]:
    """An event that SIGTERM and Ctrl-C set: the batch in hand is finished and recorded first."""
    stop = StopOnSignal()

    def note(number: int, _frame: object) -> None:
        stop.signals.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _watching(opened: Site, issue: str, stop: threading.Event) -> Iterator[Watch]:
    from newsletter.pipeline.send import Watch
    from newsletter.pipeline.status import counts_of

    total = counts_of(opened, opened.issue_row(issue)).recipients
    with output.progress(f"sending {issue}", total) as bar:

        def report(counts: Counts) -> None:
            bar(counts.recipients - counts.pending, _in_words(counts, only_troubles=True))

        yield Watch(stop=stop, report=report)


def _show_sent(sent: Sent, *, json: bool) -> None:
    if json:
        output.as_json({"issue": sent.issue, "state": sent.state.value, **sent.counts.model_dump()})
    else:
        typer.echo(f"{sent.issue}: {sent.state.value}; {_in_words(sent.counts)}")
    if sent.warning:
        output.warn([sent.warning])
    for line in _what_now(sent):
        output.say(line)


def _what_now(sent: Sent) -> Iterator[str]:
    from newsletter.delivery.send import Ending

    issue, ended = sent.issue, sent.ended
    why = f": {ended.reason}" if ended.reason else ""
    again = f"then run `newsletter send {issue}`; those already mailed are not mailed again"
    match ended.ending:
        case Ending.STOPPED:
            yield f"stopped as asked; `newsletter send {issue}` goes on"
        case Ending.HELD:
            yield f"{issue} was paused or cancelled meanwhile; `newsletter resume {issue}` goes on with a paused one"
        case Ending.DENIED:
            yield f"the provider refuses to send at all{why}\n  fix: mend that, {again}"
        case Ending.DOUBTFUL:
            yield f"three calls in a row had no clear answer{why}\n  fix: look at the provider's own log, {again}"
        case Ending.BUSY:
            yield f"the provider stayed busy{why}\n  fix: wait, {again}"
        case Ending.SHARED:
            yield f"another process holds the rest and does not go on\n  fix: end it, {again}"
    if sent.counts.unsure:
        yield (
            f"{sent.counts.unsure} may or may not have been mailed\n"
            f"  fix: `newsletter deliveries {issue} --state unsure` names them, "
            f"`newsletter resolve {issue} --as sent` (or `--as unsent`) decides"
        )


def _in_words(counts: Counts, *, only_troubles: bool = False) -> str:
    names = ("refused", "unsure", "skipped") if only_troubles else ("sent", "pending", "refused", "unsure", "skipped")
    parts = [f"{getattr(counts, name):,} {name}" for name in names if getattr(counts, name) or name == "sent"]
    return ", ".join(parts) if only_troubles else f"{counts.recipients:,} recipients: {', '.join(parts)}"


def status(
    issue: Annotated[str | None, typer.Argument(metavar="[ISSUE]", help="Default: all issues.")] = None,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Show where each issue stands.

    Example: newsletter status weekly-2026-11-19
    """
    from newsletter.app import open_site
    from newsletter.pipeline.status import standing, standings

    with open_site(site) as opened:
        found = [standing(opened, issue)] if issue else standings(opened)
        if json:
            facts = [{"issue": one.issue, "state": one.state.value, **one.counts.model_dump()} for one in found]
            output.as_json(facts[0] if issue else facts)
            return
        if not found:
            output.say("no issues yet; `newsletter build` makes the next one")
        zone = opened.settings.site.zone
        rows = [(one.issue, one.state.value, output.shown(one.due_at, zone), _in_words(one.counts)) for one in found]
        output.table(("issue", "state", "due", "deliveries"), rows)
        for one in found:
            if one.note:
                output.say(f"{one.issue}: {one.note}")


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
            print_table(found, opened.settings.site.zone)


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
        _show_state(opened, issue, json=json)


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
            _show_state(opened, issue, json=json)
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
        output.ask(f"Cancel {issue}? {_in_words(counts)}.", yes=yes)
        decide.cancel(opened, issue, now=clock.now())
        _show_state(opened, issue, json=json)


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
    from newsletter.pipeline.status import standing

    with open_site(site) as opened:
        unsure = standing(opened, issue).counts.unsure
        output.ask(f"Count {unsure} unsure deliveries of {issue} as {decision}?", yes=yes)
        decide.resolve(opened, issue, as_sent=decision == "sent", now=clock.now())
        _show_state(opened, issue, json=json)


def _show_state(opened: Site, issue: str, *, json: bool) -> None:
    from newsletter.pipeline.status import standing

    one = standing(opened, issue)
    if json:
        output.as_json({"issue": one.issue, "state": one.state.value, **one.counts.model_dump()})
    else:
        typer.echo(f"{one.issue}: {one.state.value}; {_in_words(one.counts)}")
