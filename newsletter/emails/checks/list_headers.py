"""One-click leaving and the list's name, without which Gmail and Yahoo sort bulk mail out (RFC 8058, 2369, 2919)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from newsletter.emails.checks.addresses import host_of, is_local
from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found

TOKEN_LENGTH = 16
"""Characters of a link's last part from which on nobody guesses it."""


def find(checked: Checked) -> Iterator[Found]:
    yield from _unsubscribe(checked, str(checked.mail.get("List-Unsubscribe", "")))
    if str(checked.mail.get("List-Unsubscribe-Post", "")) != "List-Unsubscribe=One-Click":
        yield Found(
            checked.in_settings("url =", "[site]"),
            "List-Unsubscribe-Post is not as RFC 8058 wants it, so no one-click leaving",
            _REPORT,
        )
    list_id = " ".join(str(checked.mail.get("List-Id", "")).split())
    if not re.fullmatch(r'(?:(?:"[^"]*"|[^<>"]*) ?)?<[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+>', list_id):
        yield Found(checked.in_settings("url =", "[site]"), f"List-Id is missing or malformed: {list_id!r}", _REPORT)


_REPORT = "report this: we write this header"


def _unsubscribe(checked: Checked, header: str) -> Iterator[Found]:
    urls = [one.strip() for one in re.findall(r"<([^<>]*)>", header)]
    web = next((url for url in urls if url.lower().startswith("http")), "")
    host = host_of(web)
    if is_local(host):
        yield Found(
            checked.in_settings("url =", "[site]"),
            f"nobody but this machine reaches {host}, where the links to leave and to the web version lead",
            "set site.url to the address at which `newsletter serve` is reached from outside",
            "warning" if checked.settings.provider.name in ("outbox", "fake") else "error",
        )
    elif not web.lower().startswith("https://"):
        message = f"List-Unsubscribe has no address that begins with https://: {web or header or 'it is missing'}"
        yield Found(
            checked.in_settings("url =", "[site]"), message, "set site.url to an address that begins with https://"
        )
    elif len(urlsplit(web).path.rpartition("/")[2] + urlsplit(web).query) < TOKEN_LENGTH:
        yield Found(checked.in_settings("url =", "[site]"), f"{web} could be guessed: it holds no token", _REPORT)


CHECK = Check("list-headers", "error", find)
