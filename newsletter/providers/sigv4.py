"""AWS Signature Version 4, as far as a call without a query needs it.

By "Create a signed AWS API request" in the IAM User Guide, read in November 2026. botocore would do it too, and brings
25 MB of descriptions of all of Amazon's services; a test compares the two.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"
DEFAULT_PORTS = {"http": 80, "https": 443}


class Credentials(NamedTuple):
    access_key_id: str
    secret_access_key: str
    session_token: str = ""
    """Of temporary credentials; empty: they are lasting ones."""


class Scope(NamedTuple):
    region: str
    service: str


def body_sha256(chunks: Iterable[Iterable[bytes]]) -> str:
    """The hash of a body in chunks, which is never whole in memory for it."""
    digest = hashlib.sha256()
    for chunk in chunks:
        for piece in chunk:
            digest.update(piece)
    return digest.hexdigest()


def signed(
    method: str, url: str, sha256: str, *, headers: Mapping[str, str], by: Credentials, scope: Scope, now: datetime
) -> dict[str, str]:
    """The headers and those that sign them: the call must have exactly these, the host of `url`, and no query.

    `url` has a path that needs no quoting; `sha256` is of the body.
    """
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    sent = {**headers, "X-Amz-Date": stamp}
    if by.session_token:
        sent["X-Amz-Security-Token"] = by.session_token
    in_order = dict(sorted({"host": host_of(url), **{name.lower(): text for name, text in sent.items()}}.items()))
    names = ";".join(in_order)
    canonical_headers = "".join(f"{name}:{' '.join(text.split())}\n" for name, text in in_order.items())
    canonical = "\n".join([method, urlsplit(url).path or "/", "", canonical_headers, names, sha256])
    within = f"{stamp[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = "\n".join([ALGORITHM, stamp, within, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = _hmac(_key(by.secret_access_key, stamp[:8], scope), to_sign).hex()
    sent["Authorization"] = (
        f"{ALGORITHM} Credential={by.access_key_id}/{within}, SignedHeaders={names}, Signature={signature}"
    )
    return sent


def host_of(url: str) -> str:
    """The `Host` that a client sends for this address: without the port that goes without saying."""
    parts = urlsplit(url)
    is_usual = parts.port is None or parts.port == DEFAULT_PORTS.get(parts.scheme)
    host = parts.netloc.rpartition("@")[2]
    return host.rpartition(":")[0] if is_usual and parts.port is not None else host


def _key(secret: str, day: str, scope: Scope) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
