"""A stand for a provider with an HTTP API: its stand-in server, and what each fault may mean."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from newsletter.providers.base import Form, Letter, Provider
from tests.conformance.stand import (
    ACCEPTED,
    BUSY,
    DENIED,
    REFUSED,
    UNSURE,
    Arrived,
    Fault,
    Stand,
    addresses,
    an_email,
    compose_for,
    fault,
    form_of,
)
from tests.loopback.api import Api, ApiServer, Canned, Misdeed
from tests.loopback.nobody import taken_but_deaf

COMMON = (
    fault("refused-recipient", REFUSED, ACCEPTED),
    fault("busy", BUSY, BUSY),
    fault("busy-untold", BUSY, BUSY),
    fault("denied", DENIED, DENIED),
    fault("denied-sender", DENIED, DENIED),
    fault("quota", {DENIED, BUSY}, {DENIED, BUSY}),
    fault("too-large", DENIED, DENIED),
    fault("moved", DENIED, DENIED),
    fault("error-before", UNSURE, UNSURE),
    fault("error-after", UNSURE, UNSURE),
    fault("unavailable-before", UNSURE, UNSURE),
    fault("unavailable-after", UNSURE, UNSURE),
    fault("cut-early", {BUSY, UNSURE}, {BUSY, UNSURE}),
    fault("cut-before", UNSURE, UNSURE),
    fault("cut-after", UNSURE, UNSURE),
    fault("half-answer", UNSURE, UNSURE),
    fault("short", {ACCEPTED, UNSURE}, {ACCEPTED, UNSURE}),
    fault("shuffled", {ACCEPTED, UNSURE}, {ACCEPTED, UNSURE}),
    fault("html-before", UNSURE, UNSURE),
    fault("html-after", UNSURE, UNSURE),
    fault("other-json", UNSURE, UNSURE),
    fault("stall-before", UNSURE, UNSURE, is_slow=True),
    fault("stall-after", UNSURE, UNSURE, is_slow=True),
    fault("no-server", BUSY, BUSY),
)


SECRETS = frozenset({"api_key", "api_secret", "session_token", "username", "password"})


def but(faults: tuple[Fault, ...], *others: Fault, without: tuple[str, ...] = ()) -> tuple[Fault, ...]:
    """These faults, with what is different for one provider."""
    named = {one.name: one for one in (*faults, *others)}
    return tuple(one for name, one in named.items() if name not in without)


def one_by_one(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """The same for a provider that is called for each letter: what follows one in doubt is not tried."""
    return tuple(one._replace(rest=one.rest - {UNSURE} | {BUSY}) if UNSURE in one.rest else one for one in faults)


class ApiStand(Stand):
    """`new_api` plays the provider; the rest is the same for all that are called by HTTP."""

    faults: ClassVar[tuple[Fault, ...]] = COMMON
    settings: ClassVar[dict[str, Any]]
    """Of `[provider]`, without `base_url`; at least name and key."""

    server: ApiServer[Any]

    @abstractmethod
    def new_api(self) -> Api:
        """The provider's stand-in, new."""

    def open(self) -> Provider:
        self.server = self.closing.enter_context(ApiServer(self.new_api()))
        return self.open_with(**(self.settings | {"base_url": self.server.url}))

    def secrets(self) -> tuple[str, ...]:
        return tuple(
            str(self.settings[name]) for name in ("api_key", "api_secret", "password") if name in self.settings
        )

    def arrived(self) -> list[Arrived]:
        return [
            Arrived(one.delivery_id, (one.address,), one.subject, one.html, one.text, one.headers, one.mime)
            for one in self.server.taken
        ]

    def spoil(self, fault_name: str) -> None:
        if fault_name == "refused-recipient":
            self.refuse(addresses(1)[0])
        elif fault_name == "refused-call":
            self.server.api.invalid.add(addresses(1)[0])
        elif fault_name == "denied-sender":
            self.server.api.senders = ["other@example.org"]
        elif fault_name == "no-server":
            self.server.__exit__()
            self.closing.pop_all().callback(self.provider.close)
            self.closing.enter_context(taken_but_deaf(self.server.port))
        else:
            self.server.misdeeds.append(self.canned().get(fault_name) or Misdeed(fault_name))

    def canned(self) -> dict[str, Canned]:
        """Faults that are an answer; a provider that says "busy" in its own way changes that one."""
        return {
            "moved": Canned(301, headers={"Location": "https://elsewhere.example.org/v9/send"}),
            "other-json": Canned(200, b'{"status": "ok"}', takes=True),
            "busy": Canned(429, headers={"Retry-After": "7"}),
        }


class FinishedStand(ApiStand):
    """A provider that could merge, with letters that are finished messages: an issue may hold its own syntax."""

    def letters(self, count: int, **email: str) -> list[Letter]:
        readers = [("", address) for address in addresses(count)]
        return compose_for(self.provider, an_email(**email), readers, may_merge=False)

    def letters_for(self, readers: Iterable[tuple[str, str]]) -> list[Letter]:
        return compose_for(self.provider, an_email(), readers, may_merge=False)

    def form(self) -> Form:
        return form_of(self.provider, an_email(), may_merge=False)
