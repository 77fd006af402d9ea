"""Dark colours of our own, for those who take them by media query and for Outlook's rewriting (hteumeuleu 2019)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks import css
from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    rules = [rule for sheet in checked.sheets for rule in css.rules(sheet)]
    dark = [rule for rule in rules if "prefers-color-scheme" in rule.media and "dark" in rule.media]
    if not dark:
        fix = "add @media (prefers-color-scheme:dark){…} in a style block of its own"
        yield Found(
            checked.in_theme("<mj-head"), "there are no dark colours: Apple Mail and Samsung show it light", fix
        )
    elif not any(one.is_important for rule in dark for one in rule.declarations):
        fix = "write !important behind each dark colour"
        yield Found(checked.in_theme("prefers-color-scheme"), "the dark colours lose to the style attributes", fix)
    selectors = " ".join(selector for rule in rules for selector in rule.selectors)
    if "[data-ogsc]" not in selectors:
        fix = "repeat the dark rules with [data-ogsc] before each selector"
        yield Found(
            checked.in_theme("prefers-color-scheme", "<mj-head"), "Outlook.com gets no dark colours of ours", fix
        )


CHECK = Check("dark-css", "warning", find)
