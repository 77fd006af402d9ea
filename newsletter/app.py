"""Settings → a site at work; the only place that chooses back ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter import clock
from newsletter.pipeline.collect import take_up_forgotten_issues
from newsletter.pipeline.site import Site
from newsletter.settings_file import find_site, load
from newsletter.store.store import Store
from newsletter.subscribers.keys import load_keys
from newsletter.subscribers.links import Links
from newsletter.subscribers.roster import Roster


@contextmanager
def open_site(start: Path | None = None) -> Iterator[Site]:
    """The site in `start` (default: the working folder) or above it, opened; closed when the block ends."""
    settings = load(find_site(start or Path.cwd()))
    store = Store(settings.database.url, folder=settings.folder)
    try:
        keys = load_keys(settings)
        roster = Roster(store.subscribers, keys=keys, digests=list(settings.digests))
        links = Links(keys, settings.site.url)
        site = Site(settings, store, links, roster, reread=lambda: load(settings.folder))
        take_up_forgotten_issues(site, now=clock.now())
        yield site
    finally:
        store.close()
