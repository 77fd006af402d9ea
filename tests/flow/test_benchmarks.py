"""`make bench` works: the same code in seconds. Whether it is fast is not asked here, where other work goes on."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("batches", "merging", "one_by_one", "composing", "recording", "crowds", "latency", "starting")


def rows_of(part: str) -> list[dict[str, object]]:
    words = [sys.executable, "-m", "benchmarks", "--short", "--json", "--only", part]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, object]] = json.loads(done.stdout)["rows"]
    return rows


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_the_benchmark_gives_all_its_rows(part: str) -> None:
    kept = json.loads((ROOT / "benchmarks" / "results" / "latest.json").read_text("utf-8"))["rows"]

    rows = rows_of(part)

    figures = [row[name] for row in rows for name in ("value", "other", "ratio")]
    assert all(isinstance(figure, float | int) and math.isfinite(figure) and figure >= 0 for figure in figures)
    (title,) = {row["part"] for row in rows}
    # Rows that depend on the settings that there are (connections) may be more than were kept.
    assert len(rows) >= len([row for row in kept if row["part"] == title]) > 0
