"""Postmark: a list of messages a call, an answer for each."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but
from tests.conformance.stand import ACCEPTED, REFUSED, UNSURE, fault
from tests.loopback.api import ApiServer
from tests.loopback.postmark import TOKEN, PostmarkApi


class PostmarkStand(ApiStand):
    faults = but(
        COMMON,
        fault("refused-call", REFUSED, ACCEPTED),
        fault("short", ACCEPTED, {ACCEPTED, UNSURE}),
    )
    settings = {"name": "postmark", "api_key": TOKEN}
    server: ApiServer[PostmarkApi]

    def new_api(self) -> PostmarkApi:
        return PostmarkApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = (406, "You tried to send to a recipient that has been marked as inactive.")
