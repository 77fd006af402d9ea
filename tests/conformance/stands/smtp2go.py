"""SMTP2GO: a call a letter."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but, one_by_one
from tests.conformance.stand import ACCEPTED, BUSY, REFUSED, UNSURE, fault
from tests.loopback.api import ApiServer
from tests.loopback.smtp2go import KEY, Smtp2goApi


class Smtp2goStand(ApiStand):
    faults = but(
        one_by_one(COMMON),
        fault("refused-call", REFUSED, ACCEPTED),
        fault("short", UNSURE, BUSY),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
    settings = {"name": "smtp2go", "api_key": KEY}
    server: ApiServer[Smtp2goApi]

    def new_api(self) -> Smtp2goApi:
        return Smtp2goApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = "the recipient is blocked"
