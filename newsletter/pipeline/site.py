"""A site at work: its settings and its opened store, handed to every verb."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from newsletter.errors import NewsletterError, NotFound
from newsletter.issues.naming import IssueName, issue_id, on_of, split_issue_id
from newsletter.pipeline.memory import Memory
from newsletter.schedules import Schedule, place
from newsletter.settings import DigestSettings, Settings
from newsletter.store.issues import IssueRow
from newsletter.store.store import Store
from newsletter.subscribers.links import Links
from newsletter.subscribers.roster import Roster


@dataclass(frozen=True)
class Site:
    settings: Settings
    store: Store
    links: Links
    roster: Roster
    memory: Memory = field(default_factory=Memory, compare=False, repr=False)
    """What was read from the posts folder, for a process that asks again and again."""
    reread: Callable[[], Settings] | None = None
    """The settings as their files are now; None: they do not change while this site is open."""

    def digest(self, name: str) -> DigestSettings:
        """The settings of a digest; raises `NotFound` naming those there are."""
        if name not in self.settings.digests:
            names = ", ".join(sorted(self.settings.digests))
            raise NotFound(f"there is no digest {name!r} in newsletter.toml", fix=f"there are: {names}")
        return self.settings.digests[name]

    def schedule(self, digest: str) -> Schedule | None:
        text = self.digest(digest).schedule
        return Schedule.parse(text) if text else None

    def issue_folder(self, issue: str) -> Path:
        return self.settings.issues_folder / issue

    def issue_row(self, issue: str) -> IssueRow:
        """What the store knows of an issue; raises `NotFound` with the next step."""
        name = split_issue_id(issue)
        row = self.store.issues.get(issue)
        if row is None:
            raise NotFound(
                f"there is no issue {issue}",
                fix=f"run `newsletter build {name.digest} --on {on_of(issue)}`, or look into `newsletter status`",
            )
        return row

    def issue_at(self, digest: str, wall: datetime) -> tuple[str, datetime]:
        """The id and the cut-off of the issue due at a wall time."""
        schedule = self.schedule(digest)
        name = issue_id(digest, wall, several_a_day=schedule is not None and schedule.several_a_day)
        return name, place(wall, self.settings.site.zone)

    def why_unsendable(self) -> str | None:
        """What the provider's settings lack, known without connecting; None: they will do."""
        from newsletter.providers import open_provider

        chosen = self.settings.provider
        try:
            for provider in (chosen, *([chosen.fallback] if chosen.fallback else [])):
                open_provider(self.settings.through(provider)).close()
        except NewsletterError as error:
            return error.problem
        return None

    def split(self, issue: str) -> IssueName:
        return split_issue_id(issue, self.settings.digests)
