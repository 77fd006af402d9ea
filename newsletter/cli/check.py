"""check."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli import output
from newsletter.cli.options import JsonOption, SiteOption

if TYPE_CHECKING:
    from newsletter.emails.checks.problem import Problem
    from newsletter.pipeline.check import Report
    from newsletter.pipeline.site import Site

FAILED = 1
SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def register(app: typer.Typer) -> None:
    app.command()(check)


def check(
    issue: Annotated[str | None, typer.Argument(metavar="ISSUE", help="Default: the next draft.")] = None,
    online: Annotated[bool, typer.Option("--online", help="Try every link and picture, too.")] = False,
    form: Annotated[
        Format, typer.Option("--format", help="github: annotations of a pull request; sarif: for code scanning.")
    ] = Format.TEXT,
    site: SiteOption = None,
    json: JsonOption = False,
) -> None:
    """Find what would embarrass us before anyone else sees it.

    A draft is looked at as it would be approved, an approved issue as it was frozen. Exit 1 when there are errors.

    Example: newsletter check weekly-2026-11-19 --online
    """
    from newsletter import clock
    from newsletter.app import open_site
    from newsletter.fetch import Fetcher
    from newsletter.pipeline.check import check as check_issue
    from newsletter.pipeline.check import prober

    with open_site(site) as opened:
        report = check_issue(opened, issue, now=clock.now(), probe=prober(Fetcher()) if online else None)
        _print(opened, report, Format.JSON if json else form)
    if report.has_errors:
        raise typer.Exit(FAILED)


def _print(opened: Site, report: Report, form: Format) -> None:
    folder = opened.settings.folder
    match form:
        case Format.JSON:
            output.as_json({"issue": report.issue, "problems": [one._asdict() for one in report.problems]})
        case Format.SARIF:
            output.as_json(_sarif(report, folder))
        case Format.GITHUB:
            for problem in report.problems:
                typer.echo(_annotation(problem, folder))
        case Format.TEXT:
            say_problems(report.problems, to_stderr=False)
            errors = sum(problem.level == "error" for problem in report.problems)
            warnings = len(report.problems) - errors
            typer.echo(f"{report.issue}: {output.counted(errors, 'error')}, {output.counted(warnings, 'warning')}")


def say_problems(problems: tuple[Problem, ...], *, to_stderr: bool) -> None:
    """Each with its place and what to do."""
    for problem in problems:
        typer.echo(f"{problem.where}: {problem.level}: {problem.message} [{problem.check}]", err=to_stderr)
        typer.echo(f"  fix: {problem.fix}", err=to_stderr)


# --- for machines ---------------------------------------------------------------------------------------------


def _place(problem: Problem, folder: Path) -> tuple[str, int | None]:
    """The file as seen from the folder in which the command runs, and the line."""
    path, colon, line = problem.where.partition(":")
    has_line = colon and line.partition(":")[0].isdecimal()
    return Path(os.path.relpath(folder / path)).as_posix(), int(line.partition(":")[0]) if has_line else None


def _annotation(problem: Problem, folder: Path) -> str:
    """docs.github.com, "Workflow commands" (read 2026-11): values are percent-encoded."""
    path, line = _place(problem, folder)
    properties = {"file": path, **({"line": str(line)} if line else {}), "title": problem.check}
    told = ",".join(f"{name}={_encoded(value, ':,')}" for name, value in properties.items())
    return f"::{problem.level} {told}::{_encoded(f'{problem.message}; {problem.fix}')}"


def _encoded(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def _sarif(report: Report, folder: Path) -> dict[str, Any]:
    rules = [{"id": name} for name in dict.fromkeys(problem.check for problem in report.problems)]
    driver = {"name": "newsletter check", "rules": rules}
    results = [_result(problem, folder) for problem in report.problems]
    return {"$schema": SARIF, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(problem: Problem, folder: Path) -> dict[str, Any]:
    path, line = _place(problem, folder)
    location: dict[str, Any] = {"artifactLocation": {"uri": path}}
    if line:
        location["region"] = {"startLine": line}
    return {
        "ruleId": problem.check,
        "level": problem.level,
        "message": {"text": f"{problem.message}\n{problem.fix}"},
        "locations": [{"physicalLocation": location}],
    }
