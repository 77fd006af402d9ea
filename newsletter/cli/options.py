"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SiteOption = Annotated[
    Path | None,
    typer.Option("--site", metavar="DIR", help="The site's folder (default: the one you are in, or above it)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Answer yes instead of being asked.")]
IssueArgument = Annotated[str, typer.Argument(metavar="ISSUE", help="For example weekly-2026-11-19.")]
