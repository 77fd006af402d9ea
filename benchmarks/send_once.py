"""One sending in a process that imports no more than it must: how much memory it took, and how long it took to begin.

    python -m benchmarks.send_once FOLDER ISSUE [--first-batch-only]

Without an issue it opens the site and the provider and ends. The provider is named in the environment, as by a user.
"""

from __future__ import annotations

import argparse
import json
import resource
import threading
import time
from pathlib import Path

from newsletter import clock
from newsletter.app import open_site
from newsletter.pipeline.send import Watch, send
from newsletter.providers import open_provider


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("issue", nargs="?")
    parser.add_argument("--first-batch-only", action="store_true")
    chosen = parser.parse_args()
    with open_site(chosen.folder) as site:
        open_provider(site.settings).close()
        began = time.process_time(), time.perf_counter()
        if chosen.issue:
            stop = threading.Event()
            report = (lambda _counts: stop.set()) if chosen.first_batch_only else (lambda _counts: None)
            send(site, chosen.issue, now=clock.now(), watch=Watch(stop=stop, report=report))
        cpu_s, wall_s = time.process_time() - began[0], time.perf_counter() - began[1]
    print(json.dumps({"peak_mb": _peak_mb(), "cpu_s": cpu_s, "wall_s": wall_s}))


def _peak_mb() -> float:
    """Of this process alone: after a fork `getrusage` may tell the peak of the process that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
