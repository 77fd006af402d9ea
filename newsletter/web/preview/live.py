"""What changes on the disk or in the store, told to every open page within a fraction of a second."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

from watchfiles import Change, watch

from newsletter.web.edge import described

log = logging.getLogger(__name__)

SETTLED_MS = 50
"""A program that saves a file touches it several times: they count as one change."""
LOOKED_AT_S = 0.5
"""How often the store is asked how the issues stand, while a page is open."""
ALIVE_S = 15
"""A line now and then, so that a connection that went away is noticed."""

Changes = set[tuple[Change, str]]


class Hub:
    """Tells all who listen; from any thread."""

    def __init__(self) -> None:
        self._queues: dict[asyncio.Queue[str | None], asyncio.AbstractEventLoop] = {}
        self._lock = threading.RLock()  # a signal may come while it is held
        self._is_closed = False

    @property
    def has_listeners(self) -> bool:
        return bool(self._queues)

    def tell(self, kind: str, **facts: object) -> None:
        self._send(f"event: {kind}\ndata: {json.dumps(facts)}\n\n")

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._is_closed = True
        self._send(None)

    def _send(self, message: str | None) -> None:
        with self._lock:
            for queue, loop in self._queues.items():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(queue.put_nowait, message)

    async def stream(self) -> AsyncIterator[str]:
        """Server-sent events until the page goes away or the desk closes."""
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        with self._lock:
            self._queues[queue] = asyncio.get_running_loop()
        try:
            yield "retry: 1000\n\nevent: hello\ndata: {}\n\n"
            while not self._is_closed:
                try:
                    message = await asyncio.wait_for(queue.get(), ALIVE_S)
                except TimeoutError:
                    message = ": still here\n\n"
                if message is None:
                    return
                yield message
        finally:
            with self._lock:
                self._queues.pop(queue, None)


class Watcher:
    """Watches folders of a site, and its own files, in threads of their own until it is stopped."""

    def __init__(self, root: Path, folders: Iterable[Path], on_change: Callable[[set[Path]], None]) -> None:
        self._root = root.resolve()
        self._folders = [folder.resolve() for folder in folders]
        self._on_change = on_change
        self._polls = False
        self._stop = threading.Event()
        self._again = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch_folders, name="watch-folders", daemon=True),
            threading.Thread(target=self._watch_root, name="watch-root", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._again.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def _watch_folders(self) -> None:
        """The folders and all in them; begun anew when one of them appears or goes."""
        while not self._stop.is_set():
            self._again.clear()
            there = [folder for folder in self._folders if folder.is_dir()]
            if not there:
                self._again.wait()
                continue
            self._follow(there, stop=self._again, recursive=True)

    def _watch_root(self) -> None:
        """The site's folder itself and nothing below: a `.venv` in it may hold more folders than can be watched."""
        while not self._stop.is_set():
            self._follow([self._root], stop=self._stop, recursive=False)

    def _follow(self, paths: list[Path], *, stop: threading.Event, recursive: bool) -> None:
        try:
            for changes in watch(
                *paths,
                debounce=SETTLED_MS * 4,
                step=SETTLED_MS,
                stop_event=stop,
                recursive=recursive,
                rust_timeout=500,
                force_polling=self._polls or None,
                watch_filter=None,
                raise_interrupt=False,
            ):
                self._told({Path(path) for _, path in changes})
        except (OSError, RuntimeError) as error:
            # A folder that was just taken away; or a machine without watches left, on which only looking again helps.
            log.warning("changes in %s are looked for again and again: %s", ", ".join(one.name for one in paths), error)
            self._polls = True
            stop.wait(1)

    def _told(self, paths: set[Path]) -> None:
        if any(folder in paths for folder in self._folders):
            self._again.set()
        try:
            self._on_change(paths)
        except Exception as error:  # noqa: BLE001 - the edge of this thread, which has to see the next change too
            log.error("a change was seen and not taken up: %s", described(error))
