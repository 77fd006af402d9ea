"""The providers, one line each. Adding one: docs/adding-a-provider.md."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING

from newsletter.errors import BadInput, Place

if TYPE_CHECKING:
    from newsletter.providers.base import Provider
    from newsletter.settings import Settings

PROVIDERS = {
    "brevo": "newsletter.providers.brevo:Brevo",
    "elasticemail": "newsletter.providers.elasticemail:ElasticEmail",
    "fake": "newsletter.providers.fake:Fake",
    "mailersend": "newsletter.providers.mailersend:MailerSend",
    "mailgun": "newsletter.providers.mailgun:Mailgun",
    "mailjet": "newsletter.providers.mailjet:Mailjet",
    "mailpit": "newsletter.providers.mailpit:Mailpit",
    "mailtrap": "newsletter.providers.mailtrap:Mailtrap",
    "mandrill": "newsletter.providers.mandrill:Mandrill",
    "outbox": "newsletter.providers.outbox:Outbox",
    "postal": "newsletter.providers.postal:Postal",
    "postmark": "newsletter.providers.postmark:Postmark",
    "resend": "newsletter.providers.resend:Resend",
    "sendgrid": "newsletter.providers.sendgrid:SendGrid",
    "ses": "newsletter.providers.ses:Ses",
    "smtp": "newsletter.providers.smtp:Smtp",
    "smtp2go": "newsletter.providers.smtp2go:Smtp2go",
    "sparkpost": "newsletter.providers.sparkpost:SparkPost",
}


def open_provider(settings: Settings, *, is_fallback: bool = False) -> Provider:
    """The provider that `[provider] name` says; only its own module is imported.

    `is_fallback`: these settings stand under `[provider.fallback]`, so a mistake is named by its place there.
    """
    try:
        return _opened(settings)
    except BadInput as error:
        if not is_fallback:
            raise
        places = [Place(_of_fallback(place.where), place.problem) for place in error.places]
        raise BadInput(error.problem.splitlines()[0], places=places, fix=error.fix) from error


def _of_fallback(where: str) -> str:
    for prefix, within in (("provider.", "fallback."), ("NEWSLETTER_PROVIDER__", "FALLBACK__")):
        if where.startswith(prefix):
            return f"{prefix}{within}{where.removeprefix(prefix)}"
    return where


def _opened(settings: Settings) -> Provider:
    name = settings.provider.name
    if name not in PROVIDERS:
        near = difflib.get_close_matches(name, PROVIDERS, n=1)
        raise BadInput(
            f"there is no mail provider {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
            places=[Place("provider.name", f"one of {', '.join(sorted(PROVIDERS))}")],
            fix="name one under [provider] in newsletter.toml, or in NEWSLETTER_PROVIDER__NAME",
        )
    if settings.provider.misbehave and name != "fake":
        raise BadInput(
            f"only the fake provider misbehaves, and this is {name}",
            places=[Place("provider.misbehave", "take it away, or set provider.name to fake")],
        )
    module_name, class_name = PROVIDERS[name].split(":")
    provider_class: type[Provider] = getattr(import_module(module_name), class_name)
    return provider_class.open(settings)
