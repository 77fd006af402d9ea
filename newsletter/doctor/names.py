"""Asks the DNS. The only importer of dnspython."""

from __future__ import annotations

from collections.abc import Callable

import dns.exception
import dns.name
import dns.resolver

from newsletter.doctor.finding import NotAsked

LIFETIME_S = 5.0


def text_records(*, nameserver: str | None = None, port: int = 53) -> Callable[[str], list[str]]:
    """Asks the machine's resolver, or the name server that is named."""
    resolver = dns.resolver.Resolver(configure=nameserver is None)
    resolver.lifetime = LIFETIME_S
    if nameserver is not None:
        resolver.nameservers, resolver.port = [nameserver], port

    def texts(name: str) -> list[str]:
        try:
            answer = resolver.resolve(name, "TXT", search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise NotAsked(f"{name}: {type(error).__name__}") from error
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]

    return texts
