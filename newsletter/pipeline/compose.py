"""Readers' letters: the frozen bytes, split at the markers once, joined with each reader's values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import repeat

from newsletter.delivery.desk import Compose
from newsletter.emails import merge
from newsletter.emails.fields import ascii_url, columns_of
from newsletter.emails.markers import Markers, marker, settled
from newsletter.issues.archive import FrozenIssue
from newsletter.models import Email, Reader
from newsletter.pipeline.site import Site
from newsletter.providers.base import Form, Letter, Provider

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def delivery_id(issue: str, subscriber_id: str) -> str:
    """Stable over restarts; names the delivery at the provider, in its file, and in Message-ID."""
    return f"{issue}.{subscriber_id}"


def form_of(site: Site, frozen: FrozenIssue, provider: Provider) -> Form:
    """How this provider writes the issue; raises `Unsupported` for what it cannot do with it."""
    return form_for(site, frozen.email, provider)


def form_for(site: Site, rendered: Email, provider: Provider) -> Form:
    """The same for an email that is not frozen yet."""
    email = _as_sent(site, rendered)
    markers = Markers(email.nonce, _meanings(site, email))
    # Merging providers tell recipients apart by their address, and redirected mail has one for all.
    return provider.form(email, markers, may_merge=not site.settings.provider.redirect_to)


def composer(site: Site, frozen: FrozenIssue, form: Form, *, now: datetime) -> Compose:
    """Readers → their letters in this form; `now` is the date of a MIME message."""
    return composer_for(site, frozen.email, form, now=now)


def composer_for(site: Site, rendered: Email, form: Form, *, now: datetime) -> Compose:
    """The same for an email that is not frozen yet."""
    email, issue, links = _as_sent(site, rendered), rendered.issue, site.links
    redirect_to, shared = site.settings.provider.redirect_to, form.shared
    segments = segments_of(email, form, now=now)
    start, end_of = ascii_url(links.unsubscribe_start(issue)), links.unsubscribe_ends(issue)
    web_url = ascii_url(links.web_url(issue))

    def compose(readers: Sequence[Reader]) -> list[Letter]:
        if redirect_to:
            readers = [reader._replace(email=redirect_to, name=f"for {reader.email}") for reader in readers]
        ids = [reader.subscriber_id for reader in readers]
        names, ends = [delivery_id(issue, one) for one in ids], [end_of(one) for one in ids]
        columns = columns_of(readers, delivery_ids=names, unsubscribe_start=start, leave_tokens=ends, web_url=web_url)
        return list(map(Letter, names, columns["address"], segments.letters(columns), repeat(shared)))

    return compose


def composer_at(site: Site, frozen: FrozenIssue, form: Form) -> Callable[[datetime], Compose]:
    """Moment → composer. The same moment makes the same bytes, whenever it is asked; a sending of days is not dated
    by its first hour."""

    @lru_cache(maxsize=4)
    def made(moment: datetime) -> Compose:
        return composer(site, frozen, form, now=moment)

    def at(moment: datetime) -> Compose:
        return made(_dated(moment) if form.letter is None else EPOCH)

    return at


def _dated(moment: datetime) -> datetime:
    """To ten minutes: an issue is encoded once, and anew only when its date has changed."""
    return moment.astimezone(UTC).replace(minute=moment.minute // 10 * 10, second=0, microsecond=0)


def segments_of(email: Email, form: Form, *, now: datetime) -> merge.Segments:
    """A letter of this form, split at the merge markers."""
    if form.letter is None:
        return merge.compile_mime(email, sent_at=now)
    return merge.compile_json(form.letter, email.nonce)


def _meanings(site: Site, email: Email) -> dict[str, str]:
    """All that is known before any reader is: the page's address, and the beginnings of links and ids."""
    issue, links = email.issue, site.links
    return {
        "web_url": ascii_url(links.web_url(issue)),
        "unsubscribe_url": ascii_url(links.unsubscribe_start(issue)) + marker("leave_token", email.nonce),
        "delivery_id": delivery_id(issue, marker("subscriber_id", email.nonce)),
    }


def _as_sent(site: Site, email: Email) -> Email:
    sent = settled(email, _meanings(site, email))
    if not site.settings.provider.redirect_to:
        return sent
    return sent.model_copy(update={"subject": f"[redirected] {email.subject}"})
