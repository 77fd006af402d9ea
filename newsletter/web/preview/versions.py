"""The sheets that were shown of late, by their version: what an editor saw when he made an edit."""

from __future__ import annotations

import threading

from newsletter.pipeline.sheet import Sheet

AT_MOST = 200


class Versions:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sheets: dict[tuple[str, str], Sheet] = {}

    def keep(self, sheet: Sheet) -> Sheet:
        with self._lock:
            key = (sheet.issue.id, sheet.version)
            self._sheets.pop(key, None)
            self._sheets[key] = sheet
            while len(self._sheets) > AT_MOST:
                self._sheets.pop(next(iter(self._sheets)))
        return sheet

    def get(self, issue: str, version: str) -> Sheet | None:
        """None: too long ago, or before the desk was opened."""
        with self._lock:
            return self._sheets.get((issue, version))
