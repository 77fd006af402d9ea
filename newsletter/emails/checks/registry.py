"""Finds the checks, runs them, and sets their levels."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import traceback
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Literal

import newsletter.emails.checks as package
from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found, Problem
from newsletter.errors import BadInput, Place

Levels = Mapping[str, Literal["error", "warning", "off"]]
OWN_FOLDER = "checks"


@lru_cache(maxsize=1)
def packaged_checks() -> tuple[Check, ...]:
    """Every `CHECK` of this package, by id."""
    names = (one.name for one in pkgutil.iter_modules(package.__path__))
    modules = (importlib.import_module(f"{package.__name__}.{name}") for name in names)
    return tuple(sorted(check for module in modules if isinstance(check := getattr(module, "CHECK", None), Check)))


def own_checks(site_folder: Path) -> tuple[Check, ...]:
    """The site's own: each file of its folder `checks/`, and of no other. `BadInput` names every broken one."""
    checks: list[Check] = []
    places: list[Place] = []
    for path in sorted((site_folder / OWN_FOLDER).glob("*.py")):
        try:
            check = getattr(_loaded(path), "CHECK", None)
        except Exception as error:  # noqa: BLE001  (somebody's own code: whatever it raises is told)
            places.append(_place(path, error))
            continue
        if isinstance(check, Check):
            checks.append(check)
        else:
            places.append(Place(_shown(path), "has no CHECK = Check(id, level, function)"))
    taken = {check.id for check in packaged_checks()}
    places += [Place(f"{OWN_FOLDER}/", f"the id {check.id!r} is taken") for check in checks if check.id in taken]
    if places:
        raise BadInput("the site's own checks cannot be used:", places=places, fix=_OWN_FIX)
    return tuple(checks)


_OWN_FIX = "mend them; docs/checking.md shows a whole one"


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"newsletter_own_check_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _shown(path: Path) -> str:
    return f"{OWN_FOLDER}/{path.name}"


def _place(path: Path, error: Exception) -> Place:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = lines[-1] if lines else error.lineno if isinstance(error, SyntaxError) else None
    where = f"{_shown(path)}:{line}" if line else _shown(path)
    return Place(where, f"{type(error).__name__}: {error}")


def run(checked: Checked, checks: Iterable[Check], *, levels: Levels) -> list[Problem]:
    """All problems, errors first; `levels` has the site's own word on single checks."""
    problems = [problem for check in checks for problem in _problems(checked, check, levels)]
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.level != "error")


def _problems(checked: Checked, check: Check, levels: Levels) -> Iterator[Problem]:
    wanted = levels.get(check.id)
    if wanted == "off":
        return
    for found in _found(checked, check):
        yield Problem(check.id, wanted or found.level or check.level, found.where, found.message, found.fix)


def _found(checked: Checked, check: Check) -> list[Found]:
    if check in packaged_checks():
        return list(check.find(checked))
    try:
        return [Found(*one) for one in check.find(checked)]
    except Exception as error:
        path = Path(getattr(getattr(check.find, "__code__", None), "co_filename", check.id))
        raise BadInput("a check of the site's own failed:", places=[_place(path, error)], fix=_OWN_FIX) from error


def unknown_ids(levels: Levels, checks: Iterable[Check]) -> list[str]:
    """Names in the settings that no check has."""
    return sorted(set(levels) - {check.id for check in checks})
