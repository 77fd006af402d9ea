"""A `<style>` outside the head is dropped by Gmail and Yahoo (caniemail html-style, 2026-05-13)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    for block in checked.body.iter("style"):
        yield Found(
            checked.where(block, block.text_content().strip()[:40], "<style"),
            "a <style> stands in the body; Gmail drops it there",
            "put the rules into <mj-style> in the theme's head",
        )


CHECK = Check("style-place", "error", find)
