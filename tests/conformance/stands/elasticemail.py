"""Elastic Email: a call a letter."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but, one_by_one
from tests.conformance.stand import ACCEPTED, BUSY, REFUSED, UNSURE, fault
from tests.loopback.api import ApiServer
from tests.loopback.elasticemail import KEY, ElasticEmailApi


class ElasticEmailStand(ApiStand):
    faults = but(
        one_by_one(COMMON),
        fault("refused-call", REFUSED, ACCEPTED),
        fault("short", UNSURE, BUSY),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
    takes_every_subject = False
    settings = {"name": "elasticemail", "api_key": KEY}
    server: ApiServer[ElasticEmailApi]

    def new_api(self) -> ElasticEmailApi:
        return ElasticEmailApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = "the recipient is suppressed"
