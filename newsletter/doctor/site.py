"""Settings that are valid, and would surprise."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from urllib.parse import urlsplit

from newsletter.doctor.finding import Examined, Finding

CHECK = "settings"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check(examined: Examined) -> Iterator[Finding]:
    found = [*_address(examined), *_secrets(examined), *_law(examined)]
    yield from found or [Finding(CHECK, "ok", "newsletter.toml can be used as it is")]


def _address(examined: Examined) -> Iterator[Finding]:
    url = urlsplit(examined.settings.site.url)
    if examined.sends_for_real and url.hostname in LOOPBACK:
        words = f"links in mail would point to {url.hostname}, which is every reader's own machine"
        yield Finding(CHECK, "error", words, "set site.url to where `newsletter serve` is reached from outside")
    elif examined.sends_for_real and url.scheme != "https":
        words = "site.url is not https: mailbox providers leave in one click by https only (RFC 8058)"
        yield Finding(CHECK, "warning", words, "put a proxy with TLS before `newsletter serve`")


def _secrets(examined: Examined) -> Iterator[Finding]:
    for path in (examined.settings.folder / ".env", examined.settings.data_folder / "secret.key"):
        if path.is_file() and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            name = path.relative_to(examined.settings.folder)
            yield Finding(CHECK, "warning", f"{name} can be read by others on this machine", f"run `chmod 600 {name}`")


def _law(examined: Examined) -> Iterator[Finding]:
    if examined.sends_for_real and not examined.settings.sender.postal_address:
        words = "there is no sender.postal_address; the law in many countries asks for it"
        yield Finding(CHECK, "warning", words, "set it in newsletter.toml")
