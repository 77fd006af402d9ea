"""The program behind `newsletter`: commands, one file per noun, and the one place that turns errors into exit codes.

A command's file is imported when the command is asked for, and imports nothing heavy at its top.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_group

from newsletter import errors
from newsletter.cli.groups import Group
from newsletter.cli.overview import COMMANDS, DESCRIPTION, overview, version

DONE, FAILED, WRONG_USAGE, NEEDS_PERSON = 0, 1, 2, 3
INTERRUPTED = 130


class Commands(Mapping[str, Any]):
    """The commands by name, each imported when it is first asked for."""

    def __init__(self) -> None:
        self._imported: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._imported:
            module, _ = COMMANDS[name]
            part = typer.Typer(rich_markup_mode=None)
            import_module(f"newsletter.cli.{module}").register(part)
            self._imported |= get_group(part).commands
        return self._imported[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


commands = Commands()


class Edge(Group):
    """Shows every error as what is wrong and what to do next, never as a traceback."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = commands  # type: ignore[assignment]  # nobody adds to it

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(overview(ctx.command_path, formatter.width))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except errors.NewsletterError as error:
            _say(error.problem, error.fix)
            raise typer.Exit(exit_code(error)) from error
        except KeyboardInterrupt as error:
            _say("stopped; what was done is kept, run the command again to go on", None)
            raise typer.Exit(INTERRUPTED) from error
        except BrokenPipeError:
            # The reader of our output went away (`| head`); what the command did is done.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if type(error).__module__.startswith("typer."):
                raise
            _say_bug(error)
            raise typer.Exit(FAILED) from error


def exit_code(error: errors.NewsletterError) -> int:
    """0 done; 1 it could not be done; 2 wrong usage; 3 stopped part-way or in doubt: a person must look."""
    if isinstance(error, errors.UsageError | errors.NoSite | errors.NotFound):
        return WRONG_USAGE
    return NEEDS_PERSON if isinstance(error, errors.NeedsPerson) else FAILED


def _say(problem: str, fix: str | None) -> None:
    typer.echo(f"error: {problem}" + (f"\n  fix: {fix}" if fix else ""), err=True)


def _say_bug(error: Exception) -> None:
    if os.environ.get("NEWSLETTER_DEBUG"):
        traceback.print_exception(error)
    # Only the kind of error and its place: its text may hold an address or a key.
    where = traceback.extract_tb(error.__traceback__)[-1]
    _say(
        f"this is a fault of the program: {type(error).__name__} at {Path(where.filename).name}:{where.lineno}",
        "run the command again with NEWSLETTER_DEBUG=1 in the environment, and report what it shows",
    )


app = typer.Typer(
    name="newsletter",
    help="\n\n".join(DESCRIPTION),
    cls=Edge,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version())
        raise typer.Exit


@app.callback()
def _newsletter(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...
