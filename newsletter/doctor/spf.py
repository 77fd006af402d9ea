"""SPF: which servers may send for the sender's domain (RFC 7208)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from newsletter.doctor.finding import Examined, Finding, NotAsked

CHECK = "spf"
MOST_LOOKUPS = 10
"""With more, receivers take the record for broken (RFC 7208, 4.6.4)."""
ASKING = ("a", "mx", "ptr", "exists")


def check(examined: Examined) -> Iterator[Finding]:
    domain, texts = examined.sender_domain, examined.texts
    if texts is None or not examined.sends_for_real:
        return
    try:
        yield _finding(domain, texts)
    except NotAsked as error:
        yield Finding(CHECK, "warning", f"the DNS gave no answer ({error})", "run it again where there is a network")


def _finding(domain: str, texts: Callable[[str], list[str]]) -> Finding:
    records = records_of(domain, texts)
    if not records:
        words = f"{domain} has no SPF record: nothing says which servers may send for it"
        return Finding(CHECK, "warning", words, f"publish a TXT record at {domain} as your provider shows it")
    if len(records) > 1:
        words = f"{domain} has {len(records)} SPF records; receivers then take none"
        return Finding(CHECK, "error", words, "make one of them, with all that is allowed")
    terms = records[0].lower().split()[1:]
    if "+all" in terms or "all" in terms:
        return Finding(CHECK, "error", f"{domain} lets everybody send (+all)", "end the record with ~all or -all")
    if (lookups := _lookups(records[0], texts, seen={domain})) > MOST_LOOKUPS:
        words = f"the SPF record of {domain} takes {lookups} questions, and {MOST_LOOKUPS} are allowed"
        return Finding(CHECK, "error", words, "take out includes of services that do not send for you any more")
    return Finding(CHECK, "ok", f"{domain}: {records[0]}")


def records_of(domain: str, texts: Callable[[str], list[str]]) -> list[str]:
    return [text for text in texts(domain) if text.lower().split(" ", 1)[0] == "v=spf1"]


def _lookups(record: str, texts: Callable[[str], list[str]], *, seen: set[str]) -> int:
    """How many questions a receiver has to ask, those of included records with them."""
    count = 0
    for term in record.lower().split()[1:]:
        name, _, value = term.lstrip("+-~?").replace("redirect=", "redirect:").partition(":")
        count += name.partition("/")[0] in ASKING or name in ("include", "redirect")
        if name in ("include", "redirect") and value and value not in seen and count <= MOST_LOOKUPS:
            seen.add(value)
            count += sum(_lookups(inner, texts, seen=seen) for inner in records_of(value, texts)[:1])
    return count
