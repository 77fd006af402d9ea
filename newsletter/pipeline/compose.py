"""A reader's letter: the frozen bytes, split at the markers once, joined with this reader's values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from newsletter.emails import merge
from newsletter.issues.archive import FrozenIssue
from newsletter.models import Email, Reader
from newsletter.pipeline.site import Site
from newsletter.providers.base import Form, Letter, Provider


def delivery_id(issue: str, subscriber_id: str) -> str:
    """Stable over restarts; names the delivery at the provider, in its file, and in Message-ID."""
    return f"{issue}.{subscriber_id}"


def form_of(site: Site, frozen: FrozenIssue, provider: Provider) -> Form:
    """How this provider writes the issue; raises `Unsupported` for what it cannot do with it."""
    email = _as_sent(site, frozen.email)
    # Merging providers tell recipients apart by their address, and redirected mail has one for all.
    return provider.form(email, merge.Markers(email.nonce), may_merge=not site.settings.provider.redirect_to)


def composer(site: Site, frozen: FrozenIssue, form: Form, *, now: datetime) -> Callable[[Reader], Letter]:
    """Reader → letter in this form."""
    email, issue, links = _as_sent(site, frozen.email), frozen.manifest.issue, site.links
    redirect_to = site.settings.provider.redirect_to
    segments = segments_of(email, form, now=now)
    web_url, start = links.web_url(issue), links.unsubscribe_start(issue)

    def compose(reader: Reader) -> Letter:
        name = delivery_id(issue, reader.subscriber_id)
        if redirect_to:
            reader = reader._replace(email=redirect_to, name=f"for {reader.email}")
        end = links.unsubscribe_end(reader.subscriber_id, issue)
        values = merge.fields(reader, delivery_id=name, unsubscribe_url=start + end, web_url=web_url, leave_token=end)
        return Letter(name, values.address, segments.letter(values), form.shared)

    return compose


def segments_of(email: Email, form: Form, *, now: datetime) -> merge.Segments:
    """A letter of this form, split at the merge markers."""
    if form.letter is None:
        return merge.compile_mime(email, sent_at=now)
    return merge.compile_json(form.letter, email.nonce)


def _as_sent(site: Site, email: Email) -> Email:
    """With all that is known before any reader is: the page's address, and the beginnings of links and ids."""
    issue, links = email.issue, site.links
    meanings = {
        "web_url": merge.ascii_url(links.web_url(issue)),
        "unsubscribe_url": merge.ascii_url(links.unsubscribe_start(issue)) + merge.marker("leave_token", email.nonce),
        "delivery_id": delivery_id(issue, merge.marker("subscriber_id", email.nonce)),
    }
    sent = merge.settled(email, meanings)
    if not site.settings.provider.redirect_to:
        return sent
    return sent.model_copy(update={"subject": f"[redirected] {email.subject}"})
