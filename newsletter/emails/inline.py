"""Moves the theme's style rules into `style` attributes. The only importer of premailer.

Gmail for other people's mailboxes drops every `<style>`; what must survive that stands on the elements themselves.
premailer's habits, and what is done about each (measured with 3.10): it keeps the doctype only in lxml's own spelling;
it strips `!important` and drops rules it does not understand from every block it reads, so the blocks of the page are
marked to be left alone and the rules to inline come separately; it fetches `<link>`s, so the network is off.
"""

from __future__ import annotations

import logging
import os
import re
from functools import lru_cache
from typing import Any

CACHE_SIZE = 4096
"""Selectors, rules and style attributes that are kept parsed; a theme has about two hundred."""
STYLE_SHEETS = 16
"""Whole sheets kept parsed: one a theme and design."""

_BARE_SELECTOR = re.compile(r"[\w\s.>+~:-]*")
"""Of names only, which all have to be on a page where it finds something."""
_CLASS_OR_TAG = re.compile(r"(\.|:)?([a-zA-Z_][\w-]*)")
_TAG = re.compile(r"<([a-zA-Z][\w-]*)")
_CLASSES = re.compile(r"""\sclass\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_ADDED_BY_PARSER = frozenset({"html", "head", "body", "p"})
_IGNORE = ' data-premailer="ignore"'


def inline(html: str, css: str) -> str:
    """The page with `css` on its elements; its own `<style>` blocks, comments and doctype as they were."""
    page = re.sub(r"^\s*<!doctype html>", "<!DOCTYPE html>", html, count=1, flags=re.IGNORECASE)
    page = re.sub(r"<style\b", f"<style{_IGNORE}", page)
    inliner = _premailer()(
        page,
        css_text=css,
        strip_important=False,
        disable_validation=True,
        disable_link_rewrites=True,
        allow_network=False,
        allow_loading_external_files=False,
        cssutils_logging_level=logging.CRITICAL,
    )
    return str(inliner.transform()).replace(_IGNORE, "")


@lru_cache(maxsize=1)
def _premailer() -> type[Any]:
    """premailer's class, made to parse a theme's rules once: that took more than the inlining itself."""
    # Its cache keeps what was used most, so the rules of a second style sheet are parsed for every element (3.10).
    os.environ.setdefault("PREMAILER_CACHE", "LRU")
    os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", str(CACHE_SIZE))
    from premailer import Premailer  # 0.15 s to import: only where a page is rendered

    parsed: dict[tuple[str, int], tuple[list[tuple[Any, frozenset[str]]], list[Any]]] = {}

    class Inliner(Premailer):  # type: ignore[misc]  # premailer ships no types
        def _parse_style_rules(self, css_body: str, ruleset_index: int) -> Any:
            key = (css_body, ruleset_index)
            if key not in parsed:
                if len(parsed) >= STYLE_SHEETS:
                    parsed.clear()
                rules, leftover = super()._parse_style_rules(css_body, ruleset_index)
                parsed[key] = [(rule, _names_in(rule[1])) for rule in rules], leftover
            # To look for a class costs 0.2 ms with 30 posts, and most rules are for what is not on every page.
            on_page, (rules, leftover) = _names_on(self.html), parsed[key]
            return [rule for rule, needed in rules if needed <= on_page], list(leftover)

        def _style_to_basic_html_attributes(self, *_: Any, **__: Any) -> None:
            """Nothing: MJML has written the attributes of layout, and premailer would change them."""

    return Inliner


def _names_in(selector: str) -> frozenset[str]:
    """The tags and `.classes` without which the selector finds nothing."""
    if not _BARE_SELECTOR.fullmatch(selector):
        return frozenset()
    names = _CLASS_OR_TAG.findall(selector)
    return frozenset(f".{name}" if kind else name.lower() for kind, name in names if kind != ":")


def _names_on(page: str) -> frozenset[str]:
    """The tags and `.classes` of a page, also those in its comments."""
    classes = {f".{name}" for found in set(_CLASSES.findall(page)) for name in "".join(found).split()}
    return frozenset({tag.lower() for tag in set(_TAG.findall(page))} | classes | _ADDED_BY_PARSER)
