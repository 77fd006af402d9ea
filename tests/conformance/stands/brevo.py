"""Brevo: up to 1,000 messages a call, taken or refused as a whole."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but
from tests.conformance.stand import ACCEPTED, REFUSED, UNSURE, fault
from tests.loopback.api import ApiServer, Canned
from tests.loopback.brevo import KEY, BrevoApi


class BrevoStand(ApiStand):
    faults = but(
        COMMON,
        fault("refused-call", REFUSED, ACCEPTED),
        fault("short", UNSURE, UNSURE),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
    settings = {"name": "brevo", "api_key": KEY}
    server: ApiServer[BrevoApi]

    def new_api(self) -> BrevoApi:
        return BrevoApi()

    def canned(self) -> dict[str, Canned]:
        full = {"x-sib-ratelimit-remaining": "0", "x-sib-ratelimit-reset": "7"}
        return super().canned() | {"busy": Canned(429, headers=full)}

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = "email is not valid in to"
