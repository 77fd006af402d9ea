"""Names of calls, for providers that take a call once however often it comes under its name: pure.

A key names the issue, the batch and its attempt, and holds what the call was made of: a call made of anything else has
another key, even where a restored database counts its batches anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from newsletter.models import Reader
from newsletter.providers.base import Letter
from newsletter.store.batches import Claim

USABLE_SHARE = 0.8
"""Of the time for which a key is valid. The rest is for clocks that differ and for the call itself."""


def fingerprint(sample: Letter, readers: Sequence[Reader], *, account: str = "") -> str:
    """Of all that a call is made of: `sample` is the letter of a made-up reader, `readers` are its real ones. And of
    whom it is made with: to another account a key is a new one, and it would take the call once more."""
    made_of = hashlib.sha256(account.encode())
    for part in (*sample.parts, sample.shared or b""):
        made_of.update(part)
    for reader in readers:
        made_of.update(f"\n{reader.subscriber_id}\t{reader.email}\t{reader.name}".encode())
    return made_of.hexdigest()


def key_of(claim: Claim, made_of: str) -> str:
    return f"{claim.issue_id}.{claim.number}.{claim.attempt}.{made_of[:16]}"


def is_valid(attempted_at: datetime | None, *, now: datetime, key_valid_s: float) -> bool:
    """Whether a call begun then may still be repeated; not where the clock was set back since."""
    if attempted_at is None:
        return False
    return 0 <= (now - attempted_at).total_seconds() <= key_valid_s * USABLE_SHARE
