"""Signed links: a reader leaves with one click and without a password, and nobody can make a link for another.

A token is `<issue id>.<subscriber id>.<signature>`: readable, never an address. What all readers of an issue share
comes first, so that a provider's merge need not be told it for each. It does not expire, because mails live for years
in a mailbox and the law wants their links to work (CAN-SPAM: 30 days at least; no reason to stop then).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import b2a_base64
from collections.abc import Sequence
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
        self._key = ready[0]
        self._signer = _signer(ready)
        self._unsubscribe = f"{site_url.rstrip('/')}/unsubscribe/"
        self._issues = f"{site_url.rstrip('/')}/issues/"

    def unsubscribe_url(self, subscriber_id: str, issue_id: str) -> str:
        """The address for the page, and for the one-click POST (RFC 8058)."""
        return self.unsubscribe_start(issue_id) + self.unsubscribe_end(subscriber_id, issue_id)

    def unsubscribe_start(self, issue_id: str) -> str:
        """The part of the address that all readers of an issue share."""
        return f"{self._unsubscribe}{issue_id}."

    def unsubscribe_end(self, subscriber_id: str, issue_id: str) -> str:
        """The reader's own part. Called once a copy: 2 µs."""
        signature = _signature(self._key, f"{issue_id}.{subscriber_id}".encode())
        written = b2a_base64(signature, newline=False)[:SIGNATURE_CHARS].translate(_URL_SAFE)
        return f"{subscriber_id}.{written.decode('ascii')}"

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


def _signature(key: bytes, value: bytes) -> bytes:
    """HMAC-SHA256, its left half: 128 bits that nobody guesses, and half as long in every link (RFC 2104, 5).

    In one call of C: itsdangerous' own builds two Python objects a signature, half as fast.
    """
    return hmac.digest(key, value, "sha256")[:SIGNATURE_BYTES]


class _Algorithm(SigningAlgorithm):
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return _signature(key, value)


def _signer(keys: Sequence[bytes]) -> Signer:
    # itsdangerous signs with its last key. The keys are derived per purpose once, instead of by it for every link.
    return Signer(keys[::-1], key_derivation="none", digest_method=hashlib.sha256, algorithm=_Algorithm())
