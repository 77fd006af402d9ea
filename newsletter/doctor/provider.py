"""The mail provider and its fallback: settings and secrets are there, and the provider knows us."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.doctor.finding import Examined, Finding
from newsletter.errors import NewsletterError
from newsletter.providers import open_provider
from newsletter.providers.base import Outcome
from newsletter.settings import ProviderSettings

CHECK = "provider"


def check(examined: Examined) -> Iterator[Finding]:
    chosen = examined.settings.provider
    yield _finding(examined, chosen, "")
    if chosen.redirect_to:
        words = "every mail goes to provider.redirect_to and none to a subscriber"
        yield Finding(CHECK, "warning", words, "take it out when you have tried enough")
    if chosen.fallback:
        yield _finding(examined, chosen.fallback, " (fallback)")


def _finding(examined: Examined, chosen: ProviderSettings, suffix: str) -> Finding:
    name = f"{chosen.name}{suffix}"
    try:
        provider = open_provider(examined.settings.through(chosen), is_fallback=bool(suffix))
    except NewsletterError as error:
        return Finding(CHECK, "error", error.problem, error.fix or "see docs/settings.md")
    try:
        answer = provider.verify() if examined.texts else None
    finally:
        provider.close()
    if answer is None:
        return Finding(CHECK, "ok", f"{name}: its settings are complete; whether it knows us was not asked")
    if answer.outcome is Outcome.ACCEPTED:
        return Finding(CHECK, "ok", f"{name} knows us")
    if answer.outcome is Outcome.DENIED:
        return Finding(CHECK, "error", f"{name} refuses us: {answer.reason}", "look at its key and at your account")
    return Finding(CHECK, "warning", f"{name} could not be asked: {answer.reason}", "try it again later")
