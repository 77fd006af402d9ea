"""Mailjet: up to 50 messages a call, an answer for each, in a 400 too."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but
from tests.conformance.stand import ACCEPTED, UNSURE, fault
from tests.loopback.api import ApiServer
from tests.loopback.mailjet import KEY, SECRET, MailjetApi


class MailjetStand(ApiStand):
    faults = but(
        COMMON,
        # Results name the delivery, so what is missing or misplaced leaves no doubt about the others.
        fault("shuffled", ACCEPTED, ACCEPTED),
        fault("short", ACCEPTED, {ACCEPTED, UNSURE}),
    )
    settings = {"name": "mailjet", "api_key": KEY, "api_secret": SECRET}
    server: ApiServer[MailjetApi]

    def new_api(self) -> MailjetApi:
        return MailjetApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = (400, "mj-0013", f'"{address}" is an invalid email address.', "To[0].Email")
