"""Every error that the product raises on purpose.

One class per *reaction* of the caller, not per cause::

    NewsletterError            shown to a person as .problem and .fix, never as a traceback
    ├── UsageError             the command was called in a way that cannot work (exit 2)
    ├── NoSite                 no newsletter.toml here or above (exit 2)
    ├── NotFound               a named thing does not exist: issue, digest, subscriber (exit 2)
    ├── BadInput               settings, posts, issue.md, a table: lists every bad place at once (exit 1)
    ├── TemplateBroken         a template of the theme, with its line (exit 1)
    ├── NotPossible            the thing is there, but its state forbids this (exit 1)
    │   └── Overtaken          somebody else changed the file since it was read; it was left as it is (exit 1)
    ├── Unsupported            the provider cannot do what is asked; said before the night of sending (exit 1)
    ├── StoreUnusable          the database is locked, damaged, older or newer than this version (exit 1)
    └── NeedsPerson            stopped part-way or in doubt: a person must look (exit 3)

A message says what could not be done, to which thing by name, what was found and what was wanted, and what is
already done. No keys and no full addresses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class NewsletterError(Exception):
    """What went wrong (`problem`) and the next step for the person who reads it (`fix`)."""

    def __init__(self, problem: str, *, fix: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix


class Place(NamedTuple):
    """One bad place in some input: where it is, what is wrong there, what would be right."""

    where: str
    """`path`, `path:line` or `path:line:column`, or the name of an environment variable."""
    problem: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class UsageError(NewsletterError):
    pass


class NoSite(NewsletterError):
    pass


class NotFound(NewsletterError):
    pass


class BadInput(NewsletterError):
    """Carries every bad place, because nobody likes to mend them one run at a time."""

    def __init__(self, problem: str, *, places: Iterable[Place] = (), fix: str | None = None) -> None:
        self.places = tuple(places)
        lines = [problem, *(f"  {place}" for place in self.places)]
        super().__init__("\n".join(lines), fix=fix)


class TemplateBroken(NewsletterError):
    def __init__(self, problem: str, *, template: str, line: int | None = None, fix: str | None = None) -> None:
        super().__init__(problem, fix=fix)
        self.template = template
        self.line = line


class NotPossible(NewsletterError):
    pass


class Overtaken(NotPossible):
    pass


class Unsupported(NewsletterError):
    pass


class StoreUnusable(NewsletterError):
    pass


class NeedsPerson(NewsletterError):
    pass
