"""subscribers add, import, export, list, show, unsubscribe, erase."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli import output
from newsletter.cli.groups import Group
from newsletter.cli.options import JsonOption, SiteOption, YesOption

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from newsletter.models import Subscriber, SubscriberState
    from newsletter.pipeline.site import Site

subscribers_app = typer.Typer(cls=Group, no_args_is_help=True, rich_markup_mode=None)

WhoArgument = Annotated[str, typer.Argument(metavar="ADDRESS", help="The address (or the subscriber's id).")]
ConsentOption = Annotated[str, typer.Option(metavar="TEXT", help="Where the consent came from.")]


def register(app: typer.Typer) -> None:
    subscribers_app.command()(add)
    subscribers_app.command("import")(import_table)
    subscribers_app.command()(export)
    subscribers_app.command("list")(list_subscribers)
    subscribers_app.command()(show)
    subscribers_app.command()(unsubscribe)
    subscribers_app.command()(erase)
    app.add_typer(subscribers_app, name="subscribers")


@subscribers_app.callback()
def _subscribers() -> None:
    """Add, import, show and take off subscribers.

    Example: newsletter subscribers import members.csv
    """


def add(
    address: Annotated[str, typer.Argument(metavar="ADDRESS")],
    name: Annotated[str, typer.Option(metavar="N", help="How the person is called.")] = "",
    digest: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Default: all; may be repeated.")] = None,
    topic: Annotated[list[str] | None, typer.Option(metavar="NAME", help="May be repeated.")] = None,
    consent: ConsentOption = "",
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Make an active subscriber.

    Example: newsletter subscribers add maud@example.org --name "Maud Ferreira" --consent "asked at the desk"
    """
    from newsletter import clock
    from newsletter.app import open_site

    with open_site(site) as opened:
        added = opened.roster.add(
            address, name=name, digests=digest or (), topics=topic or (), consent=consent, now=clock.now()
        )
        _show(opened, added.subscriber, json=json, verdict=added.verdict.value)


