"""Which web addresses may be fetched at all: http and https, without credentials, on the open internet."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class NotFetched(Exception):
    """There is no answer; `reason` says why, as the end of a sentence that begins with the address.

    `is_refused`: it was not even tried, because the address is none that may be fetched.
    """

    def __init__(self, reason: str, *, is_refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_refused = is_refused


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet: not private, loopback, link-local, multicast or reserved."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if inner:
            return is_public(str(inner))
        return ip in _GLOBAL_UNICAST and ip.is_global
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class Target(NamedTuple):
    url: str
    is_tls: bool
    host: str
    """ASCII."""
    port: int
    netloc: str
    path: str


def target_of(url: str) -> Target:
    """The address taken apart. Raises `NotFetched` for one that is not to be fetched at all."""
    try:
        parts = urlsplit(url.strip())
        scheme, given, port = parts.scheme.lower(), parts.hostname or "", parts.port
        host = given if ":" in given else given.encode("idna").decode("ascii")
    except ValueError as error:
        raise NotFetched("is no address", is_refused=True) from error
    if scheme not in ("http", "https"):
        raise NotFetched("is no address that begins with http:// or https://", is_refused=True)
    if not host or re.search(r"[\x00-\x20\x7f]", host):
        raise NotFetched("names no host", is_refused=True)
    if parts.username is not None or parts.password is not None:
        raise NotFetched("holds a user name or a password", is_refused=True)
    is_tls = scheme == "https"
    shown = f"[{host}]" if ":" in host else host
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?')}" if parts.query else ""
    return Target(
        url=url.strip(),
        is_tls=is_tls,
        host=host,
        port=port or (443 if is_tls else 80),
        netloc=f"{shown}:{port}" if port else shown,
        path=path + query,
    )
