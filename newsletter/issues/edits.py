"""Edits in the text of `issue.md`, in place: whatever is not touched stays byte for byte.

ruamel.yaml gives the nodes and where they stand; the text itself is cut and filled here, because a file written back
from nodes is laid out anew (indents, quotes, line ends) and loses the comments behind what is taken out of a list.
Every edit takes the front matter's text and gives the new one; a path such as ("sections", 0, "posts") names a place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from newsletter.issues.nodes import (
    Path,
    after_colon,
    column,
    compose,
    dash,
    end_of_node,
    find,
    is_absent,
    is_null,
    start_of_node,
)

# What YAML's own reader refuses, and what would break a line.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_ESCAPES = {"\n": "\\n", "\t": "\\t"}
_LONGEST_COMMENT = 100


class NewItem(NamedTuple):
    value: str
    comment: str = ""


# --- whole edits ----------------------------------------------------------------------------------------------


def set_value(front: str, key: str, value: str) -> str:
    """The top-level `key` has `value`; it is added at the top if there is no such key."""
    root = compose(front)
    found, node = find(root, (key,))
    if found is None or node is None:
        return f"{_indent_of(front, root)}{key}: {scalar(value)}{newline(front)}{front}"
    return put_value(front, found, node, scalar(value))


def put_value(front: str, key: Node, node: Node, text: str) -> str:
    """`text` in place of the value of `key`; what stands behind it stays."""
    if is_absent(node):
        at = after_colon(front, key)
        return f"{front[:at]}{' ' if text else ''}{text}{front[at:]}"
    start, end = start_of_node(node), end_of_node(front, node)
    # The first line of a text in lines of its own (`subject: >`) may have a comment.
    comment = (
        re.match(r"[^\s#]+([ \t]+#[^\r\n]*)", front[start:end]) if getattr(node, "style", None) in ("|", ">") else None
    )
    return front[:start] + text + (comment[1] if comment else "") + front[end:]


def add_items(front: str, path: Path, items: Sequence[NewItem]) -> str:
    """`items` at the end of the list at `path`, which begins here if it is not there or empty."""
    root = compose(front)
    key, node = find(root, path)
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        indent = " " * column(front, dash(front, node.value[0]))
        return insert_lines(front, end_of_node(front, node), _item_lines(items, indent))
    if isinstance(node, SequenceNode):
        return _add_to_flow(front, node, ", ".join(scalar(item.value) for item in items))
    flow_items = f"[{', '.join(scalar(item.value) for item in items)}]"
    if key is None:
        return _add_key(front, find(root, path[:-1])[1], str(path[-1]), items, flow_items)
    _, parent = find(root, path[:-1])
    before, after = front[: after_colon(front, key)], without_null(front, key, node)
    if len(path) == 1 or (isinstance(parent, MappingNode) and parent.flow_style):
        return f"{before} {flow_items}{after}"
    indent = " " * (column(front, start_of_node(key)) + 2)
    return insert_lines(before + after, len(before), _item_lines(items, indent))


def add_section(front: str, position: int, title: str | None, items: Sequence[NewItem]) -> str:
    """A new section before the one that is `position`-th now, or at the end."""
    root = compose(front)
    key, node = find(root, ("sections",))
    if isinstance(node, SequenceNode) and node.flow_style and node.value:
        return _add_to_flow(front, node, _flow_section(title, items))
    if isinstance(node, SequenceNode) and node.value:
        first = dash(front, node.value[0])
        lines = _section_lines(title, items, " " * column(front, first))
        if position == 0:
            at = first - column(front, first)
            return front[:at] + "".join(line + newline(front) for line in lines) + front[at:]
        return insert_lines(front, end_of_node(front, node.value[position - 1]), lines)
    root_indent = _indent_of(front, root)
    lines = _section_lines(title, items, f"{root_indent}  ")
    if key is None:
        return front + "".join(line + newline(front) for line in [f"{root_indent}sections:", *lines])
    before, after = front[: after_colon(front, key)], without_null(front, key, node)
    return insert_lines(before + after, len(before), lines)


def remove_item(front: str, path: Path, *, as_comment: bool) -> str:
    """Without the list's item at `path`; `as_comment` keeps its lines, commented out."""
    root = compose(front)
    _, item = find(root, path)
    _, items = find(root, path[:-1])
    assert item is not None
    start, end = start_of_node(item), end_of_node(front, item)
    if isinstance(items, SequenceNode) and items.flow_style:
        # Within brackets there is no room for a comment, so it goes to the end.
        kept = f"# {one_line(front[start:end])}{newline(front)}" if as_comment else ""
        return cut_from_flow(front, start, end) + kept
    indent = column(front, dash(front, item))
    first, after = dash(front, item) - indent, line_end(front, end)
    kept = _commented_out(front[first:after], indent) if as_comment else ""
    return front[:first] + kept + front[after:]


