"""An issue as it is now, mailed to those who want to see it in their own mail program: marked, and nobody's delivery.

It goes the way that the issue will go: the same provider, the same bytes, merge fields filled. What differs is said in
the subject; its unsubscribe link explains itself and changes nothing. Nothing of it is written into the database.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from newsletter.emails.markers import Markers
from newsletter.errors import UsageError
from newsletter.models import Email, IssueState, Reader
from newsletter.pipeline.compose import segments_of
from newsletter.pipeline.preview import fields_for, preview
from newsletter.pipeline.site import Site
from newsletter.providers import open_provider
from newsletter.providers.base import Answer, Form, Letter, Outcome, Provider
from newsletter.settings_values import ImagesMode
from newsletter.subscribers.addresses import normalise

KIND = "test"
"""For the provider, in place of an issue; the outbox keeps them in `outbox/test/`."""
MARK = "[test] "
AT_MOST = 50
"""Addresses: who wants more has a list of subscribers."""


class Mailed(NamedTuple):
    email: str
    outcome: Outcome
    provider_id: str | None
    reason: str | None


class Tested(NamedTuple):
    issue: str
    state: IssueState
    subject: str
    mails: tuple[Mailed, ...]
    """In the order of the addresses."""

    @property
    def is_all_sent(self) -> bool:
        return all(mail.outcome is Outcome.ACCEPTED for mail in self.mails)


def send_test(site: Site, issue: str, *, to: Sequence[str], whom: Reader, now: datetime) -> Tested:
    """Mail the issue, a draft or what was approved, to each address, filled as for `whom`.

    Raises `BadInput` for an address that is none, and what rendering the draft and opening the provider raise.
    """
    addresses = list(dict.fromkeys(normalise(one).email for one in to))
    if not 0 < len(addresses) <= AT_MOST:
        raise UsageError(f"a test goes to 1 to {AT_MOST} addresses, and these are {len(addresses)}")
    seen = preview(site, issue, now=now, images=_images(site, issue))
    email = _marked(site, seen.email)
    provider = open_provider(site.settings)
    try:
        is_redirected = bool(site.settings.provider.redirect_to)
        form = provider.form(email, Markers(email.nonce), may_merge=not is_redirected)
        letters = _letters(site, issue, email, form, addresses, whom, now)
        answers = list(_answers(provider, letters, form.batch_size))
    finally:
        provider.close()
    mails = (Mailed(address, *_told(answer)) for address, answer in zip(addresses, answers, strict=True))
    return Tested(issue, seen.state, email.subject, tuple(mails))


def _images(site: Site, issue: str) -> ImagesMode | None:
    """The pictures of a draft have no address on the web yet, so they travel within its test mails."""
    digest = site.settings.digests.get(site.issue_row(issue).digest)
    return "embedded" if digest is not None and digest.images == "hosted" else None


def _marked(site: Site, email: Email) -> Email:
    redirected = "[redirected] " if site.settings.provider.redirect_to else ""
    # The provider counts it as a test and not as mail of the issue.
    return email.model_copy(update={"subject": f"{redirected}{MARK}{email.subject}", "issue": KIND})


def _letters(
    site: Site, issue: str, email: Email, form: Form, addresses: Sequence[str], whom: Reader, now: datetime
) -> list[Letter]:
    segments = segments_of(email, form, now=now)
    letters = []
    for address in addresses:
        to = site.settings.provider.redirect_to or address
        # Drawn anew, because what has the same id counts as sent already.
        delivery_id = f"{issue}.{KIND}-{secrets.token_hex(8)}"
        values = fields_for(site, issue, whom._replace(email=to), delivery_id=delivery_id)
        letters.append(Letter(delivery_id, values.address, segments.letter(values), form.shared))
    return letters


def _answers(provider: Provider, letters: Sequence[Letter], size: int) -> Iterator[Answer]:
    for first in range(0, len(letters), size):
        yield from provider.send(letters[first : first + size], issue=KIND)


def _told(answer: Answer) -> tuple[Outcome, str | None, str | None]:
    return answer.outcome, answer.provider_id, answer.reason
