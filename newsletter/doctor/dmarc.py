"""DMARC: what receivers do with mail that only claims to be from the sender's domain (RFC 7489)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from newsletter.doctor.finding import Examined, Finding, NotAsked

CHECK = "dmarc"


def check(examined: Examined) -> Iterator[Finding]:
    if examined.texts is None or not examined.sends_for_real:
        return
    try:
        yield _finding(examined.sender_domain, examined.texts)
    except NotAsked as error:
        yield Finding(CHECK, "warning", f"the DNS gave no answer ({error})", "run it again where there is a network")


def _finding(domain: str, texts: Callable[[str], list[str]]) -> Finding:
    at, record = _record(domain, texts)
    if record is None:
        words = f"{domain} has no DMARC record; Google and Yahoo want one of everybody who mails many"
        fix = f'publish "v=DMARC1; p=none; rua=mailto:you@{domain}" as a TXT record at _dmarc.{domain}'
        return Finding(CHECK, "error", words, fix)
    tags = {tag.partition("=")[0].strip().lower(): tag.partition("=")[2].strip().lower() for tag in record.split(";")}
    if tags.get("p") not in ("none", "quarantine", "reject"):
        words = f"the DMARC record at {at} has no policy that receivers know (p={tags.get('p', '')})"
        return Finding(CHECK, "error", words, "set p= to none, quarantine or reject")
    return Finding(CHECK, "ok", f"{at}: p={tags['p']}")


def _record(domain: str, texts: Callable[[str], list[str]]) -> tuple[str, str | None]:
    """That of the domain, or of the nearest domain above it that has one."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        name = "_dmarc." + ".".join(labels[start:])
        found = [text for text in texts(name) if text.lower().replace(" ", "").startswith("v=dmarc1")]
        if found:
            return name, found[0]
    return f"_dmarc.{domain}", None
