"""PNG, JPEG and GIF only: WebP and AVIF fail in Outlook for Windows, SVG in Gmail, data: in both (caniemail)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.addresses import host_of, is_local, path_of
from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found

_FAILS = {".svg": "Gmail", ".webp": "Outlook for Windows", ".avif": "Outlook for Windows", ".heic": "most clients",
          ".tif": "most clients", ".tiff": "most clients"}  # fmt: skip


def find(checked: Checked) -> Iterator[Found]:
    for image in checked.images:
        if problem := _problem(image.src):
            yield Found(
                checked.where(image.element, image.src),
                f"the picture {image.src[:60]} in {checked.place(image.element)} {problem}",
                "use a PNG, JPEG or GIF at an address that begins with https://",
            )


def _problem(src: str) -> str | None:
    scheme, _, _ = src.partition(":")
    if src.startswith("data:"):
        return "is written into the mail itself, which Gmail does not show"
    if scheme.lower() == "cid":
        return None
    if scheme.lower() not in ("http", "https"):
        return "has no address of its own"
    path = path_of(src).lower()
    if client := next((client for end, client in _FAILS.items() if path.endswith(end)), None):
        return f"is in a format that does not show in {client}"
    if scheme.lower() == "http" and not is_local(host_of(src)):
        return "comes over http, which Outlook.com and Apple Mail do not load"
    return None


CHECK = Check("img-format", "error", find)
