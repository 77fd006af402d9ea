"""Mailpit: a call a letter."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but, one_by_one
from tests.conformance.stand import ACCEPTED, BUSY, UNSURE, fault
from tests.loopback.api import ApiServer
from tests.loopback.mailpit import PASSWORD, USERNAME, MailpitApi


class MailpitStand(ApiStand):
    faults = but(one_by_one(COMMON), fault("short", UNSURE, BUSY), fault("shuffled", ACCEPTED, ACCEPTED))
    settings = {"name": "mailpit", "username": USERNAME, "password": PASSWORD}
    server: ApiServer[MailpitApi]

    def new_api(self) -> MailpitApi:
        return MailpitApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = "no mailbox"
