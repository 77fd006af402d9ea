"""The page behind an unsubscribe link: what it says and which buttons it has. Decides only."""

from __future__ import annotations

from typing import NamedTuple

from starlette.responses import Response

from newsletter.models import Subscriber, SubscriberState
from newsletter.subscribers.addresses import masked
from newsletter.subscribers.links import Leaving, digest_of
from newsletter.web.public.pages import Pages

_HEADERS = {"X-Robots-Tag": "noindex, nofollow"}
_GETS_MAIL = (SubscriberState.ACTIVE, SubscriberState.PENDING)


class Button(NamedTuple):
    text: str
    everything: bool = False
    """Leaves all digests, not only the one whose mail was opened."""


def leaving_page(pages: Pages, subscriber: Subscriber | None, leaving: Leaving, *, has_left_now: bool) -> Response:
    """The question, or after a POST (`has_left_now`) the answer. Always 200: who is gone already has what he wants."""
    if leaving.is_test:
        return pages.message("test_link", status=200, headers=_HEADERS)
    digest = digest_of(leaving.issue_id)
    digests = subscriber.digests if subscriber is not None and subscriber.state in _GETS_MAIL else ()
    heading, lines = _said(pages, digest, digests, has_left_now)
    if subscriber is not None:
        lines = [pages.say("address", email=masked(subscriber.email)), *lines]
    buttons = _buttons(pages, digest, digests)
    return pages.page("leave", headers=_HEADERS, heading=heading, lines=lines, buttons=buttons)


def _said(pages: Pages, digest: str | None, digests: tuple[str, ...], has_left_now: bool) -> tuple[str, list[str]]:
    if not digests:
        key = "left" if has_left_now else "nothing_left"
        return pages.say(f"{key}_title"), [pages.say("no_more")]
    if digest is None:
        return pages.say("leave_all_title"), []
    title = pages.digest_title(digest)
    if digest in digests:
        return pages.say("leave_title", digest=title), [pages.say("leave_text", digest=title)]
    still = ", ".join(pages.digest_title(other) for other in digests)
    return pages.say("left_digest_title", digest=title), [pages.say("still", digests=still)]


def _buttons(pages: Pages, digest: str | None, digests: tuple[str, ...]) -> list[Button]:
    buttons = []
    if digest in digests:
        buttons.append(Button(pages.say("leave_button", digest=pages.digest_title(str(digest)))))
    if set(digests) - {digest}:
        buttons.append(Button(pages.say("leave_all_button"), everything=True))
    return buttons
