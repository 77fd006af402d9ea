"""schedule, run, tick."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.logs import LogOption, begin_logging
from newsletter.cli.options import JsonOption, SiteOption
from newsletter.cli.serve import HostOption, PortOption, public_app

if TYPE_CHECKING:
    from newsletter.pipeline.site import Site
    from scheduler.outcomes import Outcome


def register(app: typer.Typer) -> None:
    for command in (schedule, run, tick):
        app.command()(command)


def schedule(
    count: Annotated[int, typer.Option(metavar="N", min=1, max=100, help="How many of each digest.")] = 4,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Show when each digest is due next.

    Example: newsletter schedule --count 8
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.pipeline.upcoming import upcoming

    with open_site(site) as opened:
        zone = opened.settings.site.zone
        found = upcoming(opened.settings, opened.store.issues, now=clock.now(), count=count)
        if json:
            facts = [
                {
                    "digest": one.digest,
                    "due_at": output.iso(one.due_at, zone),
                    "issue": one.issue,
                    "state": one.state.value if one.state else None,
                }
                for one in found
            ]
            output.as_json(facts)
            return
        rows = ((output.shown(one.due_at, zone), one.issue, one.state.value if one.state else "") for one in found)
        output.table(("due", "issue", "state"), rows)
        for name, digest in opened.settings.digests.items():
            if not digest.schedule:
                output.say(f"{name} has no schedule: it is built by hand")


def tick(site: SiteOption = None, json: JsonOption = False) -> None:
    """Do once what is due now.

    For cron and CI, in place of `newsletter run`.

    Example: newsletter tick
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.stopping import stopping
    from scheduler.actions import PipelineActions
    from scheduler.tick import tick as do_tick

    with open_site(site) as opened, stopping() as stop:
        outcomes = do_tick(PipelineActions(opened), opened.store, opened.settings, clock.now(), stop=stop)
    if json:
        output.as_json([one._asdict() for one in outcomes])
    else:
        _show(outcomes)
    raise typer.Exit(_exit_code(outcomes))


def run(
    serve: Annotated[bool, typer.Option("--serve", help="Serve the public pages too.")] = False,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8080,
    log: LogOption = "plain",
    site: SiteOption = None,
) -> None:
    """Be the scheduler: build and send when it is due.

    Waits for approval where the digest wants one, and sends as soon as it comes.

    SIGTERM and Ctrl-C end it between two batches; what is unsent goes on at the next start.

    Example: newsletter run --serve
    """
    from newsletter import clock
    from newsletter.app import open_site
    from scheduler.actions import PipelineActions
    from scheduler.run import run as run_scheduler
    from scheduler.tick import tick as do_tick

    begin_logging(log)
    stop = threading.Event()
    with open_site(site) as opened, _serving(opened, host, port) if serve else nullcontext():
        actions = PipelineActions(opened)
        run_scheduler(lambda: do_tick(actions, opened.store, opened.settings, clock.now(), stop=stop), stop=stop)


@contextmanager
def _serving(opened: Site, host: str, port: int) -> Iterator[None]:
    """The public pages in a thread beside the scheduler."""
    from newsletter.web.public.server import Server

    server = Server(public_app(opened), host=host, port=port)
    thread = threading.Thread(target=server.serve_until_stopped, name="public pages")
    thread.start()
    output.say(f"serving at {server.url}")
    try:
        yield
    finally:
        server.stop()
        thread.join()


def _show(outcomes: list[Outcome]) -> None:
    from scheduler.outcomes import line

    for one in outcomes:
        typer.echo(line(one))
    if not outcomes:
        output.say("nothing is due")


def _exit_code(outcomes: list[Outcome]) -> int:
    """1: something could not be done; 3: a person must look."""
    from scheduler.outcomes import Kind

    kinds = {one.kind for one in outcomes}
    return 3 if Kind.NEEDS_PERSON in kinds else 1 if Kind.FAILED in kinds else 0
