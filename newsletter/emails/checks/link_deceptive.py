"""A link whose text is one site's address and that leads to another: what phishing filters look for first."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.emails.checks.addresses import host_of
from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.problem import Check, Found

_ADDRESS = re.compile(
    r"(?:https?://|www\.)[^\s/]+(?:/\S*)?|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|edu|gov|uk|de|fr|eu)(?:/\S*)?"
)


def find(checked: Checked) -> Iterator[Found]:
    for link in checked.links:
        text = link.text.strip("<>[]() ")
        if not _ADDRESS.fullmatch(text) or not link.href.lower().startswith("http"):
            continue
        shown_host = host_of(text if "://" in text else f"https://{text}").removeprefix("www.")
        host = host_of(link.href).removeprefix("www.")
        if shown_host and host and not _is_same_site(shown_host, host):
            yield Found(
                checked.where(link.element, link.href, link.text),
                f"in {checked.place(link.element)} a link shows {shown(text)} and leads to {host}",
                "let the text say in words where it leads",
            )


def _is_same_site(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


CHECK = Check("link-deceptive", "error", find)
