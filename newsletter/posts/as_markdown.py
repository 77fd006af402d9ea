"""Text and HTML → Markdown that shows what the source showed, and that a person can edit."""

from __future__ import annotations

import re

import lxml.html
from markdownify import markdownify

from newsletter.posts import text as plain
from newsletter.posts.rework import inner_html
from newsletter.posts.sanitize import safe_html

# Template tags and shortcodes are text in a source that is no template: a backslash between the two characters keeps
# them text for every generator that reads Markdown, and shows nothing.
_TEMPLATE = re.compile(r"(\{)(?=[{%:#.])")
_ESCAPED = re.compile(r"[\\`*_\[\]<>~|]|(?<=\{)[{%:#.]|&(?=#?\w{1,40};)|!(?=\[)")
_AT_START = re.compile(
    r"^(?:(?P<mark>#{1,6}(?=\s|$)|[+-](?=\s|$)|=+\s*$|-{2,}\s*$|:{3,})|(?P<number>\d{1,9})(?P<dot>[.)])(?=\s|$))"
)
_BREAK, _MORE = "\ue010", "\ue011"


def text_to_markdown(text: str) -> str:
    """Paragraphs stay paragraphs, `•` and numbered lines become lists, bare addresses links; nothing else is markup."""
    return "\n\n".join(_block(lines) for lines in plain.blocks(_clean(text))) + "\n"


def _clean(text: str) -> str:
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ue000-\ue011]", "", text.replace("\r\n", "\n").replace("\r", "\n"))


def _block(lines: list[str]) -> str:
    what = plain.is_list(lines)
    if what == "bullet":
        return "\n".join(f"- {_line(item)}" for item in plain.items(lines))
    if what == "number":
        first = plain.numbers(lines)[0]
        return "\n".join(f"{number}. {_line(item)}" for number, item in enumerate(plain.items(lines), first))
    joint = "\n" if plain.is_wrapped(lines) else "\\\n"
    return joint.join(_line(line.strip()) for line in lines)


def _line(text: str) -> str:
    parts = []
    end = 0
    for start, address in plain.addresses_in(text):
        parts += [_escaped(text[end:start]), _link(address)]
        end = start + len(address)
    return _guarded("".join([*parts, _escaped(text[end:])]))


def _escaped(text: str) -> str:
    return _ESCAPED.sub(r"\\\g<0>", text)


def _link(address: str) -> str:
    if "://" in address and not re.search(r"[\\`{}]", address):
        return f"<{address}>"
    target = re.sub(r"[<>\\\s]", "", plain.target(address))
    return f"[{_escaped(address)}](<{target}>)" if "{" not in target else _escaped(address)


def _guarded(line: str) -> str:
    """The line with what Markdown would take for a heading, a list or a rule at its beginning made text."""
    found = _AT_START.match(line)
    if found is None:
        return line
    if found["mark"]:
        return "\\" + line
    return f"{found['number']}\\{line[found.start('dot') :]}"


# --- HTML -----------------------------------------------------------------------------------------------------


def html_to_markdown(markup: str) -> str:
    """The markup as Markdown; scripts and styles are left out, a more-marker is kept."""
    markup = re.sub(r"<!--\s*more[^>]*-->", _MORE, _clean(markup), flags=re.IGNORECASE)
    tree = lxml.html.fragment_fromstring(safe_html(markup), create_parent="div")
    _guard_templates(tree)
    written = markdownify(inner_html(tree), heading_style="ATX", bullets="-", escape_misc=True)
    written = written.replace(_BREAK, "\\").replace(_MORE, "\n\n<!--more-->\n\n")
    return (
        re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+$", "", _keep_breaks(str(written)), flags=re.MULTILINE)).strip() + "\n"
    )


def _guard_templates(tree: lxml.html.HtmlElement) -> None:
    for element in tree.iter():
        in_code = any(parent.tag in ("pre", "code") for parent in (element, *element.iterancestors()))
        if element.text and not in_code:
            element.text = _TEMPLATE.sub(rf"\1{_BREAK}", element.text)
        above_is_code = any(parent.tag in ("pre", "code") for parent in element.iterancestors())
        if element.tail and not above_is_code:
            element.tail = _TEMPLATE.sub(rf"\1{_BREAK}", element.tail)


def _keep_breaks(written: str) -> str:
    # Two blanks at the end of a line are a break that no editor shows and many programs take away.
    return re.sub(r"(?<=\S)  \n(?=\S)", "\\\\\n", written)
