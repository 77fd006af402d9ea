"""The database: there, of this version, and sound."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.doctor.finding import Examined, Finding
from newsletter.errors import NewsletterError
from newsletter.store.health import health_of

CHECK = "database"


def check(examined: Examined) -> Iterator[Finding]:
    try:
        health = health_of(examined.settings.database.url, folder=examined.settings.folder)
    except NewsletterError as error:
        yield Finding(CHECK, "error", error.problem, error.fix or "look at database.url")
        return
    if health is None:
        yield Finding(CHECK, "ok", "there is none yet; the first command makes it")
        return
    if not health.is_current:
        fix = "make a backup of the data folder, then run `newsletter migrate`"
        yield Finding(CHECK, "error", f"it is of another version ({health.version})", fix)
    for problem in health.problems:
        yield Finding(CHECK, "error", f"it is damaged: {problem}", "restore a backup; docs/operating.md tells how")
    if health.is_current and not health.problems:
        yield Finding(CHECK, "ok", f"{health.kind}, version {health.version}")
