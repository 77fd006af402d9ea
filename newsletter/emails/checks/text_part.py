"""The text part as good as the HTML: all words, all links, no line that wraps twice (RFC 3676: 78 columns)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import unquote

from newsletter.emails.checks.checked import Checked, shown
from newsletter.emails.checks.problem import Check, Found
from newsletter.emails.text import width

COLUMNS = 78
FEW, MOST = 0.60, 0.95
BLANK_LINES = 2
_WORD = re.compile(r"[\w]+")
_TAG = re.compile(r"</?(?:p|div|span|br|table|tr|td|a|strong|em|h[1-6]|ul|li|img)\b[^<>]*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:amp|nbsp|lt|gt|quot|zwnj|#\d+);")


def find(checked: Checked) -> Iterator[Found]:
    text = checked.filled.text
    at = checked.in_theme("wrap", "underline")
    if not text.strip():
        yield Found(
            at, "the mail has no text part; spam filters count that, and some people read nothing else", _FIX, "error"
        )
        return
    visible = " ".join(part for _, part in checked.words)
    for pattern, what in ((_TAG, "HTML"), (_ENTITY, "the HTML entity")):
        if (stray := pattern.search(text)) and stray[0] not in visible:
            yield Found(at, f"the text part holds {what} {shown(stray[0], 40)}", "print plain text in issue.txt.j2")
    yield from _words(checked, visible, at)
    yield from _links(checked, at)
    yield from _lines(checked, at)


_FIX = "keep issue.txt.j2 of the theme beside issue.mjml.j2, and print in it what the HTML shows"


def _words(checked: Checked, visible: str, at: str) -> Iterator[Found]:
    wanted = {word.lower() for word in _WORD.findall(html.unescape(visible)) if len(word) > 1}
    there = {word.lower() for word in _WORD.findall(checked.filled.text)}
    # Words of another script may be parted by a line's end, and a long one in its midst.
    unbroken = re.sub(r"\s+", "", checked.filled.text).lower()
    missing = [word for word in sorted(wanted - there) if word not in unbroken]
    share = 1 - len(missing) / len(wanted) if wanted else 1.0
    if share < MOST:
        sample = ", ".join(missing[:5])
        message = f"the text part has {share:.0%} of the words of the HTML; it lacks {sample}"
        yield Found(at, message, _FIX, "error" if share < FEW else "warning")


def _links(checked: Checked, at: str) -> Iterator[Found]:
    text = unquote(checked.filled.text)
    page = _bare(checked.copy.web_url)
    for link in checked.links:
        href = _bare(link.href)
        is_web = link.href.lower().startswith("http") and link.element not in checked.hidden
        if is_web and href != page and unquote(href) not in text:
            message = f"in {checked.place(link.element)} the link “{shown(link.text, 40)}” is not in the text part"
            fix = "print the post's text with its links in issue.txt.j2"
            if checked.post_of(link.element) is None:
                fix = "what the theme adds to the mail stands in issue.txt.j2 too: write it there"
            yield Found(at, f"{message}: {shown(link.href)}", fix)


def _bare(href: str) -> str:
    """Without what only counts or scrolls."""
    return re.sub(r"[?&]utm_[^#&]*", "", href.partition("#")[0]).rstrip("?&")


def _lines(checked: Checked, at: str) -> Iterator[Found]:
    for number, line in enumerate(checked.filled.text.splitlines(), start=1):
        if width(line) > COLUMNS and not re.fullmatch(r"\s*(?:\[\d+\]\s*)?[<(]?\S+://\S+", line):
            message = f"line {number} of the text part has {width(line)} columns: {shown(line, 40)}"
            yield Found(at, message, "print long texts through the filter wrap")
    if re.search(rf"\n(?:[ \t]*\n){{{BLANK_LINES + 1},}}", checked.filled.text):
        yield Found(at, f"the text part has more than {BLANK_LINES} empty lines in a row", "take empty lines out of it")


CHECK = Check("text-part", "warning", find)
