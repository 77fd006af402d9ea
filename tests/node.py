"""What tests need of npm: `tests/npm/package.json` names it, `make test` installs it where Node is on the machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "npm"
INSTALL = "npm ci --prefix tests/npm"


def node() -> str:
    """The program; skips the test where there is none."""
    path = shutil.which("node")
    if path is None:
        pytest.skip(f"no Node on this machine; install it, then run in the checkout: {INSTALL}")
    return path


def package(name: str) -> Path:
    """The folder of a package in exactly the version that is wanted; skips the test where it is not installed."""
    wanted = json.loads((FOLDER / "package.json").read_text("utf-8"))["dependencies"][name]
    folder = FOLDER / "node_modules" / name
    try:
        found = json.loads((folder / "package.json").read_text("utf-8"))["version"]
    except FileNotFoundError:
        found = "none"
    if found != wanted:
        pytest.skip(f"npm's {name} {wanted} is not installed (found: {found}); in the checkout run: {INSTALL}")
    return folder
