"""A newsletter carries no files: filters distrust them, and every reader's mailbox pays for them."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.addresses import path_of
from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.problem import Check, Found

_PROGRAMS = (".exe", ".scr", ".bat", ".cmd", ".js", ".vbs", ".jar", ".msi", ".apk", ".dmg", ".iso", ".lnk", ".ps1")


def find(checked: Checked) -> Iterator[Found]:
    for part in checked.mail.walk():
        is_inline_picture = part.get_content_maintype() == "image" and part.get("Content-ID")
        is_text = part.get_content_type() in ("text/plain", "text/html") and part.get_filename() is None
        if not (part.is_multipart() or is_inline_picture or is_text):
            name = part.get_filename() or part.get_content_type()
            yield Found(checked.issue_file.path, f"the mail carries a file: {name}", "link to it instead")
    for link in checked.links:
        if path_of(link.href).lower().endswith(_PROGRAMS):
            message = f"in {checked.place(link.element)} a link leads to a program: {shown(link.href)}"
            fix = "lead to the page from which it can be had"
            yield Found(checked.where(link.element, link.href), message, fix, "warning")


CHECK = Check("attachments", "error", find)
