"""A way out that can be seen, in the HTML and in the text (Gmail's sender guidelines; CAN-SPAM)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    url = checked.copy.unsubscribe_url
    links = [link for link in checked.links if link.href == url and link.element not in checked.hidden]
    if not links:
        yield Found(checked.in_theme("why", "</mj-body>"), "the HTML has no unsubscribe link", _FIX)
    if url not in checked.filled.text:
        yield Found(checked.in_theme("why|wrap", "wrap"), "the text part has no unsubscribe link", _FIX)
    if links and checked.language != "en" and all(link.text.strip().lower() == "unsubscribe" for link in links):
        yield Found(
            checked.in_theme("unsubscribe_url"),
            f"the mail is in {checked.settings.site.language!r}, and its unsubscribe link in English",
            f'put [{checked.language}] with unsubscribe = "…" into templates/default/words.toml',
            "warning",
        )


_FIX = "print {{ unsubscribe_url }} in the footer of the theme's template"
CHECK = Check("unsubscribe-body", "error", find)
