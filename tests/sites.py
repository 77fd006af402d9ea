"""A site folder in a test, used as its users do: through the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from newsletter.cli.edge import app

SETTINGS = """\
[site]
name = "Example Network"
url = "https://news.example.org"
language = "en-GB"
timezone = "Europe/London"

[sender]
email = "news@example.org"
postal_address = "1 Example Street, London"

[digests.weekly]
title = "The week"
schedule = "thu 09:00"
"""
ISSUE = "weekly-2023-11-16"
DUE = "2023-11-16T09:00:00+00:00"


class Said(NamedTuple):
    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class SiteFolder:
    def __init__(self, folder: Path, *, settings: str = SETTINGS, now: str = DUE) -> None:
        self.folder = folder
        self.now = now
        self.environ: dict[str, str] = {}
        (folder / "posts").mkdir(parents=True, exist_ok=True)
        self.write("newsletter.toml", settings)

    def write(self, path: str, content: str | bytes) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def read(self, path: str) -> str:
        return (self.folder / path).read_bytes().decode()

    def post(self, post_id: str, *, on: str = "2023-11-14", title: str = "", text: str = "", more: str = "") -> None:
        title = title or f"Title of {post_id}"
        body = text or f"What {post_id} says, in one paragraph."
        self.write(
            f"posts/{post_id}.md",
            f"---\ntitle: {json.dumps(title, ensure_ascii=False)}\ndate: {on}\n{more}---\n{body}\n",
        )

    def readers(self, count: int) -> None:
        lines = ["email,name", *(f"reader{number}@example.net,Reader {number}" for number in range(count))]
        self.write("readers.csv", "\n".join(lines) + "\n")
        assert self.run("subscribers", "import", "readers.csv").exit_code == 0

    def run(self, *words: str) -> Said:
        """A command in this process, at the moment `now`, without a terminal."""
        result = CliRunner().invoke(
            app, list(words), env={"NEWSLETTER_NOW": self.now, **self.environ}, catch_exceptions=False
        )
        return Said(result.exit_code, result.stdout, result.stderr)

    def facts(self, *words: str) -> Any:
        """What a command says with --json; it must not fail."""
        said = self.run(*words, "--json")
        assert said.exit_code == 0, said.err
        return said.json

    def approved(self, *, on: str = "2023-11-16") -> str:
        """The issue of that date, built and approved."""
        issue: str = self.facts("build", "weekly", "--on", on)["issue"]
        self.facts("approve", issue, "--yes")
        return issue

    def start(self, *words: str, preexec: Callable[[], None] | None = None, **environ: str) -> subprocess.Popen[str]:
        """A command as a process of its own, on the real clock; `preexec` is run in it before the command."""
        return subprocess.Popen(
            [sys.executable, "-m", "newsletter", *words],
            cwd=self.folder,
            env={**os.environ, **self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=preexec,
        )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SiteFolder:
    """A site with no posts and no subscribers, at the due time of 16 November 2023; the working folder is in it."""
    made = SiteFolder(tmp_path / "site")
    monkeypatch.chdir(made.folder)
    return made
