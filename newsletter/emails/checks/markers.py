"""What should have been filled in and was not: merge fields, the theme's own template syntax, tags of MJML."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.problem import Check, Found

SYNTAX = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\*\|[\w: ]+\|\*|%recipient[.\w]*%|<%.*?%>|<<\w+>>|\[\[\w+\]\]")


def find(checked: Checked) -> Iterator[Found]:
    html, text, nonce = checked.filled.html, checked.filled.text, checked.email.nonce
    for part, content in (("HTML", html), ("text part", text), ("message", checked.message.decode("ascii", "replace"))):
        if left := re.search(rf"merge{re.escape(nonce)}\w*", content):
            fix = "print only the merge fields that there are: email, name, unsubscribe_url, web_url"
            yield Found(checked.in_theme(), f"a merge field is open in the {part}: {left[0][:60]}", fix)
            break
    if left := re.search(r"</?mj-[\w-]*", html):
        yield Found(checked.in_theme(left[0]), f"a tag of MJML is left in the mail: {left[0]}>", "mend the template")
    for element, words in checked.prose:
        if checked.post_of(element) or _is_from_a_post(checked, words):
            continue
        if (left := SYNTAX.search(words)) and not checked.issue_file.holds(left[0]):
            message = f"template syntax is left in the mail: {shown(left[0])}"
            yield Found(checked.in_theme(left[0]), message, "mend the template")
    if any(part == "" for part in (checked.copy.unsubscribe_url, checked.copy.web_url)):
        yield Found(
            checked.in_settings("[site]"), "a reader's copy has no link to leave or to read on the web", "set site.url"
        )


def _is_from_a_post(checked: Checked, words: str) -> bool:
    """A title, a section or the editor's own words: the check `template-braces` speaks of those."""
    line = " ".join(words.split())
    titles = [post.title for post in checked.posts]
    sections = [section.title or "" for section in checked.issue.sections]
    return any(line in said or (said and said in line) for said in (*titles, *sections))


CHECK = Check("markers", "error", find)
