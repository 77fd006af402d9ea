"""SparkPost: one transmission for many, or one each, and an answer that counts."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but
from tests.conformance.stand import ACCEPTED, fault
from tests.loopback.api import ApiServer
from tests.loopback.sparkpost import KEY, SparkpostApi


class SparkpostStand(ApiStand):
    faults = but(COMMON, fault("short", ACCEPTED, ACCEPTED), fault("shuffled", ACCEPTED, ACCEPTED))
    settings = {"name": "sparkpost", "api_key": KEY}
    server: ApiServer[SparkpostApi]

    def new_api(self) -> SparkpostApi:
        return SparkpostApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = "address {address} is not JSON"
