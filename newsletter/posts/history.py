"""When git says that each file was added: the date of a post that has none."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

_TIMEOUT_S = 30
_COMMIT = "\x01"


class History:
    """Asks git once, when the first file wants to know; no git or no repository is an empty history."""

    def __init__(self, root: Path, *, use_git: bool = True) -> None:
        self._root = root
        self._dates: dict[str, datetime] | None = None if use_git else {}
        self._is_cut = False

    def added_on(self, path: str) -> tuple[datetime, str] | None:
        if self._dates is None:
            self._dates, self._is_cut = _ask(self._root)
        found = self._dates.get(path)
        # A shallow clone (as CI makes it) dates every older file by its one commit.
        if found is None or self._is_cut:
            return None
        return found, "without a date: dated by the commit that added it"


def _ask(root: Path) -> tuple[dict[str, datetime], bool]:
    log = _git(
        root,
        *("-c", "core.quotePath=off", "-c", "log.showSignature=false", "log", "--reverse", "-M", "--diff-filter=AR"),
        *("--no-color", "--no-ext-diff", "--name-status", "--relative", "-z", f"--format={_COMMIT}%at"),
    )
    shallow = _git(root, "rev-parse", "--is-shallow-repository") if log else ""
    return added_dates(log), shallow.strip() == "true"


def _git(root: Path, *arguments: str) -> str:
    # GIT_DIR and its kin are set where a hook runs us, and mean another repository then.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "--no-pager", "-C", str(root), *arguments],  # noqa: S607 - the git of whoever runs this
            capture_output=True,
            timeout=_TIMEOUT_S,
            env=environment,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else ""


def added_dates(log: str) -> dict[str, datetime]:
    """Path → author date of the commit that added it, from `git log --reverse --name-status -z`; renames followed.

    The author date, because a rebase leaves it alone.
    """
    dates: dict[str, datetime] = {}
    for commit in log.split(_COMMIT)[1:]:
        stamp, _, rest = commit.partition("\0")
        added = datetime.fromtimestamp(int(stamp.strip()), UTC)
        words = iter(rest.lstrip("\n").split("\0"))
        for status in words:
            status = status.strip()
            if status == "A":
                dates.setdefault(next(words, ""), added)
            elif status.startswith("R"):
                old, new = next(words, ""), next(words, "")
                dates[new] = dates.get(old, added)
    return dates
