"""`make bench`: what sending costs, as ratios against bare clients and other libraries in the same run.

    python -m benchmarks                      all parts, some minutes; kept under benchmarks/results/
    python -m benchmarks --only batches       one part, printed and not kept
    python -m benchmarks --short              the same code in seconds; its figures say nothing

CPU is this process's, the least of several runs, and it is on one core while the other side is on another. So a busy
machine moves the figures, and the ratios less; rates by the wall's clock want a quiet one.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from benchmarks.cost import OUR_CORE, pin
from benchmarks.rows import FULL, SHORT, Row, Scale, as_json, as_table

PARTS = ("batches", "merging", "one_by_one", "composing", "recording", "crowds", "latency", "starting")
RESULTS = Path(__file__).parent / "results"


def run(scale: Scale, part: str) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
        return list(import_module(f"benchmarks.{part}").rows(scale, Path(folder)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    chosen = parser.parse_args()
    pin(OUR_CORE)
    began_s, rows = time.perf_counter(), list[Row]()
    for part in chosen.only or PARTS:
        found = run(SHORT if chosen.short else FULL, part)
        rows += found
        if not chosen.json:
            print(as_table(found), flush=True)
    about = _machine() | {"minutes": round((time.perf_counter() - began_s) / 60, 1)}
    if chosen.json:
        print(as_json(rows, **about))
    if not chosen.short and not chosen.only:
        _keep(as_table(rows), rows, about)


def _machine() -> dict[str, str | int | float]:
    return {
        "taken_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "machine": platform.machine(),
        "cores": os.cpu_count() or 0,
        "load": round(os.getloadavg()[0], 1),
    }


def _keep(table: str, rows: Sequence[Row], about: dict[str, str | int | float]) -> None:
    """The last run stands for all: what it was before, git knows."""
    RESULTS.mkdir(exist_ok=True)
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in about.items())
    head = f"# What sending costs\n\nBy `make bench`: {facts}.\n\n"
    (RESULTS / "latest.md").write_text(head + table, "utf-8")
    (RESULTS / "latest.json").write_text(as_json(rows, **about), "utf-8")


if __name__ == "__main__":
    main()
