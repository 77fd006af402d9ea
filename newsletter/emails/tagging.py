"""UTM parameters on links to posts, so that a site's own statistics tell what a digest brought. Off unless asked for.

Only addresses of the web that lead to the organisation itself are tagged: the posts, and what their texts link on the
same hosts. What is there already stays: no parameter is replaced, no query is written anew, and a signed address, which
one more parameter would break, is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from newsletter.models import Issue, Post
from newsletter.settings import Settings

_SIGNATURES = re.compile(
    r"^(x-amz-.*|x-goog-.*|signature|sig|token|hmac|hash|expires|policy|key-pair-id)$", re.IGNORECASE
)
"""Parameters that say that an address is signed."""
_NO_PAGES = ("/unsubscribe/", "/preferences/", "/confirm/", "/webhooks/")
"""Of the public pages: these are signed, or not for readers. Pictures lie in `/assets/`."""

Link = Callable[[str], str]
"""An address → what is written for it."""


def as_it_is(address: str) -> str:
    return address


def tagged(address: str, parameters: tuple[tuple[str, str], ...]) -> str:
    """The address with those parameters that it has not, before its fragment; any other but http(s) as it is."""
    if not re.match(r"https?://", address, re.IGNORECASE):
        return address
    page, hash_sign, fragment = address.partition("#")
    before, _, query = page.partition("?")
    there = {name.lower() for name, _ in parse_qsl(query, keep_blank_values=True)}
    if any(_SIGNATURES.match(name) for name in there):
        return address
    added = [f"{name}={quote(value, safe='')}" for name, value in parameters if value and name not in there]
    return (
        before
        + ("?" if query or added else page[len(before) :])
        + "&".join(filter(None, [query, *added]))
        + (hash_sign + fragment)
    )


@dataclass(frozen=True, slots=True)
class Tagging:
    """How the links of one issue are tagged."""

    parameters: tuple[tuple[str, str], ...]
    """Patterns; `{position}` is still open in them."""
    site_url: str
    own_hosts: frozenset[str]

    def of_post(self, post: Post, position: int) -> Link:
        """For the link to a post and the links in its text; `position` counts from 1 through the issue."""
        parameters = tuple((name, value.replace("{position}", str(position))) for name, value in self.parameters)
        hosts = self.own_hosts | {_host(post.url or "")}

        def link(address: str) -> str:
            return tagged(address, parameters) if _host(address) in hosts and self._is_page(address) else address

        return link

    def _is_page(self, address: str) -> bool:
        if not address.startswith(self.site_url + "/"):
            return True
        path = address[len(self.site_url) :]
        return not path.startswith(_NO_PAGES) and "/assets/" not in path


def tagging(issue: Issue, settings: Settings) -> Tagging | None:
    """As the digest's settings say; None where links stay as they are."""
    digest = settings.digests.get(issue.digest)
    if digest is None or digest.utm is None:
        return None
    utm = digest.utm
    values = {"issue": issue.id, "digest": issue.digest, "date": f"{issue.due_at:%Y-%m-%d}"}
    named = (("source", utm.source), ("medium", utm.medium), ("campaign", utm.campaign), ("content", utm.content))
    hosts = {_host(settings.site.url), _host(settings.posts.url)} - {""}
    return Tagging(
        tuple((f"utm_{name}", _filled(pattern, values)) for name, pattern in named), settings.site.url, frozenset(hosts)
    )


def _filled(pattern: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), pattern)


def _host(address: str) -> str:
    """Empty for what is no address of the web, and for one that cannot be read."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "") if parts.scheme.lower() in ("http", "https") else ""
    except ValueError:
        return ""
    return host.removeprefix("www.")
