"""Mailtrap: up to 500 messages a call, an answer for each."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but
from tests.conformance.stand import ACCEPTED, REFUSED, UNSURE, fault
from tests.loopback.api import ApiServer
from tests.loopback.mailtrap import TOKEN, MailtrapApi


class MailtrapStand(ApiStand):
    faults = but(
        COMMON,
        fault("refused-call", REFUSED, ACCEPTED),
        fault("short", UNSURE, UNSURE),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
    settings = {"name": "mailtrap", "api_key": TOKEN}
    server: ApiServer[MailtrapApi]

    def new_api(self) -> MailtrapApi:
        return MailtrapApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = "recipient is on the suppression list"
