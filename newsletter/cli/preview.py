"""preview: the editor's page."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.options import SiteOption

if TYPE_CHECKING:
    from newsletter.pipeline.site import Site


def register(app: typer.Typer) -> None:
    app.command()(preview)


def preview(
    issue: Annotated[
        str | None, typer.Argument(metavar="[ISSUE]", help="For --export; default: the next draft, else the newest.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Of this machine; beyond 127.0.0.1 the address holds a key.")] = "127.0.0.1",
    export: Annotated[
        Path | None, typer.Option(metavar="DIR|FILE.html", help="Write a proof as one HTML file, and serve nothing.")
    ] = None,
    site: SiteOption = None,
) -> None:
    """See, shape, test and approve issues on a page of your own.

    Everything that you change there is written into the files at once, and what changes in the files shows there.

    Example: newsletter preview --port 8000
    """
    from newsletter.app import open_site

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    if issue is not None and export is None:
        raise typer.BadParameter("is only for --export; the page shows all issues", param_hint="ISSUE")
    with open_site(site) as opened:
        if export is not None:
            _export(opened, issue, export)
        else:
            _serve(opened, host=host, port=port)


def _serve(opened: Site, *, host: str, port: int) -> None:
    from newsletter.web.preview.app import create_app
    from newsletter.web.preview.desk import Desk
    from newsletter.web.preview.guard import Admission
    from newsletter.web.preview.server import DeskServer

    desk, admission = Desk(opened), Admission.at(host)
    server = DeskServer(create_app(desk, admission), desk, host=host, port=port)
    key = f"/?key={admission.key}" if admission.key else "/"
    server.serve_until_stopped(lambda url: output.say(f"the editor's desk: {url}{key}   (Ctrl-C ends it)"))


def _export(opened: Site, issue: str | None, target: Path) -> None:
    from newsletter import clock
    from newsletter.pipeline.check import next_issue
    from newsletter.web.preview.desk import Desk
    from newsletter.web.preview.export import export

    name = issue or next_issue(opened, clock.now()).id
    typer.echo(export(Desk(opened), name, target))
