"""What was to be replaced before anybody saw it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.emails.checks.addresses import host_of
from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.problem import Check, Found

_TEXT = re.compile(
    r"\blorem ipsum\b|\bdolor sit amet\b|\b(?:FIXME|TBC|TBD|TKTK)\b|\bTODO\b(?=\s*[:\]\)])|\[TODO"
    r"|\[(?:insert|your|add|enter|date|name|title|link|hier)\b[^\]]{0,40}\]|\byour text here\b|\bplaceholder text\b"
    r"|\basdf(?:gh?j?k?l?)?\b",
    re.IGNORECASE,
)
_TODO = re.compile(r"\bTODO\b")
_TODO_MEANS_ALL = frozenset({"es", "pt", "gl", "it", "ca"})
_TEST_SUBJECT = re.compile(
    r"\W*(?:this is (?:a|just a) )?(?:test|testing|prova|essai|prueba)(?:\W*\d*\W*)*(?:mail|email|newsletter)?\W*",
    re.IGNORECASE,
)
_EXAMPLE_HOST = re.compile(r"(?:.*\.)?(?:example\.(?:com|net|org|edu)|example|invalid)")


def find(checked: Checked) -> Iterator[Found]:
    for element, text in checked.prose:
        found = _TEXT.search(text) or (_TODO.search(text) if checked.language not in _TODO_MEANS_ALL else None)
        if found and found[0].lower() != "name":
            message = f"{checked.place(element)} holds “{shown(found[0])}”"
            yield Found(checked.where(element, found[0]), message, "write what was to stand there")
    for link in checked.links:
        host = host_of(link.href)
        if _EXAMPLE_HOST.fullmatch(host) and not _is_our_own(checked, host):
            message = (
                f"in {checked.place(link.element)} “{shown(link.text, 40)}” leads to {host}, which is for examples"
            )
            yield Found(checked.where(link.element, link.href, host), message, "put the real address there")
    if _TEST_SUBJECT.fullmatch(checked.email.subject):
        fix = "write the real one into issue.md"
        yield Found(checked.in_issue("subject:"), f"the subject is “{shown(checked.email.subject)}”", fix)


def _is_our_own(checked: Checked, host: str) -> bool:
    """A site that is only tried out may live at such an address itself."""
    own = {".".join(one.split(".")[-2:]) for one in checked.hosts_of_our_own()}
    return ".".join(host.split(".")[-2:]) in own


CHECK = Check("placeholder-text", "warning", find)
