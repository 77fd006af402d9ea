"""Apple Mail honours dark rules only in a mail that opts in (caniemail css-color-scheme, html-meta-color-scheme)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks import css
from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    for name in ("color-scheme", "supported-color-schemes"):
        content = " ".join(checked.page.xpath(f"//meta[@name='{name}']/@content"))
        if not {"light", "dark"} <= set(content.split()):
            yield Found(
                checked.in_theme("<mj-head", "color-scheme"),
                f"the mail does not opt in to dark colours: no meta {name}",
                f'add <meta name="{name}" content="light dark"> in the theme\'s head',
            )
    rules = (rule for sheet in checked.sheets for rule in css.rules(sheet) if ":root" in rule.selectors)
    if not any(one.name == "color-scheme" and "dark" in one.value for rule in rules for one in rule.declarations):
        fix = "add :root{color-scheme:light dark} to a style block"
        yield Found(checked.in_theme("<mj-style"), "the mail does not opt in to dark colours: no :root rule", fix)


CHECK = Check("color-scheme", "warning", find)
