"""Amazon SES: one message for up to 50, merged there, with a status for each."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, FinishedStand, but, one_by_one
from tests.conformance.stand import ACCEPTED, BUSY, REFUSED, UNSURE, fault
from tests.loopback.api import ApiServer
from tests.loopback.ses import ACCESS_KEY_ID, BAD_ADDRESS, REGION, SECRET, SesApi


class SesStand(ApiStand):
    faults = but(
        COMMON,
        fault("refused-call", REFUSED, ACCEPTED),
        fault("quota", BUSY, BUSY),
        fault("short", UNSURE, UNSURE),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
    settings = {"name": "ses", "api_key": ACCESS_KEY_ID, "api_secret": SECRET, "region": REGION}
    server: ApiServer[SesApi]

    def new_api(self) -> SesApi:
        return SesApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = BAD_ADDRESS


class SesFinishedStand(FinishedStand, SesStand):
    faults = but(
        one_by_one(COMMON),
        fault("quota", BUSY, BUSY),
        fault("short", UNSURE, BUSY),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
