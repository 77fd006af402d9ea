"""What a provider cannot do with an email, said before the night of sending."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from newsletter.emails.checks.problem import Problem
from newsletter.errors import BadInput, Unsupported
from newsletter.models import Email
from newsletter.pipeline.compose import form_for
from newsletter.pipeline.site import Site
from newsletter.providers import open_provider
from newsletter.settings import ProviderSettings

CHECK = "provider"


def provider_problems(site: Site, email: Email) -> Iterator[Problem]:
    """Of the provider and of its fallback. That their keys are missing is not said here: they come from elsewhere, and
    `send` and `doctor` say it."""
    chosen = site.settings.provider
    yield from _problems(site, email, chosen, "newsletter.toml")
    if chosen.fallback:
        yield from _problems(site, email, chosen.fallback, "newsletter.toml, provider.fallback")


def _problems(site: Site, email: Email, chosen: ProviderSettings, where: str) -> Iterator[Problem]:
    settings = site.settings.through(chosen)
    try:
        provider = open_provider(settings)
    except BadInput:
        return
    try:
        form_for(dataclasses.replace(site, settings=settings), email, provider)
    except Unsupported as error:
        fix = error.fix or "name another provider, or take that out of the issue"
        yield Problem(CHECK, "error", where, f"{chosen.name} cannot send this: {error.problem}", fix)
    finally:
        provider.close()
