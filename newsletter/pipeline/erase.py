"""Forgets a person: in the store, and in the files that the embedded provider wrote."""

from __future__ import annotations

from datetime import datetime

from newsletter.pipeline.compose import delivery_id
from newsletter.pipeline.site import Site


def erase(site: Site, who: str, *, now: datetime) -> bool:
    """Delete all that is known of a person but a hash that keeps the address from being mailed again.

    False when the address was erased before. The receipts of what was sent stay: they hold no address.
    """
    found = site.roster.known(who)
    erased = site.roster.erase(who, now=now)
    if found is not None:
        for file in site.settings.outbox_folder.glob(f"*/{delivery_id('*', found.id)}.eml"):
            file.unlink(missing_ok=True)
    return erased
