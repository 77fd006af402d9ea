"""What the settings and the provider allow: how fast, how many at a time, how many a day, and at which hours."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date, datetime

from newsletter.delivery.breaker import Breaker
from newsletter.delivery.pace import Limits
from newsletter.delivery.quotas import Rules, Until
from newsletter.pipeline.site import Site
from newsletter.providers.base import Form, Provider
from newsletter.settings import ProviderSettings, Settings

SLOWEST_CALLS_PER_S = 4.0
"""A provider that allows fewer calls a second has its limit filled by one connection."""


def limits_of(settings: ProviderSettings, provider: Provider, form: Form) -> Limits:
    """What is set goes over what the provider documents; where each letter is a call, calls a second are mails."""
    mails_per_s, calls_per_s = provider.abilities.mails_per_s, provider.abilities.calls_per_s
    if form.one_by_one:
        mails_per_s = min((one for one in (mails_per_s, calls_per_s) if one is not None), default=None)
    return Limits(settings.rate_per_s or mails_per_s, calls_per_s)


def connections_of(settings: ProviderSettings, provider: Provider) -> int:
    calls_per_s = provider.abilities.calls_per_s
    is_slow = calls_per_s is not None and calls_per_s < SLOWEST_CALLS_PER_S
    return settings.connections or (1 if is_slow else provider.abilities.connections)


def breaker_of(settings: Settings) -> Breaker:
    return Breaker(settings.sending.max_refused, settings.sending.min_refused)


def rules_of(settings: Settings, *, began_at: datetime | None = None) -> Rules:
    """`began_at`: of the issue's sending, for what is to be spread from there."""
    sending = settings.sending
    rules = Rules(
        zone=settings.site.zone,
        not_before=sending.not_before,
        not_after=sending.not_after,
        per_day=settings.provider.per_day,
        warm_up=sending.warm_up,
    )
    if began_at and sending.spread:
        return dataclasses.replace(rules, spread_until=rules.after_open(began_at, sending.spread))
    return rules


def ceiling_of(site: Site, settings: Settings) -> Callable[[date], int | None]:
    """Day → how many mails may leave on it; asked before each call, so it is remembered."""
    rules, domain = rules_of(settings), settings.sender.email.rpartition("@")[2].lower()
    known: dict[date, int | None] = {}

    def ceiling(day: date) -> int | None:
        if day not in known:
            known[day] = rules.ceiling(_days_before(day) if rules.warm_up else 0)
        return known[day]

    def _days_before(day: date) -> int:
        days = site.store.days
        return days.before(day, since=days.warm_up_since(domain, day=day))

    return ceiling


def closed_until(site: Site, *, provider: str, now: datetime) -> Until | None:
    """When an issue that is on its way may go on; None: now."""
    rules = rules_of(site.settings)
    if closed := rules.closed_until(now):
        return closed
    ceiling = ceiling_of(site, site.settings)(rules.day(now))
    if ceiling is None or site.store.days.mailed(rules.day(now), provider=provider) < ceiling:
        return None
    return rules.next_day(now, ceiling=ceiling)
