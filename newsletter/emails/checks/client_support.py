"""What a client in use would not show: features whose loss breaks layout or reading, by caniemail's data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

from newsletter.emails.checks import css
from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.features import SERIOUS, Feature
from newsletter.emails.checks.problem import Check, Found


@lru_cache(maxsize=1)
def support() -> dict[str, Any]:
    """`client_support.json`: made by tools/client_support.py, with the date of its data."""
    table: dict[str, Any] = json.loads(files(__package__).joinpath("client_support.json").read_text("utf-8"))
    return table


def find(checked: Checked) -> Iterator[Found]:
    table, seen = support(), set()
    for feature, element, what in _uses(checked):
        facts = table["features"][feature.slug]
        lost = [_said(name, facts["fails"][name]) for name in checked.settings.site.clients if name in facts["fails"]]
        at = checked.where(element, what) if lost else ""
        if lost and (feature.slug, at) not in seen:
            seen.add((feature.slug, at))
            yield Found(
                at,
                f"{what} in {checked.place(element)} does not work in {', '.join(lost)}: {feature.loss} "
                f"(caniemail, {table['date']})",
                f"{feature.instead}; or name the clients that matter in site.clients",
            )


def _said(name: str, platforms: list[str]) -> str:
    title = support()["clients"][name]
    return f"{title} ({', '.join(platforms)})" if platforms else str(title)


def _uses(checked: Checked) -> Iterator[tuple[Feature, Any, str]]:
    """Each use in a tag or a style attribute; what stands in media rules is for those who know it."""
    by_tag = {tag: feature for feature in SERIOUS for tag in feature.tags}
    by_name = [(re.compile(feature.css), feature) for feature in SERIOUS if feature.css]
    for element in checked.body.iter():
        if not isinstance(element.tag, str) or element in checked.hidden:
            continue
        if element.tag in by_tag:
            yield by_tag[element.tag], element, f"<{element.tag}>"
        if style := element.get("style"):
            yield from ((feature, element, what) for feature, what in _in_style(style, tuple(by_name)))


@lru_cache(maxsize=2048)
def _in_style(style: str, patterns: tuple[tuple[re.Pattern[str], Feature], ...]) -> tuple[tuple[Feature, str], ...]:
    said = [f"{one.name}:{one.value.lower()}" for one in css.declarations(style)]
    return tuple(
        (feature, found[0][:60]) for one in said for pattern, feature in patterns if (found := pattern.search(one))
    )


CHECK = Check("client-support", "warning", find)
