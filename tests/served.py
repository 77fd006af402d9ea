"""A site at the editor's desk, served on loopback as `newsletter preview` serves it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from newsletter.app import open_site
from newsletter.web.preview.app import create_app
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.guard import Admission
from newsletter.web.preview.server import DeskServer
from tests.sites import DUE, SiteFolder

NOW = datetime.fromisoformat(DUE.replace("T09:00", "T08:00"))
"""An hour before the issue is due."""


class Served(NamedTuple):
    desk: Desk
    url: str
    token: str
    """What a write must bring."""


@contextmanager
def served(site: SiteFolder, *, admission: Admission | None = None) -> Iterator[Served]:
    """The desk, until the block ends."""
    with open_site(site.folder) as opened:
        desk, letting_in = Desk(opened, now=lambda: NOW), admission or Admission.at("127.0.0.1")
        server = DeskServer(create_app(desk, letting_in), desk, host="127.0.0.1", port=0)
        ready = threading.Event()
        thread = threading.Thread(target=server.serve_until_stopped, args=(lambda _url: ready.set(),))
        thread.start()
        try:
            assert ready.wait(30)
            yield Served(desk, server.url, letting_in.token)
        finally:
            server.stop()
            thread.join()