def import_table(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Columns email, name, digests, topics, …")],
    consent: ConsentOption = "",
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Take in a table of subscribers.

    Every column beside email, name, digests and topics is an attribute. Run again, it changes nothing.

    Example: newsletter subscribers import members.csv --consent "members' register, 2026"
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.subscribers.imports import import_subscribers
    from newsletter.subscribers.table import read_table

    with open_site(site) as opened, output.progress(f"importing {file.name}", _rows_about(file)) as bar:
        report = import_subscribers(
            read_table(file), opened.roster, consent=consent, now=clock.now(), tell=lambda done: bar(done, "")
        )
    facts: dict[str, Any] = {**report._asdict(), "bad": [bad._asdict() for bad in report.bad]}
    if json:
        output.as_json(facts)
    else:
        names = ("added", "updated", "unchanged", "suppressed")
        bad_lines = f"{len(report.bad):,} bad line{'' if len(report.bad) == 1 else 's'}"
        typer.echo(", ".join([*(f"{facts[name]:,} {name}" for name in names), bad_lines]))
    for bad in report.bad:
        output.say(f"{file.name}:{bad.line}: {bad.message}")
    raise typer.Exit(0 if report.taken or not report.bad else 1)


def _rows_about(file: Path) -> int:
    """Enough for a bar: the lines of the file."""
    try:
        with file.open("rb") as opened:
            return max(sum(chunk.count(b"\n") for chunk in iter(lambda: opened.read(1 << 20), b"")) - 1, 1)
    except OSError:
        return 1


def export(
    file: Annotated[Path | None, typer.Argument(metavar="FILE.csv", help="Default: standard output.")] = None,
    state: Annotated[str | None, typer.Option(help="Of one state only.")] = None,
    digest: Annotated[str | None, typer.Option(metavar="NAME", help="Of one digest only.")] = None,
    site: SiteOption = None,
) -> None:
    """Write the subscribers as a table that `import` reads back.

    Example: newsletter subscribers export members.csv
    """
    from newsletter.app import open_site
    from newsletter.errors import NotPossible
    from newsletter.subscribers.exports import export_subscribers

    with open_site(site) as opened:
        wanted = _state(state)
        _warn_of_unknown(opened, digest)
        if file is None:
            export_subscribers(opened.roster, sys.stdout, state=wanted, digest=digest)
            return
        try:
            with file.open("w", encoding="utf-8-sig", newline="") as table:
                count = export_subscribers(opened.roster, table, state=wanted, digest=digest)
        except OSError as error:
            raise NotPossible(f"{file} could not be written: {error.strerror}") from error
        output.say(f"{count:,} subscribers written to {file}")


def list_subscribers(
    state: Annotated[str | None, typer.Option(help="Of one state only.")] = None,
    digest: Annotated[str | None, typer.Option(metavar="NAME", help="Of one digest only.")] = None,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Show the subscribers.

    Example: newsletter subscribers list --state unsubscribed
    """
    from newsletter.app import open_site

    with open_site(site) as opened:
        found = opened.roster.list(state=_state(state), digest=digest)
        _warn_of_unknown(opened, digest)
        if json:
            output.as_json([_facts(one) for one in found])
            return
        rows = ((one.email, one.name, one.state.value, ", ".join(one.digests)) for one in found)
        output.table(("email", "name", "state", "digests"), rows)


def show(who: WhoArgument, site: SiteOption = None, json: JsonOption = False) -> None:
    """Show all that is known of one subscriber.

    Example: newsletter subscribers show maud@example.org
    """
    from newsletter.app import open_site

    with open_site(site) as opened:
        _show(opened, opened.roster.show(who), json=json)


def unsubscribe(
    who: WhoArgument,
    digest: Annotated[str | None, typer.Option(metavar="NAME", help="Only this digest (default: all).")] = None,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Take somebody off, at once.

    Also for mail that is still unsent in a running send.

    Example: newsletter subscribers unsubscribe maud@example.org
    """
    from newsletter import clock
    from newsletter.app import open_site

    with open_site(site) as opened:
        _show(opened, opened.roster.unsubscribe(who, digest, now=clock.now()), json=json)


def erase(who: WhoArgument, site: SiteOption = None, yes: YesOption = False) -> None:
    """Delete all that is known of a person.

    The address is never mailed again, not even after an import.

    Example: newsletter subscribers erase maud@example.org
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.pipeline.erase import erase as forget

    with open_site(site) as opened:
        output.ask("Delete this subscriber for good?", yes=yes)
        erased = forget(opened, who, now=clock.now())
        output.say("erased" if erased else "was erased before")


def _warn_of_unknown(opened: Site, digest: str | None) -> None:
    # Not refused: people may still be subscribed to a digest that was taken out of the settings.
    if digest and digest not in opened.settings.digests:
        names = ", ".join(sorted(opened.settings.digests))
        output.warn([f"there is no digest {digest!r} in newsletter.toml; there are: {names}"])


def _state(text: str | None) -> SubscriberState | None:
    from newsletter.models import SubscriberState

    if text is None:
        return None
    try:
        return SubscriberState(text)
    except ValueError as error:
        names = ", ".join(SubscriberState)
        raise typer.BadParameter(f"{text!r} is none of {names}", param_hint="--state") from error


def _facts(one: Subscriber) -> dict[str, Any]:
    return one.model_dump(mode="json", include={"email", "name", "state", "digests", "topics", "attributes"})


def _show(opened: Site, one: Subscriber, *, json: bool, verdict: str = "") -> None:
    zone = opened.settings.site.zone
    facts = {
        "id": one.id,
        **_facts(one),
        "consent": one.consent,
        "created_at": output.iso(one.created_at, zone),
        "changed_at": output.iso(one.changed_at, zone),
    }
    if json:
        output.as_json(facts)
        return
    for name, value in _in_words(one, facts, zone).items():
        typer.echo(f"{name}: {value}".rstrip())
    if verdict:
        output.say(verdict)


def _in_words(one: Subscriber, facts: dict[str, Any], zone: ZoneInfo) -> dict[str, str]:
    return facts | {
        "digests": ", ".join(one.digests),
        "topics": ", ".join(one.topics),
        "attributes": ", ".join(f"{name} = {value}" for name, value in one.attributes.items()),
        "created_at": output.shown(one.created_at, zone),
        "changed_at": output.shown(one.changed_at, zone),
    }
