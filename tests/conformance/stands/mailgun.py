"""Mailgun: one message for up to 1000, merged there; a call is taken or refused as a whole."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, FinishedStand, but, one_by_one
from tests.conformance.stand import ACCEPTED, DENIED, REFUSED, fault
from tests.loopback.api import ApiServer
from tests.loopback.mailgun import KEY, MailgunApi


class MailgunStand(ApiStand):
    faults = but(
        COMMON,
        fault("refused-call", REFUSED, ACCEPTED),
        fault("quota", DENIED, DENIED),
        fault("short", ACCEPTED, ACCEPTED),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
    settings = {"name": "mailgun", "api_key": KEY}
    server: ApiServer[MailgunApi]

    def new_api(self) -> MailgunApi:
        return MailgunApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = "no such mailbox"


class MailgunFinishedStand(FinishedStand, MailgunStand):
    faults = but(
        one_by_one(COMMON),
        fault("quota", DENIED, DENIED),
        fault("short", ACCEPTED, ACCEPTED),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
