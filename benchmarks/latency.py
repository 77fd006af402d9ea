"""Several connections to a provider that is far away: how much of its time they use.

By the wall's clock, so it wants a quiet machine. Without the setting `provider.connections` there is one connection.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from benchmarks import sink
from benchmarks.rows import Row, Scale
from benchmarks.sites import NOW, Sendings, make_site
from newsletter.pipeline.send import send
from newsletter.settings import ProviderSettings

PART = "Several connections"
A_CALL = 10
CALLS_EACH = 15


def rows(scale: Scale, work: Path) -> Iterator[Row]:
    has_setting = "connections" in ProviderSettings.model_fields
    with sink.running("http", answer_after_ms=scale.answer_after_ms) as port:
        for connections in scale.connections if has_setting else (1,):
            yield _of(
                connections, scale, work / str(connections), port, {"connections": connections} if has_setting else {}
            )


def _of(connections: int, scale: Scale, work: Path, port: int, setting: dict[str, int]) -> Row:
    calls = CALLS_EACH * connections
    sendings = Sendings(work / "site", make_site(work / "site", readers=calls * A_CALL, posts=1), work)
    provider = {"name": "postmark", "api_key": SecretStr("k"), "base_url": f"http://127.0.0.1:{port}"}
    with sendings.copied(**provider, batch_size=A_CALL, **setting) as site:
        began_s = time.perf_counter()
        send(site, sendings.issue, now=NOW)
        per_s = calls / (time.perf_counter() - began_s)
    most = connections * 1000 / scale.answer_after_ms
    than = f"{connections} / {scale.answer_after_ms:g} ms"
    return Row(PART, f"{connections} connections", per_s, "calls/s", than, most, per_s / most, "at least", 0.9)
