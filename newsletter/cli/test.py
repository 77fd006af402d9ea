"""test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.options import IssueArgument, JsonOption, SiteOption

if TYPE_CHECKING:
    from newsletter.pipeline.test_mail import Tested


def register(app: typer.Typer) -> None:
    app.command("test")(mail_a_test)


def mail_a_test(
    issue: IssueArgument,
    to: Annotated[list[str], typer.Option("--to", metavar="ADDRESS", help="Again for each address.")],
    whom: Annotated[
        str,
        typer.Option(
            "--as", metavar="READER", help="A subscriber's address, or ordinary, long, nameless, rtl: whose copy it is."
        ),
    ] = "ordinary",
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Mail an issue to yourself, as it is now.

    Through the provider of the settings, with [test] before the subject. Its unsubscribe link changes nothing, and it
    counts as nobody's delivery.

    Example: newsletter test weekly-2026-11-19 --to ann@example.org
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.pipeline.preview import reader
    from newsletter.pipeline.test_mail import send_test

    with open_site(site) as opened:
        tested = send_test(opened, issue, to=to, whom=reader(opened, whom), now=clock.now())
    if json:
        mails = [{**one._asdict(), "outcome": one.outcome.value} for one in tested.mails]
        output.as_json({"issue": tested.issue, "state": tested.state.value, "subject": tested.subject, "mails": mails})
    else:
        _print(tested)
    raise typer.Exit(_exit_code(tested))


def _print(tested: Tested) -> None:
    typer.echo(f"{tested.issue}: {tested.state.value}; “{tested.subject}”")
    for one in tested.mails:
        why = f": {one.reason}" if one.reason else ""
        typer.echo(f"  {one.email}  {one.outcome.value}{why}")
        if one.provider_id and one.provider_id.endswith(".eml"):
            output.say(f"it lies in outbox/{one.provider_id}")
    if not tested.is_all_sent:
        output.say("what was not accepted may be sent again; a test is nobody's delivery")


def _exit_code(tested: Tested) -> int:
    """0: all accepted; 3: somebody may or may not have got it; 1: not accepted."""
    from newsletter.providers.base import Outcome

    if tested.is_all_sent:
        return 0
    return 3 if any(one.outcome is Outcome.UNSURE for one in tested.mails) else 1
