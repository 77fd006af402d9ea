"""As whom a mail is looked at: made-up readers whose names test a mail, or somebody of the list, by address."""

from __future__ import annotations

from newsletter.errors import NotFound
from newsletter.models import Reader
from newsletter.pipeline.preview import MADE_UP, reader
from newsletter.pipeline.site import Site

USUAL = "ordinary"
_NAMES = {
    USUAL: "Somebody",
    "long": "A very long name",
    "nameless": "No name",
    "rtl": "A right-to-left name",
}


def choices(site: Site, chosen: str) -> list[tuple[str, str]]:
    """Value and words of each; one who was chosen from the list is among them."""
    found = list(_NAMES.items())
    if chosen not in _NAMES and (one := _found(site, chosen)):
        found.append((chosen, one.name or one.email))
    return found


def whom(site: Site, chosen: str) -> Reader:
    """The reader; the usual one where the list holds nobody of that address any more."""
    return _found(site, chosen) or MADE_UP[USUAL]


def _found(site: Site, chosen: str) -> Reader | None:
    try:
        return reader(site, chosen)
    except NotFound:
        return None
