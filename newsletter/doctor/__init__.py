"""What is wrong with a site before anybody notices: one small file a check, each a function of `Examined`."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.doctor import database, dkim, dmarc, provider, site, spf, templates
from newsletter.doctor.finding import Examined, Finding

CHECKS = (site.check, database.check, provider.check, templates.check, spf.check, dkim.check, dmarc.check)


def examine(examined: Examined) -> Iterator[Finding]:
    """What each check finds, in the order in which a new site is set up."""
    for check in CHECKS:
        yield from check(examined)
