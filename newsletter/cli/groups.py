"""Commands that have commands of their own."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class Group(TyperGroup):
    def get_help_option(self, ctx: Any) -> Any:
        """`--help`, false and not nothing where it is not given: of nothing Typer asks pydantic what it is, which takes
        longer to load than Typer itself."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option
