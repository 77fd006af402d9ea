"""MailerSend: up to 500 messages a call, whose results are those of the bulk's state."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but
from tests.conformance.stand import ACCEPTED, REFUSED, UNSURE, fault
from tests.loopback.api import ApiServer
from tests.loopback.mailersend import TOKEN, MailerSendApi


class MailerSendStand(ApiStand):
    faults = but(
        COMMON,
        fault("refused-call", REFUSED, ACCEPTED),
        fault("short", UNSURE, UNSURE),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
    settings = {"name": "mailersend", "api_key": TOKEN}
    server: ApiServer[MailerSendApi]

    def new_api(self) -> MailerSendApi:
        return MailerSendApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = "hard_bounced"
