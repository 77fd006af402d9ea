"""The outbox: a folder of files."""

from __future__ import annotations

from newsletter.providers.base import Provider
from tests.conformance.stand import ACCEPTED, DENIED, ISSUE, Arrived, Stand, addresses, fault


class OutboxStand(Stand):
    refuses_recipients = False
    faults = (fault("no-folder", DENIED, DENIED), fault("already-there", ACCEPTED, ACCEPTED))

    def open(self) -> Provider:
        return self.open_with(name="outbox")

    def arrived(self) -> list[Arrived]:
        files = sorted((self.folder / "outbox" / ISSUE).glob("[!.]*"), key=lambda file: int(file.stem.split(".")[1]))
        return [Arrived.of_mime(file.stem, [addresses(1000)[int(file.stem[2:])]], file.read_bytes()) for file in files]

    def spoil(self, fault_name: str) -> None:
        if fault_name == "no-folder":
            (self.folder / "outbox").write_text("a file where the folder should be")
            self.closing.callback((self.folder / "outbox").unlink)
        else:
            self.provider.send(self.letters(1), issue=ISSUE)
