"""DKIM: the key by which receivers verify our signatures (RFC 6376)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from newsletter.doctor.finding import Examined, Finding, NotAsked

CHECK = "dkim"
USUAL_SELECTORS = (
    "s1", "s2", "k1", "k2", "k3", "mx", "pm", "api", "smtp", "mail", "dkim", "default", "resend", "brevo", "brevo1",
    "mailjet", "mandrill", "mlsend", "mte1", "rwmt1", "scph", "postal", "google", "selector1",
)  # fmt: skip
"""Under which providers have their customers publish keys; some draw a name for each customer."""


def check(examined: Examined) -> Iterator[Finding]:
    if examined.texts is None or not examined.sends_for_real:
        return
    sender = examined.settings.sender
    domain = sender.dkim_domain or examined.sender_domain
    try:
        if sender.dkim_selector:
            yield _named(f"{sender.dkim_selector}._domainkey.{domain}", examined.texts)
        else:
            yield _usual(domain, examined.texts)
    except NotAsked as error:
        yield Finding(CHECK, "warning", f"the DNS gave no answer ({error})", "run it again where there is a network")


def _named(name: str, texts: Callable[[str], list[str]]) -> Finding:
    keys = keys_at(name, texts)
    if not keys:
        words = f"there is no key at {name}: our signatures cannot be verified"
        return Finding(
            CHECK, "error", words, f"publish the public key of sender.dkim_key_file as a TXT record at {name}"
        )
    if not keys[0]:
        return Finding(CHECK, "error", f"the key at {name} is revoked (p= is empty)", "publish the key that signs")
    return Finding(CHECK, "ok", f"there is a key at {name}")


def _usual(domain: str, texts: Callable[[str], list[str]]) -> Finding:
    for selector in USUAL_SELECTORS:
        if any(keys_at(f"{selector}._domainkey.{domain}", texts)):
            return Finding(CHECK, "ok", f"there is a key at {selector}._domainkey.{domain}")
    words = f"no DKIM key of {domain} was found under the usual names; your provider may use a name of its own"
    return Finding(CHECK, "warning", words, "look at your provider's page about the domain, and at a mail's source")


def keys_at(name: str, texts: Callable[[str], list[str]]) -> list[str]:
    """The `p=` of each key record there."""
    tags = [dict(_tag(tag) for tag in text.split(";") if "=" in tag) for text in texts(name)]
    return [one["p"] for one in tags if "p" in one and one.get("v", "DKIM1") == "DKIM1"]


def _tag(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip()
