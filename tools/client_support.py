"""Make newsletter/emails/checks/client_support.json from caniemail's data.

    npm pack caniemail && tar xzf caniemail-*.tgz
    python tools/client_support.py package

Of all it holds only: which of our `SERIOUS` features does not work (`n`, newest version tested) in which client. The
names are caniemail's families; Outlook for Windows (Word's engine) is apart from the other Outlooks, and Windows Mail,
which Microsoft ended in 2024, is left out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from newsletter.emails.checks.features import SERIOUS

TABLE = Path(__file__).parents[1] / "newsletter" / "emails" / "checks" / "client_support.json"
ENDED = {"windows-mail"}
OUTLOOK_WINDOWS = "outlook-windows"
# caniemail writes all titles of one family the same; these are what people call them.
TITLES = {OUTLOOK_WINDOWS: "Outlook for Windows", "outlook": "Outlook.com and the new Outlook"}
RENAMED = {"outlook-com": "web", "desktop-webmail": "web", "mobile-webmail": "mobile web", "desktop-app": "desktop"}


def main(package: Path) -> None:
    source = json.loads((package / "data" / "caniemail.json").read_text("utf-8"))
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    facts = {one["slug"]: one for one in source["data"]}
    features = {feature.slug: {"fails": dict(_fails(facts[feature.slug]["stats"]))} for feature in SERIOUS}
    families = {name: title for name, title in source["nicenames"]["family"].items() if _is_tested(name, facts)}
    clients = {**families, **TITLES}
    table = {
        "source": f"caniemail {version} (MIT), https://www.caniemail.com",
        "date": source["last_update_date"][:10],
        "clients": dict(sorted(clients.items())),
        "features": dict(sorted(features.items())),
    }
    TABLE.write_text(_written(table), "utf-8")


def _written(table: dict[str, Any]) -> str:
    """One line a feature, so that a change of the data can be read in review."""
    features = ",\n".join(f"  {json.dumps(slug)}: {json.dumps(facts)}" for slug, facts in table["features"].items())
    head = ",\n".join(f" {json.dumps(key)}: {json.dumps(table[key])}" for key in ("source", "date", "clients"))
    return f'{{\n{head},\n "features": {{\n{features}\n }}\n}}\n'


def _is_tested(name: str, facts: dict[str, Any]) -> bool:
    return any(name in one["stats"] for one in facts.values())


def _fails(stats: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Each client in which it fails, with the platforms; none where it fails on all."""
    for family, platforms in sorted(stats.items()):
        newest = {name: list(tests.values())[-1].split()[0] for name, tests in platforms.items() if name not in ENDED}
        if family == "outlook" and newest.pop("windows", "y") == "n":
            yield OUTLOOK_WINDOWS, []
        failing = [name for name, verdict in newest.items() if verdict == "n"]
        if failing:
            named = [RENAMED.get(name, name) for name in failing]
            yield family, [] if len(failing) == len(newest) else named


if __name__ == "__main__":
    main(Path(sys.argv[1]))
