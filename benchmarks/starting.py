"""`newsletter --help`, a whole process, against an interpreter that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rows import Row, Scale, dearer

PART = "Starting"


def rows(scale: Scale, _work: Path) -> Iterator[Row]:
    runs = scale.runs * 2 + 1
    empty = min(_cpu_ms("-c", "pass") for _ in range(runs))
    ours = min(_cpu_ms("-m", "newsletter", "--help") for _ in range(runs))
    yield dearer(PART, "newsletter --help", ours, "ms", than="an empty interpreter", other=empty, at_most=6)


def _cpu_ms(*words: str) -> float:
    """Of this child alone, as the system tells it at its end."""
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return (used.ru_utime + used.ru_stime) * 1000
