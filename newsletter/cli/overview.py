"""The commands: where each is and what `newsletter --help` says of it, known without loading any.

Typer alone takes five times as long to load as an empty interpreter to start, and each command's file adds to that. So
the overview is written here, and a command's file is loaded when that command is asked for (`newsletter.cli.edge`).
"""

from __future__ import annotations

import shutil
import textwrap

DISTRIBUTION = "folder-digest"
"""The name on the package index, where `newsletter` is somebody else's."""
DESCRIPTION = (
    "A weekly digest from a folder of posts, mailed to every subscriber exactly once.",
    "Begin with: newsletter demo",
)
OPTIONS = {"--version": "Show the version and exit.", "--help": "Show this message and exit."}
COMMANDS = {
    "demo": ("setup", "Make a complete site on sample posts, sent to files."),
    "new": ("setup", "Make an empty site: settings and one post, a draft."),
    "migrate": ("setup", "Bring the database to this version of the program."),
    "posts": ("posts", "Show the posts, and which issue each went into."),
    "build": ("issues", "Make or refresh the draft issue of a date."),
    "approve": ("issues", "Freeze an issue: exactly these bytes are sent."),
    "check": ("check", "Find what would embarrass us before anyone else sees it."),
    "preview": ("preview", "See, shape, test and approve issues on a page of your own."),
    "test": ("test", "Mail an issue to yourself, as it is now."),
    "rehearse": ("rehearsing", "Go through the whole sending without sending."),
    "send": ("sending", "Mail an approved issue to all who have not got it."),
    "status": ("sending", "Show where each issue stands."),
    "deliveries": ("sending", "Show who got an issue, who did not, and why."),
    "pause": ("sending", "Stop a sending after the batch in hand."),
    "resume": ("sending", "Take a pause back and send the rest."),
    "cancel": ("sending", "Never send an issue, or send it no further."),
    "resolve": ("sending", "Decide about the deliveries that are in doubt."),
    "schedule": ("schedule", "Show when each digest is due next."),
    "run": ("schedule", "Be the scheduler: build and send when it is due."),
    "tick": ("schedule", "Do once what is due now."),
    "serve": ("serve", "Serve the public pages."),
    "doctor": ("doctor", "Look for what is wrong before anybody notices."),
    "import": ("posts", "Turn pages, feeds and documents into post files."),
    "subscribers": ("subscribers", "Add, import, show and take off subscribers."),
    "theme": ("theme", "What mails and pages are made of, and how to change it."),
}
"""Name → module in `newsletter.cli`, and what the command does: the first line of its docstring."""

MOST_COLUMNS, FEWEST_COLUMNS = 78, 50


def overview(program: str, width: int | None = None) -> str:
    """What `program --help` prints, in `width` columns (default: as the terminal has them), as Typer would write it."""
    width = width or max(min(shutil.get_terminal_size().columns - 2, MOST_COLUMNS), FEWEST_COLUMNS)
    usage = f"Usage: {program} "
    longest = max(map(len, COMMANDS))
    return "\n".join(
        [
            textwrap.fill(
                "[OPTIONS] COMMAND [ARGS]...", width, initial_indent=usage, subsequent_indent=" " * len(usage)
            ),
            *("\n" + textwrap.fill(text, width, initial_indent="  ", subsequent_indent="  ") for text in DESCRIPTION),
            "\nOptions:",
            *(f"  {name:9}  {text}" for name, text in OPTIONS.items()),
            "\nCommands:",
            *(f"  {name:{longest}}  {_cut(text, width - 6 - longest)}" for name, (_, text) in COMMANDS.items()),
        ]
    )


def version() -> str:
    from importlib.metadata import version as version_of

    return version_of(DISTRIBUTION)


def _cut(text: str, width: int) -> str:
    return textwrap.shorten(text, width, placeholder="...", break_on_hyphens=False)
