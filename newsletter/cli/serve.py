"""serve: the public pages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.logs import LogOption, begin_logging
from newsletter.cli.options import SiteOption

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from newsletter.pipeline.site import Site

HostOption = Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")]
PortOption = Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="0: any free one.")]


def register(app: typer.Typer) -> None:
    app.command()(serve)


def serve(
    host: HostOption = "127.0.0.1",
    port: PortOption = 8080,
    log: LogOption = "plain",
    site: SiteOption = None,
) -> None:
    """Serve the public pages.

    The web version of sent issues, and the page for leaving.

    On the internet, put a reverse proxy with TLS before it, and its address into site.url.

    Example: newsletter serve --port 8080
    """
    from newsletter.app import open_site
    from newsletter.web.public import server

    begin_logging(log, level=logging.WARNING)
    with open_site(site) as opened:
        server.serve(public_app(opened), host=host, port=port, ready=lambda url: output.say(f"serving at {url}"))


def public_app(opened: Site) -> Starlette:
    """The public pages over this site."""
    from newsletter import clock
    from newsletter.pipeline.metrics import metrics
    from newsletter.pipeline.published import asset, published, web_version
    from newsletter.web.public.app import SentIssue, create_app
    from newsletter.web.public.metrics import metrics_route

    secret = opened.settings.serve.metrics_token
    token = secret.get_secret_value() if secret else ""

    def sent_issues() -> list[SentIssue]:
        return [SentIssue(one.issue, one.subject, one.due_at.date()) for one in published(opened)]

    return create_app(
        opened.settings,
        opened.roster,
        opened.links,
        web_version=lambda issue: web_version(opened, issue),
        sent_issues=sent_issues,
        asset=lambda issue, name: asset(opened, issue, name),
        more=[metrics_route(lambda: metrics(opened, now=clock.now()), token=token)],
    )
