"""SendGrid: one call for many, which takes all or none, and an answer without a body."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but
from tests.conformance.stand import ACCEPTED, REFUSED, fault
from tests.loopback.api import ApiServer
from tests.loopback.sendgrid import KEY, SendgridApi


class SendgridStand(ApiStand):
    faults = but(
        COMMON,
        fault("refused-call", REFUSED, ACCEPTED),
        fault("half-answer", ACCEPTED, ACCEPTED),
        fault("short", ACCEPTED, ACCEPTED),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
    settings = {"name": "sendgrid", "api_key": KEY}
    server: ApiServer[SendgridApi]

    def new_api(self) -> SendgridApi:
        return SendgridApi()

    def refuse(self, address: str) -> None:
        self.server.api.invalid.add(address)
