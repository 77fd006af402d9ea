"""The log of a command, on stderr: one line an event, for people or for programs."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

LogForm = Literal["off", "plain", "json"]
LogOption = Annotated[LogForm, typer.Option("--log", help="A line for each batch: plain, or json.")]


def begin_logging(form: LogForm, *, level: int = logging.INFO) -> None:
    """Let the log be written, each line at once; `off`: warnings of the program itself only."""
    if form == "off":
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else PlainLines("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.WARNING)


class PlainLines(logging.Formatter):
    """The message, and behind it what is known as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        facts = getattr(record, "facts", {})
        return " ".join([super().format(record), *(f"{name}={value}" for name, value in facts.items())])


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, message, and what is known beside it."""

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            facts["error"] = self.formatException(record.exc_info)
        return json.dumps(facts | getattr(record, "facts", {}), ensure_ascii=False)
