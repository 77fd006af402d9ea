"""Mandrill: a call a letter, and a status for its recipient."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but, one_by_one
from tests.conformance.stand import ACCEPTED, BUSY, UNSURE, fault
from tests.loopback.api import ApiServer
from tests.loopback.mandrill import KEY, MandrillApi


class MandrillStand(ApiStand):
    faults = but(one_by_one(COMMON), fault("short", UNSURE, BUSY), fault("shuffled", ACCEPTED, ACCEPTED))
    settings = {"name": "mandrill", "api_key": KEY}
    server: ApiServer[MandrillApi]

    def new_api(self) -> MandrillApi:
        return MandrillApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = ("rejected", "hard-bounce")
