"""The subject and the preheader that an issue has until an editor writes better ones.

Made of the posts' own words and a few signs, so that they read in any language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from newsletter.issues.edits import one_line

SUBJECT_LENGTH = 70
"""Characters; what most readers show of a subject on a desktop."""
PREHEADER_LENGTH = 100
SHORTEST_PREHEADER = 40
"""Below it, mail programs fill up the line with whatever text comes next."""

_BETWEEN = " · "
_MARKUP = re.compile(r"[<>\[\]*_`{}|#\\]|&#?\w+;")


def automatic_subject(titles: Sequence[str]) -> str:
    """The first title, further ones while they fit whole, and how many more there are: `A · B +3`."""
    shown = subject_titles(titles)
    if not shown:
        return ""
    rest = len(_clean(titles)) - len(shown)
    more = f" +{rest}" if rest else ""
    text = _BETWEEN.join(shown)
    return text if len(text) + len(more) > SUBJECT_LENGTH >= len(text) else cut(text, SUBJECT_LENGTH - len(more)) + more


def subject_titles(titles: Sequence[str]) -> list[str]:
    """Those that the automatic subject names."""
    shown: list[str] = []
    cleaned = _clean(titles)
    for title in cleaned:
        rest = len(cleaned) - len(shown) - 1
        text = _BETWEEN.join([*shown, title]) + (f" +{rest}" if rest else "")
        if shown and len(text) > SUBJECT_LENGTH:
            break
        shown.append(title)
    return shown


def automatic_preheader(
    titles: Sequence[str], *, subject: str, summaries: Sequence[str] = (), digest_title: str = ""
) -> str:
    """What the subject does not say: further titles, else a summary, else the digest's title.

    `summaries` in the order of the titles; those with markup in them are passed over.
    """
    # A title that was cut to fit into the subject was named there all the same.
    named = set(subject_titles(titles)) if subject == automatic_subject(titles) else set()
    named |= {title for title in _clean(titles) if title in subject}
    plain = [one_line(summary) for summary in summaries if not _MARKUP.search(summary)]
    pieces = [*(title for title in _clean(titles) if title not in named), *plain, one_line(digest_title)]
    text = ""
    for piece in dict.fromkeys(piece for piece in pieces if piece and piece != subject):
        if len(text) >= SHORTEST_PREHEADER and len(text) + len(_BETWEEN) + len(piece) > PREHEADER_LENGTH:
            break
        text = cut(f"{text}{_BETWEEN}{piece}" if text else piece, PREHEADER_LENGTH)
    return "" if text == subject else text


def summaries_in_order(ids: Sequence[str], by_id: Mapping[str, str]) -> list[str]:
    return [by_id[post_id] for post_id in ids if by_id.get(post_id)]


def cut(text: str, length: int) -> str:
    """At most `length` characters, cut after a word where the script has spaces, never inside a character."""
    if len(text) <= length:
        return text
    short = text[: length - 1]
    space = short.rfind(" ") if text[length - 1] != " " else len(short)
    short = short[:space] if space >= length // 2 else _whole_characters(short, text[length - 1])
    return short.rstrip(" ,;:–—-·") + "…"


def _whole_characters(short: str, following: str) -> str:
    while short and (_joins(following) or short[-1] == "\u200d"):
        short, following = short[:-1], short[-1]
    return short


def _joins(character: str) -> bool:
    is_skin_tone = "\U0001f3fb" <= character <= "\U0001f3ff"
    return character == "\u200d" or is_skin_tone or unicodedata.category(character) in ("Mn", "Me", "Mc")


def _clean(titles: Sequence[str]) -> list[str]:
    return [line for title in titles if (line := one_line(title))]
