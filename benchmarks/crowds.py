"""What must not grow with the list: memory, and the seconds until the first mail of a large issue leaves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import sink
from benchmarks.rows import Row, Scale, bounded, dearer
from benchmarks.sites import make_site

PART = "Crowds"
MORE_MB = 10


def rows(scale: Scale, work: Path) -> Iterator[Row]:
    with sink.running("http") as port:
        few = make_site(work / "few", readers=scale.few)
        bare_mb = _run(work / "few", port)["peak_mb"]
        few_mb = _run(work / "few", port, few)["peak_mb"]
        many_mb = _run(work / "many", port, make_site(work / "many", readers=scale.many))["peak_mb"]
        shutil.rmtree(work / "many")
        crowd = make_site(work / "crowd", readers=scale.crowd)
        start = _run(work / "crowd", port, crowd, "--first-batch-only")
        again = _run(work / "crowd", port, crowd, "--first-batch-only")
    what = f"peak memory, {scale.many:,} readers"
    than = f"the imports and {MORE_MB} MB"
    yield dearer(PART, what, many_mb, "MB", than=than, other=bare_mb + MORE_MB, at_most=1.1)
    yield dearer(PART, what, many_mb, "MB", than=f"{scale.few:,} readers", other=few_mb, at_most=1.05)
    yield bounded(PART, f"first batch of {scale.crowd:,} readers", start["cpu_s"], "s of CPU", at_most=10)
    yield bounded(PART, "first batch of a second run", again["cpu_s"], "s of CPU", at_most=10)


def _run(folder: Path, port: int, *words: str) -> dict[str, float]:
    provider = {"NAME": "postmark", "API_KEY": "k", "BASE_URL": f"http://127.0.0.1:{port}"}
    environ = {**os.environ, **{f"NEWSLETTER_PROVIDER__{name}": value for name, value in provider.items()}}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.send_once", str(folder), *words],
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found
