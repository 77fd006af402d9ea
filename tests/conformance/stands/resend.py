"""Resend: a list of messages a call; those that are not taken are named by their index."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but
from tests.conformance.stand import ACCEPTED, DENIED, REFUSED, UNSURE, fault
from tests.loopback.api import ApiServer
from tests.loopback.resend import BAD_TO, KEY, ResendApi


class ResendStand(ApiStand):
    faults = but(
        COMMON,
        fault("refused-call", REFUSED, ACCEPTED),
        fault("quota", DENIED, DENIED),
        fault("short", UNSURE, UNSURE),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
    settings = {"name": "resend", "api_key": KEY}  # noqa: RUF012
    server: ApiServer[ResendApi]

    def new_api(self) -> ResendApi:
        return ResendApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = BAD_TO
