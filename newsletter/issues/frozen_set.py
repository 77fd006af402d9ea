"""The frozen files of an issue as a set: all of them there, or none that counts."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from newsletter.issues.durable import sync_folder, write_new

ASSETS_FOLDER = "assets"
_UNFINISHED = ".freezing-"
_ASSET = re.compile(rf"{ASSETS_FOLDER}/([0-9a-z]+\.[a-z]+)", re.ASCII)


def asset_files(files: Iterable[str]) -> dict[str, str]:
    """The names of the pictures, by file; what else a manifest may list is none of them."""
    return {found[0]: found[1] for file in files if (found := _ASSET.fullmatch(file))}


def write_set(folder: Path, contents: Mapping[str, bytes], *, last: tuple[str, bytes]) -> None:
    """Write all or nothing; `last` comes when everything else is durable. Raises `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{_UNFINISHED}{secrets.token_hex(4)}"
    try:
        (unfinished / ASSETS_FOLDER).mkdir(parents=True)
        for name, content in (*contents.items(), last):
            write_new(unfinished / name, content)
        _move(unfinished, folder, contents)
        sync_folder(folder)
        (unfinished / last[0]).replace(folder / last[0])
        sync_folder(folder)
    except OSError:
        with suppress(OSError):
            remove_set(folder, [last[0], *contents])
        raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    remove_unfinished(folder)


def remove_set(folder: Path, names: Iterable[str]) -> None:
    """In this order; the pictures last."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / ASSETS_FOLDER, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """What a process left that was killed while freezing."""
    for leftover in folder.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _move(unfinished: Path, folder: Path, names: Iterable[str]) -> None:
    assets = folder / ASSETS_FOLDER
    if any("/" in name for name in names):
        assets.mkdir(exist_ok=True)
    for name in names:
        (unfinished / name).replace(folder / name)
    if assets.is_dir():
        sync_folder(assets)
