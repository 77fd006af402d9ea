"""Where templates are: the site's own folder first, file by file, then the packaged one. No Jinja2 here."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import newsletter
from newsletter.errors import TemplateBroken

DEFAULT_THEME = "default"


def packaged_templates(package: Path = Path(newsletter.__file__).parent) -> Path:
    """The templates that come with the product: inside an installed package, else in the checkout around it."""
    installed = package / "packaged" / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


def tables(roots: Iterable[Path], theme: str, name: str) -> list[dict[str, Any]]:
    """A theme's TOML files of that name, weakest first: the default theme before the theme, packaged before the
    site's. Raises `TemplateBroken`."""
    folders = list(dict.fromkeys((DEFAULT_THEME, theme)))
    return [_table(root, f"{folder}/{name}") for root in reversed(list(roots)) for folder in folders]


def _table(root: Path, name: str) -> dict[str, Any]:
    path = root / name
    try:
        return _parsed(path.read_text("utf-8")) if path.is_file() else {}
    except ValueError as error:
        line = re.search(r"line (\d+)", str(error))
        raise TemplateBroken(
            f"{name} is no valid TOML: {error}", template=name, line=int(line[1]) if line else None, fix=f"mend {path}"
        ) from error


@lru_cache(maxsize=16)  # read anew for each rendering, and to parse it takes longer than anything but the posts
def _parsed(toml: str) -> dict[str, Any]:
    return tomllib.loads(toml)
