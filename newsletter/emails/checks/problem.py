"""What a check says, and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from newsletter.emails.checks.checked import Checked

Level = Literal["error", "warning"]


class Found(NamedTuple):
    """One thing that would embarrass us, as a check tells it."""

    where: str
    """`posts/first-aid.md:12`, `issues/<id>/issue.md:3`, a template, or `newsletter.toml`."""
    message: str
    """Names the post and the place in it, what was found, and who would notice."""
    fix: str
    """The next step, as a command, a setting or an edit."""
    level: Level | None = None
    """None: the level of the check."""


class Problem(NamedTuple):
    """The same with the check that found it."""

    check: str
    level: Level
    where: str
    message: str
    fix: str


class Check(NamedTuple):
    """One check: each stands in a file of its own, as `CHECK`."""

    id: str
    level: Level
    find: Callable[[Checked], Iterable[Found]]
    is_slow: bool = False
    """Runs another program: left out where somebody waits, as in `approve`."""
