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

CACHE_SIZE = 4096
"""Selectors, rules and style attributes that are kept parsed; a theme has about two hundred."""

_IGNORE = ' data-premailer="ignore"'


def inline(html: str, css: str) -> str:
    """The page with `css` on its elements; its own `<style>` blocks, comments and doctype as they were."""
    # Its cache keeps what was used most, so the rules of a second style sheet are parsed for every element (3.10).
    os.environ.setdefault("PREMAILER_CACHE", "LRU")
    os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", str(CACHE_SIZE))
    from premailer import Premailer  # 0.15 s to import: only where a page is rendered

    page = re.sub(r"^\s*<!doctype html>", "<!DOCTYPE html>", html, count=1, flags=re.IGNORECASE)
    page = re.sub(r"<style\b", f"<style{_IGNORE}", page)
    inliner = Premailer(
        page,
        css_text=css,
        strip_important=False,
        disable_basic_attributes=["width", "height", "bgcolor", "align", "valign"],
        disable_validation=True,
        disable_link_rewrites=True,
        allow_network=False,
        allow_loading_external_files=False,
        cssutils_logging_level=logging.CRITICAL,
    )
    return str(inliner.transform()).replace(_IGNORE, "")
