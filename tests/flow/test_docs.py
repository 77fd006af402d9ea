"""The documents are true: their commands run as they stand there, and what they name exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from newsletter.settings import DigestSettings, Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BIN = Path(sys.executable).parent

NEWS_PAGE = """\
November 16, 2023

A new wood store

The wood store behind the house is open. Bring a lamp.

November 14, 2023

Open evening on Friday

Doors open at six, soup at seven.
"""


def commands_of(document: Path) -> str:
    blocks: list[str] = re.findall(r"^```sh\n(.*?)^```$", document.read_text("utf-8"), re.M | re.S)
    return "".join(blocks)


def documents_with_commands() -> list[Path]:
    return [document for document in DOCUMENTS if "newsletter " in commands_of(document)]


def run_as_a_reader_would(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEWSLETTER_")}
    path = f"{BIN}{os.pathsep}{environ['PATH']}"
    return subprocess.run(
        ["sh", "-eux", "-c", script],
        cwd=folder,
        env={**environ, "PATH": path, "NEWSLETTER_NOW": "2023-11-20T12:00:00+00:00"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("document", documents_with_commands(), ids=lambda document: str(document.name))
def test_every_command_of_a_document_works_in_the_order_in_which_it_stands_there(
    document: Path, tmp_path: Path
) -> None:
    (tmp_path / "news-page.txt").write_text(NEWS_PAGE, "utf-8")
    (tmp_path / "members.csv").write_text("email,name\ntomas@example.org,Tomas\nsahar@example.org,\n", "utf-8")
    begins_in_a_site = "newsletter new" not in commands_of(document)
    prelude = "newsletter new my-site\ncd my-site\n" if begins_in_a_site else ""

    ran = run_as_a_reader_would(prelude + commands_of(document), tmp_path)

    assert ran.returncode == 0, ran.stderr


def test_the_commands_of_the_readme_mail_everybody(tmp_path: Path) -> None:
    (tmp_path / "news-page.txt").write_text(NEWS_PAGE, "utf-8")
    (tmp_path / "members.csv").write_text("email,name\ntomas@example.org,Tomas\nsahar@example.org,\n", "utf-8")

    run_as_a_reader_would(commands_of(ROOT / "README.md"), tmp_path)

    mails = list((tmp_path / "my-site" / "outbox" / "weekly-2023-11-16").glob("*.eml"))
    assert len(mails) == 3


def test_every_make_target_that_a_document_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))

    named = {
        target
        for document in DOCUMENTS
        for target in re.findall(r"(?:`|^ {4}|^)make ([a-z]+)", document.read_text("utf-8"), re.M)
    }

    assert {"demo", "test", "check"} <= named <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.name))
def test_every_file_that_a_document_links_to_is_there(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text("utf-8"))

    missing = [link for link in links if not (document.parent / link).exists()]

    assert missing == []


def setting_names() -> list[str]:
    names = []
    for section, field in Settings.model_fields.items():
        part = DigestSettings if section == "digests" else field.annotation
        if isinstance(part, type) and issubclass(part, BaseModel):
            prefix = "digests.<name>" if section == "digests" else section
            names += [f"{prefix}.{key}" for key in part.model_fields]
    return names


@pytest.mark.parametrize("name", setting_names())
def test_every_setting_stands_in_its_document(name: str) -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    section, key = name.rsplit(".", 1)

    rows = [line for line in text.splitlines() if line.startswith("|")]

    assert any(
        f"`{name}`" in row or f"__{key.upper()}`" in row or (f"`{section}." in row and f"`{key}`" in row)
        for row in rows
    )
