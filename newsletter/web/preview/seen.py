"""An issue as an editor sees it now: the draft as approval would freeze it, or exactly what was approved.

Where the draft cannot be made just now (a broken template, a broken file), the last one that could stays visible.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

from newsletter.emails.checks.problem import Problem
from newsletter.emails.markers import Filled
from newsletter.errors import NewsletterError, NotPossible
from newsletter.issues import archive
from newsletter.models import Collected, IssueState
from newsletter.pipeline.collect import collect
from newsletter.pipeline.preview import MADE_UP, Preview, copy_for, preview, problems
from newsletter.pipeline.shape import sheet as read_sheet
from newsletter.pipeline.sheet import Sheet
from newsletter.pipeline.site import Site
from newsletter.store.issues import IssueRow
from newsletter.web.edge import described
from newsletter.web.preview.readers import USUAL

log = logging.getLogger(__name__)

ISSUES_AT_MOST = 20
RESTED_S = 0.3
"""The checks begin when an issue has rested for so long: they would slow down the page that shows an edit, and somebody
who goes on typing needs none of those in between."""


Problems = tuple[Problem, ...]
_NEVER_MADE = frozenset({IssueState.SKIPPED, IssueState.CANCELLED})


class Seen(NamedTuple):
    sheet: Sheet | None
    """None: issue.md cannot be read."""
    mail: Preview | None
    """As it is now, or the last one that could be made; None: there never was one."""
    problems: Problems = ()
    is_checked: bool = True
    """False: the checks are still at it, the problems are those of the issue as it was before."""
    trouble: NewsletterError | None = None
    """Why it cannot be made now."""

    @property
    def is_last_good(self) -> bool:
        return self.trouble is not None and self.mail is not None


class _Checking(NamedTuple):
    done: Future[Problems | None]
    """None: another edit came first, and has checks of its own."""
    is_wanted_now: threading.Event
    """Somebody waits for it, or nobody will: another edit came."""


class _Kept(NamedTuple):
    key: object
    seen: Seen
    checking: _Checking | None


class Eyes:
    """Looks at issues, and looks again only where something that they are made of is another.

    The mail is there as soon as it is made. The checks come after it, because nobody waits for them to see an edit;
    `on_checked` is called with the issue's id when they are done.
    """

    def __init__(self, on_checked: Callable[[str], None]) -> None:
        self._on_checked = on_checked
        self._lock = threading.RLock()  # a check that is done at once reports within
        self._kept: dict[str, _Kept] = {}
        self._looks = 0
        self._checker = ThreadPoolExecutor(1, thread_name_prefix="checks")

    def close(self) -> None:
        self._checker.shutdown(cancel_futures=True)

    def forget(self) -> None:
        """Templates or other issues changed: what was seen may look different now."""
        self._looks += 1

    def look(self, site: Site, row: IssueRow, now: datetime) -> Seen:
        # One at a time: the page and its frame ask for the same mail at the same moment.
        with self._lock:
            if row.state in _NEVER_MADE and row.approved_at is None:
                return Seen(None, None)
            try:
                collected = collect(site) if row.state is IssueState.DRAFT else None
                key = self._key(site, row, collected)
                kept = self._kept.get(row.id)
                if kept is not None and kept.key == key:
                    return kept.seen
                shown = read_sheet(site, row.id, collected=collected)
            except NewsletterError as error:
                return self._keep(row.id, None, self._in_trouble(row.id, None, error), None)
            return self._look_anew(site, row, shown, collected, key, now)

    def _key(self, site: Site, row: IssueRow, collected: Collected | None) -> object:
        """All that a mail is made of; what was approved depends on nothing any more."""
        text = archive.read_issue_text(site.issue_folder(row.id))
        if row.state is not IssueState.DRAFT:
            return (row.state, row.manifest_sha256, text, site.settings)
        return (row, text, site.settings, collected, self._looks)

    def checked(self, site: Site, row: IssueRow, now: datetime) -> Seen:
        """The same with the checks done, however long they take."""
        while True:
            with self._lock:
                seen = self.look(site, row, now)
                kept = self._kept.get(row.id)
            if seen.is_checked or kept is None or kept.checking is None:
                return seen
            kept.checking.is_wanted_now.set()
            found = kept.checking.done.result()
            if found is not None:
                return seen._replace(problems=found, is_checked=True)

    def _look_anew(
        self, site: Site, row: IssueRow, shown: Sheet, collected: Collected | None, key: object, now: datetime
    ) -> Seen:
        try:
            mail = preview(site, row.id, now=now, collected=collected)
        except NewsletterError as error:
            return self._keep(row.id, key, self._in_trouble(row.id, shown, error), None)
        before = self._kept.get(row.id)
        seen = Seen(shown, mail, before.seen.problems if before else (), is_checked=False)
        checking = self._check(row.id, key, site, mail)
        self._keep(row.id, key, seen, checking)
        checking.done.add_done_callback(lambda done: self._take(row.id, key, done))
        return seen

    def _check(self, issue: str, key: object, site: Site, mail: Preview) -> _Checking:
        is_wanted_now = threading.Event()

        def check() -> Problems | None:
            is_wanted_now.wait(RESTED_S)
            with self._lock:
                is_overtaken = issue in self._kept and self._kept[issue].key is not key
            return None if is_overtaken else tuple(problems(site, mail))

        return _Checking(self._checker.submit(check), is_wanted_now)

    def _take(self, issue: str, key: object, done: Future[Problems | None]) -> None:
        with self._lock:
            kept = self._kept.get(issue)
            if done.cancelled() or kept is None or kept.key is not key:
                return
            self._kept[issue] = kept._replace(seen=_with_problems(kept.seen, done), checking=None)
        self._on_checked(issue)

    def _in_trouble(self, issue: str, shown: Sheet | None, error: NewsletterError) -> Seen:
        before = self._kept.get(issue)
        return Seen(shown, before.seen.mail if before else None, trouble=error)

    def _keep(self, issue: str, key: object, seen: Seen, checking: _Checking | None) -> Seen:
        before = self._kept.pop(issue, None)
        if before is not None and before.checking is not None:
            before.checking.is_wanted_now.set()
        self._kept[issue] = _Kept(key, seen, checking)
        while len(self._kept) > ISSUES_AT_MOST:
            self._kept.pop(next(iter(self._kept)))
        return seen


def _with_problems(seen: Seen, done: Future[Problems | None]) -> Seen:
    error = done.exception()
    if error is None:
        return seen._replace(problems=done.result() or (), is_checked=True)
    if not isinstance(error, NewsletterError):
        log.error("the checks failed: %s", described(error))
        error = NotPossible("the checks failed: this is a fault of the program", fix="the log says where")
    return seen._replace(problems=(), is_checked=True, trouble=error)


def fingerprint(site: Site, mail: Preview) -> str:
    """Of what a reader gets: the same for a draft and for what was frozen of it, whose nonces differ."""
    filled: Filled = copy_for(site, mail, MADE_UP[USUAL])
    return hashlib.sha256("\0".join(filled).encode("utf-8", "replace")).hexdigest()
