"""Resend: a list of messages a call; those that are not taken are named by their index."""

from __future__ import annotations

from collections.abc import Iterable

from newsletter.models import Asset
from newsletter.providers.base import Form, Letter
from tests.conformance.api_stand import COMMON, ApiStand, but, one_by_one
from tests.conformance.stand import (
    ACCEPTED,
    BUSY,
    DENIED,
    REFUSED,
    UNSURE,
    addresses,
    an_email,
    compose_for,
    fault,
    form_of,
)
from tests.loopback.api import ApiServer
from tests.loopback.resend import BAD_TO, KEY, ResendApi


class ResendStand(ApiStand):
    faults = but(
        COMMON,
        fault("refused-call", REFUSED, ACCEPTED),
        fault("quota", DENIED, DENIED),
        fault("short", UNSURE, UNSURE),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
    settings = {"name": "resend", "api_key": KEY}
    server: ApiServer[ResendApi]

    def new_api(self) -> ResendApi:
        return ResendApi()

    def refuse(self, address: str) -> None:
        self.server.api.refused[address] = BAD_TO


class ResendPicturesStand(ResendStand):
    """An issue with pictures within, which no batch takes."""

    faults = but(
        one_by_one(COMMON),
        fault("quota", DENIED, DENIED),
        fault("short", UNSURE, BUSY),
        fault("shuffled", ACCEPTED, ACCEPTED),
    )
    pictures = (Asset("sun.png", b"\x89PNG sun", "sun.png@pictures"),)

    def letters(self, count: int, **email: str) -> list[Letter]:
        with_pictures = an_email(**email).model_copy(update={"assets": self.pictures})
        return compose_for(self.provider, with_pictures, [("", address) for address in addresses(count)])

    def letters_for(self, readers: Iterable[tuple[str, str]]) -> list[Letter]:
        return compose_for(self.provider, an_email().model_copy(update={"assets": self.pictures}), readers)

    def form(self) -> Form:
        return form_of(self.provider, an_email().model_copy(update={"assets": self.pictures}))
