"""Takes out what a site generator would have replaced: Hugo's and Zola's shortcodes, Liquid tags, kramdown attributes.

Only what certainly is such syntax: `{{ name }}` in a text that no generator reads is text, and arrives as written.
What stands in code (spans, fenced and indented blocks) is not touched.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import NamedTuple

from newsletter.posts import template_syntax as syntax
from newsletter.posts.held import Held

MORE = "\ue000more\ue001"
"""Stands where the author ended the summary; no text can hold it, its letters are taken out of every text first."""
_GONE = "\ue004"
"""Stands where a tag left nothing: a line of which nothing is left must not end the HTML around it."""
_CLOSE_TEXT = re.compile(r"(</figure>[ \t]*\n)(?=[^\s<])")
"""Text right below HTML counts as HTML too, with its Markdown unread."""
_OURS = re.compile("[\ue000-\ue004]")


class Dialect(NamedTuple):
    """Which generator the text was written for, as far as the file tells."""

    is_liquid: bool = False
    """Jekyll: `{{ … }}` is a tag."""
    is_tera: bool = False
    """Zola: `{{ name() }}` is a shortcode."""
    is_mdx: bool = False
    """Astro, Docusaurus: `import` lines and `{/* … */}`."""
    is_html: bool = False
    is_plain: bool = False
    """Text that no generator reads: only the more-marker means something."""


_HOSTS = {
    "youtube": "https://www.youtube.com/watch?v=",
    "vimeo": "https://vimeo.com/",
    "gist": "https://gist.github.com/",
}
_HOSTS |= {
    "tweet": "https://x.com/i/status/",
    "x": "https://x.com/i/status/",
    "instagram": "https://www.instagram.com/p/",
}
_LABELS = {"youtube": "Watch the video", "vimeo": "Watch the video", "gist": "See the code"}
_FIGURES = frozenset(
    ("figure", "img", "image", "picture", "responsive-image", "resize_image", "picture_tag", "imgproc", "asset_img")
)
_SOURCES = ("src", "path", "url", "link", "file", "image_path", "image")
_PICTURE = re.compile(r"\.(?:jpe?g|png|gif|webp|svg|avif)(?:[?#].*)?$", re.IGNORECASE)
_REFERENCES = frozenset(("ref", "relref", "post_url", "link"))


def without_shortcodes(text: str, dialect: Dialect) -> str:
    """The Markdown or HTML with its more-marker as `MORE`, and nothing left of shortcodes but the text they wrap."""
    text = _OURS.sub("", text)
    if not syntax.SUSPECT.search(text):
        return text
    if dialect.is_plain:
        return syntax.MORE.sub(MORE, text)
    held = Held()
    text = held.hold_html_code(text) if dialect.is_html else held.hold_code(text)
    text = _each(text, syntax.RAW, lambda _, inside: held.hold(inside))
    if not dialect.is_html:
        text = syntax.STARRED.sub(lambda found: held.hold(found[0].replace("*", "\\*").replace("_", "\\_")), text)
    text = syntax.SHOWN_AS_WRITTEN.sub(lambda found: held.hold(_unescaped(found, dialect)), text)
    for pair in (syntax.HIGHLIGHT, syntax.HUGO_HIGHLIGHT, syntax.CODE_BLOCK):
        text = _each(text, pair, lambda opening, inside: held.hold(_code(inside, opening["language"] or "", dialect)))
    for pair in syntax.DROPPED:
        text = _each(text, pair, lambda *_: "")
    text = _each(text, syntax.QUOTE, lambda _, inside: f"<blockquote>\n\n{inside.strip()}\n\n</blockquote>")
    text = _with_captured(text)
    return held.release(_without_tags(text, dialect))


def _unescaped(found: re.Match[str], dialect: Dialect) -> str:
    shown = f"{found['open']}{found['inside']}{found['close']}"
    return html.escape(shown, quote=False) if dialect.is_html else re.sub(r"([<>*_`\[\]])", r"\\\1", shown)


def _with_captured(text: str) -> str:
    """What Liquid captures stands where its name is put out, and else nowhere."""
    captured: dict[str, str] = {}

    def keep(opening: re.Match[str], inside: str) -> str:
        captured[opening["name"]] = inside.strip()
        return _GONE

    text = _each(text, syntax.CAPTURE, keep)
    for name, inside in captured.items():
        output = re.compile(rf"\{{\{{-?\s*{re.escape(name)}\s*(?:\|[^{{}}\n]*)?\}}\}}")
        text = output.sub(f"\n\n{inside}\n\n".replace("\\", r"\\"), text)
    return text


def _without_tags(text: str, dialect: Dialect) -> str:
    made_names = "|".join({re.escape(found["name"]) for found in syntax.LIQUID_NAMES.finditer(text)})
    text = syntax.TERA_CALL.sub(lambda found: _tera(found, dialect), text)
    for pattern, replacement in _STEPS:
        text = pattern.sub(replacement, text)
    if made_names:
        text = re.sub(rf"\{{\{{-?\s*(?:{made_names})\b[^{{}}\n]*-?\}}\}}", "", text)
    if dialect.is_liquid:
        text = syntax.LIQUID_OUTPUT.sub("", text)
    text = text.replace(_GONE, "") if dialect.is_html else _without_traces(text)
    if dialect.is_mdx:
        text = syntax.MDX_COMMENT.sub("", syntax.MDX_IMPORT.sub("", syntax.MDX_MORE.sub(MORE, text)))
    return text


def _without_traces(text: str) -> str:
    if _GONE in text:
        lines = text.split("\n")
        for at, line in enumerate(lines):
            if _GONE in line:
                left = line.replace(_GONE, "")
                lines[at] = f"{left}<!-- -->" if not left.strip() and _is_within_html(lines, at) else left
        text = "\n".join(lines)
    return _CLOSE_TEXT.sub(r"\1\n", text)


def _is_within_html(lines: list[str], at: int) -> bool:
    return any(line.lstrip().startswith("<") for line in (*lines[max(at - 1, 0) : at], *lines[at + 1 : at + 2]))


def _each(
    text: str, pair: tuple[re.Pattern[str], re.Pattern[str]], replaced: Callable[[re.Match[str], str], str]
) -> str:
    """The text with every opening tag, what it holds, and its closing tag replaced. Searches each part once."""
    opening, closing = pair
    parts = []
    at = 0
    while (begin := opening.search(text, at)) and (end := closing.search(text, begin.end())):
        parts += [text[at : begin.start()], replaced(begin, text[begin.end() : end.start()])]
        at = end.end()
    return "".join([*parts, text[at:]])


def _code(inside: str, language: str, dialect: Dialect) -> str:
    if dialect.is_html:
        return f"<pre><code>{html.escape(inside, quote=False)}</code></pre>"
    longest = max((len(run) for run in re.findall(r"`{3,}", inside)), default=2)
    ticks = "`" * (longest + 1)
    return f"\n{ticks}{language}\n{inside}\n{ticks}\n"


# --- one shortcode ---------------------------------------------------------------------------------------------


def _hugo(found: re.Match[str]) -> str:
    return _GONE if found["close"] else _shown(found["name"], found["arguments"]) or _GONE


def _liquid(found: re.Match[str]) -> str:
    if found["name"] == "include":
        return _included(found["arguments"]) or _GONE
    return _shown(found["name"], found["arguments"]) or _GONE


def _included(written: str) -> str:
    """The picture of `{% include figure.html url="/a.png" %}`, whatever the theme calls it; it is on the site."""
    named, _ = _arguments(written)
    source = _source(named)
    if not _PICTURE.search(source):
        return ""
    return _figure({**named, "src": _from_the_top(source)}, [])


def _from_the_top(address: str) -> str:
    return address if address.startswith("/") or "://" in address or not address else f"/{address}"


def _quoted(found: re.Match[str]) -> str:
    return _from_the_top(found["text"]) if found["filter"] in ("relative_url", "absolute_url") else found["text"]


def _tera(found: re.Match[str], dialect: Dialect) -> str:
    if dialect.is_tera or syntax.TERA_SURE.match(found["arguments"]):
        return _shown(found["name"], found["arguments"])
    return found[0]


def _shown(name: str, written: str) -> str:
    """What is left of a shortcode that stands alone: a picture, a link, the target of a reference, or nothing."""
    name = name.lower().rsplit("/", 1)[-1]
    named, plain = _arguments(written)
    if name in _REFERENCES:
        # `@/` is Zola's mark of a path within the content; `newsletter.posts.links` finds the file.
        wanted = named.get("path") or (plain[0] if plain else "")
        return f"@/{wanted.lstrip('/')}" if wanted else ""
    if name in _FIGURES:
        return _figure(named, plain)
    if name in _HOSTS:
        return _player(name, named, plain)
    return _figure(named, []) if _PICTURE.search(_source(named)) else ""


def _arguments(written: str) -> tuple[dict[str, str], list[str]]:
    named: dict[str, str] = {}
    plain: list[str] = []
    for found in syntax.ARGUMENT.finditer(written):
        value = next(value for value in (found["double"], found["single"], found["bare"]) if value is not None)
        value = re.sub(r"\\(.)", r"\1", value)
        if found["key"]:
            named[found["key"].lower()] = value
        else:
            plain.append(value)
    return named, plain


def _figure(named: dict[str, str], plain: list[str]) -> str:
    source = _source(named) or next((word for word in plain if _PICTURE.search(word)), "")
    if not source:
        return ""
    caption = re.sub(r"<[^<>]*>", "", named.get("caption") or named.get("description") or named.get("title") or "")
    alt = html.escape(named.get("alt") or caption)
    below = f"<figcaption>{html.escape(caption, quote=False)}</figcaption>" if caption else ""
    return f'<figure><img src="{html.escape(source)}" alt="{alt}">{below}</figure>'


def _source(named: dict[str, str]) -> str:
    return next((named[key] for key in _SOURCES if named.get(key)), "")


def _player(name: str, named: dict[str, str], plain: list[str]) -> str:
    words = [named[key] for key in ("id", "key", "url") if named.get(key)] or plain
    if not words:
        return ""
    # A gist is named by its owner and its number; a tweet sometimes by user and number.
    wanted = "/".join(words[:2]) if name == "gist" else words[-1]
    address = wanted if wanted.startswith("https://") else _HOSTS[name] + wanted
    return (
        f'<a href="{html.escape(address)}">{html.escape(named.get("title") or _LABELS.get(name, "See the post"))}</a>'
    )


def _alert(found: re.Match[str]) -> str:
    title = found["title"].strip() or found["name"].capitalize()
    return f"{found['quote']}**{title}**  "


def _admonition(found: re.Match[str]) -> str:
    title = found["title"] or _arguments(found["attributes"] or "")[0].get("title")
    return f"\n**{title}**\n" if title else ""


_STEPS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (syntax.MORE, MORE),
    (syntax.MARKDOWN_INSIDE, lambda found: f"{found['tag']}\n\n"),
    (syntax.HUGO, _hugo),
    (syntax.LIQUID_TAG, _liquid),
    (syntax.QUOTED_OUTPUT, _quoted),
    (syntax.TOC, ""),
    (syntax.TIGHT_HEADING, lambda found: f"{found['marks']} "),
    (syntax.BLANKS_IN_ADDRESS, lambda found: f"](<{found['address']}>)"),
    (syntax.HEADING_ID, lambda found: found["heading"]),
    (syntax.KRAMDOWN, ""),
    (syntax.SPAN_ATTRIBUTES, ""),
    (syntax.BLOCK_ATTRIBUTES, ""),
    (syntax.CAPTION, ""),
    (syntax.ADMONITION, _admonition),
    (syntax.ALERT, _alert),
)
