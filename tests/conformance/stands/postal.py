"""Postal: a call a letter with a whole MIME message, and HTTP 200 whatever became of it."""

from __future__ import annotations

from tests.conformance.api_stand import COMMON, ApiStand, but, one_by_one
from tests.conformance.stand import ACCEPTED, BUSY, UNSURE, Arrived, fault
from tests.loopback.api import ApiServer
from tests.loopback.postal import KEY, PostalApi


class PostalStand(ApiStand):
    faults = but(
        one_by_one(COMMON),
        fault("short", UNSURE, BUSY),
        fault("shuffled", ACCEPTED, ACCEPTED),
        without=("refused-recipient",),
    )
    refuses_recipients = False
    settings = {"name": "postal", "api_key": KEY}
    server: ApiServer[PostalApi]

    def new_api(self) -> PostalApi:
        return PostalApi()

    def arrived(self) -> list[Arrived]:
        """The message behind the two headers that are Postal's."""
        return [one._replace(mime=one.mime.split(b"\r\n", 2)[2] if one.mime else None) for one in super().arrived()]
