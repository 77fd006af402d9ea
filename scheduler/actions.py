"""The pipeline's verbs as a tick asks for them."""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from newsletter import clock
from newsletter.delivery.desk import Ending
from newsletter.models import IssueState
from newsletter.pipeline.approve import approve_if_automatic
from newsletter.pipeline.build import build_at
from newsletter.pipeline.send import Watch, send
from newsletter.pipeline.site import Site

_log = logging.getLogger(__name__)


class PipelineActions:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._warned: set[tuple[str, str]] = set()

    def build(self, digest: str, wall_time: datetime, *, now: datetime) -> IssueState:
        built = build_at(self._site, digest, wall_time, now=now)
        for warning in built.warnings:
            self._warn(built.issue, warning)
        for change in built.changes:
            _log.info("%s: %s", built.issue, change)
        return built.state

    def approve_automatically(self, issue: str, *, now: datetime) -> IssueState:
        approved = approve_if_automatic(self._site, issue, now=now)
        for warning in approved.warnings if approved else ():
            self._warn(issue, warning)
        return approved.state if approved else self._site.issue_row(issue).state

    def send(self, issue: str, *, stop: threading.Event) -> IssueState:
        watch = Watch(stop=stop, tell=lambda words: _log.warning("%s: %s", issue, words))
        sent = send(self._site, issue, now=clock.now(), watch=watch)
        if sent.warning:
            self._warn(issue, sent.warning)
        elif sent.ended.reason and sent.ended.ending is not Ending.LATER:
            self._warn(issue, f"{sent.ended.ending.value}: {sent.ended.reason}")
        return sent.state

    def _warn(self, issue: str, words: str) -> None:
        """Once: what failed is tried again at every tick, and would warn of the same post each time."""
        if (issue, words) not in self._warned:
            self._warned.add((issue, words))
            _log.warning("%s: %s", issue, words)
