"""What checks want to know of an address: its host, its path, and whether anybody else can reach it."""

from __future__ import annotations

from urllib.parse import urlsplit


def host_of(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def path_of(address: str) -> str:
    """The path of a whole address; empty for anything else."""
    try:
        parts = urlsplit(address)
        return parts.path if parts.hostname else ""
    except ValueError:
        return ""


def is_local(host: str) -> bool:
    """An address that nobody else can reach: a site that is only being tried."""
    return host in ("localhost", "127.0.0.1", "::1", "0.0.0.0") or host.endswith((".localhost", ".test"))  # noqa: S104 - compared, not listened on
