"""The desks of one sending: its provider's, and that of the one which takes over; by the settings of the moment."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from newsletter import clock
from newsletter.delivery.desk import Desk
from newsletter.errors import NewsletterError, Unsupported
from newsletter.issues.archive import FrozenIssue
from newsletter.pipeline.compose import composer_at, delivery_id, form_of
from newsletter.pipeline.limits import breaker_of, ceiling_of, connections_of, limits_of, rules_of
from newsletter.pipeline.site import Site
from newsletter.pipeline.watch import Watch
from newsletter.providers import open_provider
from newsletter.providers.base import Provider
from newsletter.settings import ProviderSettings, Settings
from newsletter.store.issues import IssueRow

FILES = ("newsletter.toml", ".env")


@dataclass
class Desks:
    """Opens providers and makes desks at them; `closing` closes whatever was opened."""

    site: Site
    row: IssueRow
    frozen: FrozenIssue
    watch: Watch
    note_attempts: Callable[[int], None]
    owner: str
    _opened: list[Provider] = field(default_factory=list)

    @contextmanager
    def closing(self) -> Iterator[Desks]:
        try:
            yield self
        finally:
            for provider in self._opened:
                provider.close()

    def open(self) -> tuple[Desk, Desk | None]:
        """The provider's desk and that of its fallback, if there is one that can send this issue."""
        settings = self.site.settings
        fallback = settings.provider.fallback
        if fallback is None:
            return self._desk(settings.provider), None
        name = name_of_fallback(settings)
        first = self._desk(settings.provider)
        try:
            other = self._desk(fallback, called=name)
        except Unsupported as error:
            self.watch.tell(f"{name} cannot take over: {error.problem}")
            return first, None
        others = {name: other.provider}, {first.name: first.provider}
        return dataclasses.replace(first, others=others[0]), dataclasses.replace(other, others=others[1])

    def _desk(self, chosen: ProviderSettings, *, called: str = "") -> Desk:
        site, watch = self.site, self.watch
        settings = site.settings.through(chosen)
        provider = self._provider(settings, called)
        reread = _Reread(self, settings.provider, is_fallback=bool(called))
        as_set = dataclasses.replace(site, settings=settings)
        form = form_of(as_set, self.frozen, provider)
        desk = Desk(
            issue_id=self.row.id,
            digest=self.row.digest,
            owner=self.owner,
            deliveries=site.store.deliveries,
            batches=site.store.batches,
            days=site.store.days,
            is_alive=site.store.owners.is_alive,
            provider=provider,
            form=form,
            compose_at=composer_at(as_set, self.frozen, form),
            delivery_id=lambda subscriber_id: delivery_id(self.row.id, subscriber_id),
            note_attempts=self.note_attempts,
            now=clock.now,
            monotonic_s=clock.monotonic_s,
            wait=watch.wait,
            stop=watch.stop.is_set,
            report=watch.report,
            tell=watch.tell,
            called=called,
            account=account_of(settings),
            connections=connections_of(chosen, provider),
            refreshed=reread.desk,
        )
        return self._paced(desk, settings)

    def _paced(self, desk: Desk, settings: Settings) -> Desk:
        began_at = (self.site.store.issues.get(self.row.id) or self.row).began_at
        return dataclasses.replace(
            desk,
            patience_s=settings.provider.patience.total_seconds(),
            limits=limits_of(settings.provider, desk.provider, desk.form),
            rules=rules_of(settings, began_at=began_at or clock.now()),
            ceiling=ceiling_of(self.site, settings),
            breaker=breaker_of(settings),
        )

    def _provider(self, settings: Settings, called: str) -> Provider:
        provider = open_provider(settings, is_fallback=bool(called))
        self._opened.append(provider)
        return provider

    def again(self, desk: Desk, settings: Settings) -> Desk:
        """The same desk by changed settings, its provider opened anew."""
        provider = self._provider(settings, desk.called)
        as_set = dataclasses.replace(self.site, settings=settings)
        form = form_of(as_set, self.frozen, provider)
        compose_at = composer_at(as_set, self.frozen, form)
        account = account_of(settings)
        changed = dataclasses.replace(
            desk,
            provider=provider,
            account=account,
            form=form,
            compose_at=compose_at,
            connections=connections_of(settings.provider, provider),
        )
        return self._paced(changed, settings)


def account_of(settings: Settings) -> str:
    """Another one for every other account, as far as settings can tell; says nothing of their secrets."""
    chosen = settings.provider
    secrets = [one.get_secret_value() if one else "" for one in (chosen.api_key, chosen.api_secret)]
    return hashlib.sha256("\n".join([chosen.base_url, chosen.region, *secrets]).encode()).hexdigest()


def name_of_fallback(settings: Settings) -> str:
    """Under which it is recorded: two accounts with one provider are two names."""
    provider, fallback = settings.provider, settings.provider.fallback
    assert fallback is not None
    return f"{fallback.name} (fallback)" if fallback.name == provider.name else fallback.name


class _Reread:
    """Notices that the files of the settings were changed, and what that means for a desk."""

    def __init__(self, desks: Desks, chosen: ProviderSettings, *, is_fallback: bool) -> None:
        self._desks = desks
        self._chosen = chosen
        self._sending = desks.site.settings.sending
        self._is_fallback = is_fallback
        self._seen = self._look()

    def desk(self, current: Desk) -> Desk | None:
        seen, reread = self._look(), self._desks.site.reread
        if seen == self._seen or reread is None:
            return None
        self._seen = seen
        try:
            return self._by(reread(), current)
        except NewsletterError as error:
            self._tell(f"the changed settings cannot be used, the sending goes on with the old ones: {error.problem}")
            return None

    def _by(self, settings: Settings, current: Desk) -> Desk | None:
        found = settings.provider.fallback if self._is_fallback else settings.provider
        chosen = settings.through(found).provider if found else None
        if chosen is None or (chosen.name, chosen.redirect_to) != (self._chosen.name, self._chosen.redirect_to):
            self._tell("another provider, or provider.redirect_to, counts from the next `newsletter send` on")
            return None
        if (chosen, settings.sending) == (self._chosen, self._sending):
            return None
        desk = self._desks.again(current, settings.through(chosen))
        self._chosen, self._sending = chosen, settings.sending
        self._tell("the changed settings are in use")
        return desk

    def _tell(self, words: str) -> None:
        self._desks.watch.tell(words)

    def _look(self) -> list[tuple[int, int, int] | None]:
        return [_signature(self._desks.site.settings.folder / name) for name in FILES]


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
