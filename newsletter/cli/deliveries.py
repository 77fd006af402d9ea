"""The deliveries of an issue as a table, CSV or JSON; streamed, because there may be a million."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from datetime import UTC
from itertools import chain, islice
from zoneinfo import ZoneInfo

import typer

from newsletter.cli import output
from newsletter.models import Delivery
from newsletter.subscribers.table import guarded

NOT_BEGUN = "an issue has deliveries from the moment at which its sending begins"
COLUMNS = ("email", "state", "at", "provider_id", "reason")


def print_json(found: Iterator[Delivery], zone: ZoneInfo) -> None:
    opening = "[\n"
    for one in found:
        facts = {**one._asdict(), "state": one.state.value, "at": output.iso(one.at, zone)}
        typer.echo(f"{opening}  {json.dumps(facts, ensure_ascii=False)}", nl=False)
        opening = ",\n"
    typer.echo("[]" if opening == "[\n" else "\n]")


def print_csv(found: Iterator[Delivery]) -> None:
    """A header row, then one a recipient; times in UTC."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in found:
        at = one.at.astimezone(UTC).isoformat() if one.at else ""
        cells = (one.email, one.state.value, at, one.provider_id or "", one.reason or "")
        writer.writerow([guarded(cell) for cell in cells])


def print_table(found: Iterator[Delivery], zone: ZoneInfo, *, has_begun: bool) -> None:
    rows = (
        (one.email or "(erased)", one.state.value, output.shown(one.at, zone) if one.at else "", one.reason or "")
        for one in found
    )
    if not (first := list(islice(rows, 1))):
        output.say("nobody to show" if has_begun else f"nobody to show; {NOT_BEGUN}")
        return
    output.table(("email", "state", "at", "reason"), chain(first, rows))
