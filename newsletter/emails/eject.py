"""Copies packaged templates into the site, where they win: the way to change one part and leave the rest packaged."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import NamedTuple

from newsletter.emails.folders import DEFAULT_THEME, packaged_templates
from newsletter.errors import NotFound, NotPossible
from newsletter.settings import Settings

WEB = "web"
"""The pages for readers: they belong to no theme."""


class Part(NamedTuple):
    """A file that a theme is made of."""

    name: str
    """Within the theme: `parts/footer.mjml.j2`; of the pages for readers with their folder: `web/leave.html.j2`."""
    target: str
    """Where the site's own copy lies, within its `templates/`."""
    source: str
    """Which packaged file it is; of a theme that has none of its own, the default theme's."""
    is_ejected: bool
    """The site has a file there, and that one is used."""

    @property
    def is_page(self) -> bool:
        return self.name.startswith(f"{WEB}/")


def parts(settings: Settings, theme: str) -> list[Part]:
    """Everything packaged that a theme uses: its own files, the default theme's where it has none, and the pages."""
    root = packaged_templates()
    by_name = {name: folder for folder in (DEFAULT_THEME, theme) for name in _names(root / folder)}
    found = {name: (f"{theme}/{name}", f"{folder}/{name}") for name, folder in by_name.items()}
    found |= {f"{WEB}/{name}": (f"{WEB}/{name}", f"{WEB}/{name}") for name in _names(root / WEB)}
    return [
        Part(name, target, source, (settings.templates_folder / target).exists())
        for name, (target, source) in sorted(found.items())
    ]


def eject(settings: Settings, wanted: str, theme: str) -> Part:
    """Copy a part into the site. Raises `NotFound`, or `NotPossible` where the site has a file of that name."""
    part = _named(wanted, theme, parts(settings, theme))
    target = settings.templates_folder / part.target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write((packaged_templates() / part.source).read_bytes())
    except FileExistsError as error:
        raise NotPossible(
            f"templates/{part.target} is there already, so it was left as it is",
            fix="change that file; or move it away, then eject it again",
        ) from error
    except OSError as error:
        raise NotPossible(
            f"templates/{part.target} could not be written: {error.strerror}", fix="give the right to write there"
        ) from error
    return part._replace(is_ejected=True)


def _named(wanted: str, theme: str, known: list[Part]) -> Part:
    """By its name, with or without the theme's folder, or by the beginning of its file's name: `footer`."""
    name = wanted.strip().removeprefix("templates/").removeprefix(f"{theme}/")
    exact = [one for one in known if one.name == name]
    short = [one for one in known if one.name.rpartition("/")[2].partition(".")[0] == name]
    found = exact or short
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(one.name for one in found)
        raise NotFound(f"several parts are called {wanted!r}", fix=f"name one of them: {names}")
    near = difflib.get_close_matches(name, [one.name for one in known], n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise NotFound(f"the theme {theme} has no part {wanted!r}{hint}", fix="`newsletter theme parts` lists them")


def _names(folder: Path) -> list[str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    return [path.relative_to(folder).as_posix() for path in files]
