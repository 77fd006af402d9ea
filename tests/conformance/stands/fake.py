"""The fake provider, which keeps what it takes in memory."""

from __future__ import annotations

from newsletter.providers.base import Provider
from newsletter.providers.fake import Fake
from tests.conformance.stand import ACCEPTED, BUSY, DENIED, REFUSED, UNSURE, Arrived, Stand, addresses, fault


class FakeStand(Stand):
    faults = (
        fault("refuse=@1", REFUSED, ACCEPTED),
        fault("busy=@1", BUSY, ACCEPTED),
        fault("denied=@1", DENIED, ACCEPTED),
        fault("unsure-sent=@1", UNSURE, ACCEPTED),
        fault("unsure-unsent=@1", UNSURE, ACCEPTED),
        fault("call-busy=@1", BUSY, BUSY),
        fault("call-denied=@1", DENIED, DENIED),
        fault("call-unsure-sent=@1", UNSURE, UNSURE),
        fault("call-unsure-unsent=@1", UNSURE, UNSURE),
    )

    def open(self) -> Provider:
        return self.open_with(name="fake", misbehave="lookup=yes")

    def arrived(self) -> list[Arrived]:
        assert isinstance(self.provider, Fake)
        return [Arrived.of_mime(one.delivery_id, [one.email], b"".join(one.parts)) for one in self.provider.taken]

    def spoil(self, fault_name: str) -> None:
        self.provider = self.open_with(name="fake", misbehave=f"lookup=yes, {fault_name}")

    def refuse(self, address: str) -> None:
        number = addresses(1000).index(address) + 1
        self.spoil(f"refuse=@{number}")
