"""What clients strip and filters hate: scripts, forms, frames, event handlers, outside style sheets (caniemail)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found

_TAGS = ("script", "form", "iframe", "frame", "object", "embed", "applet", "base", "input", "textarea", "select")


def find(checked: Checked) -> Iterator[Found]:
    for element in checked.page.iter(*_TAGS, "link"):
        if element.tag != "link" or "stylesheet" in (element.get("rel") or "").lower():
            yield _told(checked, element, f"<{element.tag}>")
    for element in checked.page.iter():
        if isinstance(element.tag, str) and (handlers := [name for name in element.attrib if name.startswith("on")]):
            yield _told(checked, element, f"the event handler {handlers[0]}")


def _told(checked: Checked, element: object, what: str) -> Found:
    at = checked.where(element, what.strip("<>").removeprefix("the event handler "))
    message = f"{what} in {checked.place(element)}: clients take it out, and spam filters count it"
    return Found(at, message, "take it out; link to a page that has it")


CHECK = Check("script-form", "error", find)
