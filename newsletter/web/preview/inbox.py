"""The row that stands for the mail in an inbox: sender, subject and preheader, cut where programs cut them.

Programs cut by pixels, at the reader's own size of letters; the counts are what is usually seen (inboxeagle.com, 2026).
"""

from __future__ import annotations

from typing import NamedTuple


class Inbox(NamedTuple):
    name: str
    layout: str
    """`stacked`: three lines below each other; `line`: all in one."""
    subject_length: int
    preheader_length: int
    shares_line: bool = False
    """The preheader gets what the subject leaves of both lengths."""


INBOXES = (
    Inbox("Gmail on a phone", "stacked", 40, 50),
    Inbox("Apple Mail on a phone", "stacked", 41, 120),
    Inbox("Gmail in a browser", "line", 70, 45, shares_line=True),
    Inbox("Outlook on a desktop", "stacked", 55, 75),
)


class Row(NamedTuple):
    inbox: Inbox
    subject: str
    subject_rest: str
    """What is cut off."""
    preheader: str
    preheader_rest: str


def rows(subject: str, preheader: str) -> list[Row]:
    return [_row(inbox, subject, preheader) for inbox in INBOXES]


def _row(inbox: Inbox, subject: str, preheader: str) -> Row:
    room = inbox.preheader_length
    if inbox.shares_line:
        room += max(inbox.subject_length - len(subject), 0)
    return Row(inbox, *_cut(subject, inbox.subject_length), *_cut(preheader, room))


def _cut(text: str, length: int) -> tuple[str, str]:
    """What is seen, and what is not."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line, ""
    return line[: length - 1].rstrip() + "…", line[length - 1 :]
