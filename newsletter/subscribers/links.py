"""Signed links: a reader leaves with one click and without a password, and nobody can make a link for another.

A token is `<issue id>.<subscriber id>.<signature>`: readable, never an address. What all readers of an issue share
comes first, so that a provider's merge need not be told it for each. It does not expire, because mails live for years
in a mailbox and the law wants their links to work (CAN-SPAM: 30 days at least; no reason to stop then).
"""

from __future__ import annotations

import hashlib
import re
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from copy import copy
from typing import NamedTuple

from itsdangerous import BadSignature, Signer
from itsdangerous.signer import SigningAlgorithm

from newsletter.subscribers.keys import checked_keys, derived

SIGNATURE_BYTES = 16
SIGNATURE_CHARS = 22
"""Of the signature in base64, without the `==` behind it."""
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_MAX_TOKEN_CHARS = 400
_ISSUE_ID = re.compile(r"(?P<digest>[a-z0-9]+(?:-[a-z0-9]+)*)-\d{4}-\d{2}-\d{2}(?:T\d{4})?")


TEST_READER = "test"
"""Instead of a subscriber's id, in the links of test mails and previews: nobody's, since an id has 16 characters."""


class Leaving(NamedTuple):
    """What an unsubscribe token says: who, and from which mail the link was opened."""

    subscriber_id: str
    issue_id: str

    @property
    def is_test(self) -> bool:
        """The link stood in a test mail: there is nobody who could leave."""
        return self.subscriber_id == TEST_READER


class Links:
    """Makes and reads the links of one site; the first key signs, all are accepted."""

    def __init__(self, keys: Sequence[bytes], site_url: str) -> None:
        ready = derived(checked_keys(keys), "unsubscribe")
        self._seal = Seal(ready[0])
        self._signer = _signer(ready)
        self._unsubscribe = f"{site_url.rstrip('/')}/unsubscribe/"
        self._issues = f"{site_url.rstrip('/')}/issues/"

    def unsubscribe_url(self, subscriber_id: str, issue_id: str) -> str:
        """The address for the page, and for the one-click POST (RFC 8058)."""
        return self.unsubscribe_start(issue_id) + self.unsubscribe_ends(issue_id)(subscriber_id)

    def unsubscribe_start(self, issue_id: str) -> str:
        """The part of the address that all readers of an issue share."""
        return f"{self._unsubscribe}{issue_id}."

    def unsubscribe_ends(self, issue_id: str) -> Callable[[str], str]:
        """Subscriber id → the reader's own part of the address. Made once an issue, called once a copy: 1 µs."""
        seal = self._seal.begun(f"{issue_id}.".encode())

        def end(subscriber_id: str) -> str:
            written = b2a_base64(seal.signature(subscriber_id.encode()), newline=False)
            return f"{subscriber_id}.{written[:SIGNATURE_CHARS].translate(_URL_SAFE).decode('ascii')}"

        return end

    def web_url(self, issue_id: str) -> str:
        return self._issues + issue_id

    def read_unsubscribe(self, token: str) -> Leaving | None:
        """What the token says; None for one that this site never signed."""
        if len(token) > _MAX_TOKEN_CHARS or not token.isascii():
            return None
        try:
            issue_id, _, subscriber_id = self._signer.unsign(token).decode("ascii").partition(".")
        except BadSignature:
            return None
        return Leaving(subscriber_id, issue_id)


def digest_of(issue_id: str) -> str | None:
    """The digest in an issue's id (`weekly-2026-11-19` → `weekly`); None for mail outside any issue."""
    found = _ISSUE_ID.fullmatch(issue_id)
    return found["digest"] if found else None


class Seal:
    """Signs values with one key: HMAC-SHA256, its left half: 128 bits that nobody guesses, and half as long in every
    link (RFC 2104, 5).

    The two hashes that HMAC makes of its key are made once and copied. `hmac.digest` begins anew for each value, which
    takes three times as long, and lets other threads in meanwhile.
    """

    def __init__(self, key: bytes) -> None:
        """The key has at most 64 bytes, as all derived ones."""
        padded = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(padded.translate(_INNER))
        self._outer = hashlib.sha256(padded.translate(_OUTER))

    def begun(self, start: bytes) -> Seal:
        """For values that all begin with `start`: it signs what comes after that."""
        seal = copy(self)
        seal._inner = self._inner.copy()
        seal._inner.update(start)
        return seal

    def signature(self, value: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(value)
        outer.update(inner.digest())
        return outer.digest()[:SIGNATURE_BYTES]


_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class _Algorithm(SigningAlgorithm):
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return Seal(key).signature(value)


def _signer(keys: Sequence[bytes]) -> Signer:
    # itsdangerous signs with its last key. The keys are derived per purpose once, instead of by it for every link.
    return Signer(keys[::-1], key_derivation="none", digest_method=hashlib.sha256, algorithm=_Algorithm())
