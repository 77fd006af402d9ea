"""A site at the editor's desk: its settings as they are now, and what every page has to know of it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from newsletter import clock
from newsletter.emails import theme
from newsletter.errors import NewsletterError
from newsletter.issues import archive, durable
from newsletter.pipeline.sheet import version_of
from newsletter.pipeline.site import Site
from newsletter.pipeline.watching import Sendings
from newsletter.settings_file import FILE_NAME, load
from newsletter.store.issues import IssueRow
from newsletter.web.preview.live import Hub, Watcher
from newsletter.web.preview.pulse import Pulse
from newsletter.web.preview.seen import Eyes, Seen
from newsletter.web.preview.versions import Versions

log = logging.getLogger(__name__)

SETTINGS_FILES = (FILE_NAME, ".env")


class Desk:
    def __init__(self, site: Site, *, now: Callable[[], datetime] = clock.now) -> None:
        self.site = site
        self.now = now
        self.hub = Hub()
        self.trouble: NewsletterError | None = None
        """Why the settings on the disk are not in use; the last good ones are."""
        self.pulse = Pulse(lambda: self.site, is_watched=lambda: self.hub.has_listeners)
        self.pulse.on_change = self._issues_changed
        self.sendings = Sendings(site)
        self._earlier = [self.sendings]
        """Also those that were begun with settings of before."""
        self.sheets = Versions()
        self._eyes = Eyes(self._checked)
        settings = site.settings
        self._watcher = Watcher(
            settings.folder, [settings.posts_folder, settings.issues_folder, settings.templates_folder], self.noticed
        )

    def open(self) -> None:
        self._watcher.start()
        self.pulse.start()

    def close(self) -> None:
        self._watcher.stop()
        self.pulse.stop()
        self.hub.close()
        for sendings in self._earlier:
            sendings.stop_all()
        self._eyes.close()

    def checked(self, row: IssueRow) -> Seen:
        """The issue as it is now, with what the checks find."""
        return self._eyes.checked(self.site, row, self.now())

    def seen(self, row: IssueRow) -> Seen:
        """The issue as it is now; made anew only where something of it changed."""
        seen = self._eyes.look(self.site, row, self.now())
        if seen.sheet is not None:
            self.sheets.keep(seen.sheet)
        return seen

    def noticed(self, paths: set[Path]) -> None:
        """Files changed on the disk: what was read of them counts no longer, and the pages are told."""
        folder = self.site.settings.folder.resolve()
        names = {_within(path, folder) for path in paths}
        if names & set(SETTINGS_FILES):
            self._read_settings()
        if any(_is_below(path, self.site.settings.templates_folder) for path in paths):
            theme.forget()
            self._eyes.forget()
        files = _files_by_issue(names)
        self.hub.tell(
            "change",
            issues=sorted(files),
            versions={issue: self._version(issue) for issue, names in files.items() if names == {archive.ISSUE_FILE}},
            is_wide=any(not name.startswith("issues/") for name in names),
        )

    def _version(self, issue: str) -> str | None:
        try:
            text = archive.read_issue_text(self.site.issue_folder(issue))
        except NewsletterError:
            return None  # it cannot be read; the page tells why
        return None if text is None else version_of(text)

    def _checked(self, issue: str) -> None:
        self.hub.tell("change", issues=[issue], is_wide=False)

    def _issues_changed(self, issues: list[str]) -> None:
        self._eyes.forget()
        self.hub.tell("change", issues=issues, is_wide=False)

    def _read_settings(self) -> None:
        try:
            settings = load(self.site.settings.folder)
        except NewsletterError as error:
            self.trouble = error
            return
        self.trouble = None
        # The store stays: another database needs the command to be run again, as it does everywhere.
        self.site = dataclasses.replace(self.site, settings=settings)
        self.sendings = Sendings(self.site)
        self._earlier.append(self.sendings)


def _within(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()


def _files_by_issue(names: Iterable[str]) -> dict[str, set[str]]:
    """What changed in the folder of each issue; new files on their way to a name count as that name's."""
    found: dict[str, set[str]] = {}
    for name in names:
        match name.split("/"):
            case ["issues", issue, file]:
                found.setdefault(issue, set()).add(durable.final_name(file))
            case ["issues", issue, *others] if others:
                found.setdefault(issue, set()).add("/".join(others))
    return found


def _is_below(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder.resolve())