def set_comment(front: str, path: Path, comment: str) -> str:
    """The comment that stands behind the item at `path` is another."""
    _, item = find(compose(front), path)
    assert item is not None
    at = end_of_node(front, item)
    found = re.compile(r"([ \t]+#[ \t]?)([^\r\n]*)").match(front, at)
    assert found is not None
    return front[: found.start(2)] + comment_text(comment) + front[found.end(2) :]


# --- pieces of text -------------------------------------------------------------------------------------------


def one_line(text: str) -> str:
    """`text` as one line without control characters."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def comment_text(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _LONGEST_COMMENT else line[: _LONGEST_COMMENT - 1].rstrip() + "…"


@lru_cache(maxsize=4096)
def scalar(value: str) -> str:
    """`value` as YAML writes it, in a line of its own or in a list; in quotes only where it must be."""
    for frame in (f"k: {value} # c", f"k: [{value}, c]"):
        try:
            root = YAML(typ="safe", pure=True).compose(frame)
        except (YAMLError, RecursionError, ValueError):
            return _quoted(value)
        node = root.value[0][1] if isinstance(root, MappingNode) and len(root.value) == 1 else None
        node = node.value[0] if isinstance(node, SequenceNode) and len(node.value) == 2 else node
        if not isinstance(node, ScalarNode) or node.style or is_null(node) or node.value != value or node.anchor:
            return _quoted(value)
    return value


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _UNPRINTABLE.sub(lambda found: _ESCAPES.get(found[0], f"\\u{ord(found[0]):04x}"), escaped) + '"'


def _item_lines(items: Sequence[NewItem], indent: str) -> list[str]:
    comments = (f"  # {comment_text(item.comment)}" if item.comment else "" for item in items)
    return [f"{indent}- {scalar(item.value)}{comment}" for item, comment in zip(items, comments, strict=True)]


def _section_lines(title: str | None, items: Sequence[NewItem], indent: str) -> list[str]:
    if title is None:
        return [f"{indent}- posts:", *_item_lines(items, f"{indent}    ")]
    return [f"{indent}- title: {scalar(title)}", f"{indent}  posts:", *_item_lines(items, f"{indent}    ")]


def _flow_section(title: str | None, items: Sequence[NewItem]) -> str:
    posts = f"posts: [{', '.join(scalar(item.value) for item in items)}]"
    return f"{{{posts}}}" if title is None else f"{{title: {scalar(title)}, {posts}}}"


def _add_to_flow(front: str, node: SequenceNode, text: str) -> str:
    if not node.value:
        at = start_of_node(node) + 1
        return front[:at] + text + front[at:]
    at = end_of_node(front, node.value[-1])
    return f"{front[:at]}, {text}{front[at:]}"


def _add_key(front: str, parent: Node | None, key: str, items: Sequence[NewItem], flow_items: str) -> str:
    is_root = not isinstance(parent, MappingNode) or start_of_node(parent) == _start_of_root(front)
    if not isinstance(parent, MappingNode) or not parent.value or is_root:
        return f"{front}{_indent_of(front, parent)}{key}: {flow_items}{newline(front)}"
    if parent.flow_style:
        last_key, last = parent.value[-1]
        at = after_colon(front, last_key) if is_absent(last) else end_of_node(front, last)
        return f"{front[:at]}, {key}: {flow_items}{front[at:]}"
    indent = " " * column(front, start_of_node(parent.value[0][0]))
    lines = [f"{indent}{key}:", *_item_lines(items, f"{indent}  ")]
    return insert_lines(front, end_of_node(front, parent), lines)


def _commented_out(text: str, indent: int) -> str:
    lines = re.findall(r"[^\n]+\n?", text)
    return "".join(f"{' ' * indent}# {line if line[:indent].strip() else line[indent:]}" for line in lines)


def cut_from_flow(front: str, start: int, end: int) -> str:
    if comma := re.compile(r"\s*,[ \t]*").match(front, end):
        return front[:start] + front[comma.end() :]
    return re.sub(r",\s*\Z", "", front[:start]) + front[end:]


def _start_of_root(front: str) -> int:
    root = compose(front)
    return 0 if root is None else start_of_node(root)


def _indent_of(front: str, root: Node | None) -> str:
    """What stands before the keys of the front matter; nothing, as a rule."""
    return " " * column(front, start_of_node(root)) if isinstance(root, MappingNode) and root.value else ""


def insert_lines(front: str, after: int, lines: Sequence[str]) -> str:
    at = line_end(front, after)
    ended = front[:at] if not at or front[at - 1] == "\n" else front[:at] + newline(front)
    return ended + "".join(line + newline(front) for line in lines) + front[at:]


def without_null(front: str, key: Node, node: Node | None) -> str:
    """What follows the key's colon, without the `~` or `[]` that says "nothing"."""
    if node is None or is_absent(node):
        return front[after_colon(front, key) :]
    return front[after_colon(front, key) : start_of_node(node)].rstrip(" ") + front[end_of_node(front, node) :]


def line_end(front: str, index: int) -> int:
    at = front.find("\n", index)
    return len(front) if at < 0 else at + 1


def newline(front: str) -> str:
    return "\r\n" if "\r\n" in front else "\n"
