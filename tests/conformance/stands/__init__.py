"""The stands, one file a provider; a new file is found by itself."""

from __future__ import annotations

from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules

from tests.conformance.stand import Stand


def _found() -> tuple[type[Stand], ...]:
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    classes = (value for module in modules for value in vars(module).values() if isinstance(value, type))
    stands = {one for one in classes if issubclass(one, Stand) and not isabstract(one)}
    return tuple(sorted(stands, key=lambda stand: stand.__name__))


STANDS = _found()
