"""Moves and changes the items of lists in the text of `issue.md`, in place (see `edits`).

An item is cut out with its own lines and comments and put in elsewhere, indented as its new neighbours are. Where a
list in brackets has no room for its comments, they go to the end of the front matter.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from newsletter.issues.edits import (
    cut_from_flow,
    insert_lines,
    line_end,
    newline,
    put_value,
    scalar,
    without_null,
)
from newsletter.issues.nodes import (
    Path,
    after_colon,
    column,
    comments_in,
    compose,
    dash,
    end_of_node,
    find,
    is_absent,
    is_null,
    start_of_node,
)

_BARE = re.compile(r"[\w.+:-]*\w")


class Piece(NamedTuple):
    """An item of a list, out of its place."""

    lines: tuple[str, ...]
    """As it stands in a list with dashes, without the indent of its dash and without line ends."""
    flow: str
    """As it stands in brackets."""
    comments: tuple[str, ...]
    """What brackets have no room for."""


def cut(front: str, path: Path) -> tuple[str, Piece]:
    """The text without the list's item at `path`, and the item."""
    root = compose(front)
    item, items = find(root, path)[1], find(root, path[:-1])[1]
    assert item is not None
    start, end = start_of_node(item), end_of_node(front, item)
    flow = scalar(item.value) if isinstance(item, ScalarNode) else _in_brackets(item)
    if isinstance(items, SequenceNode) and items.flow_style:
        comments = comments_in(front, start, end)
        return with_comments(cut_from_flow(front, start, end), comments), Piece((f"- {flow}",), flow, ())
    indent = column(front, dash(front, item))
    first, after = dash(front, item) - indent, line_end(front, end)
    comments = comments_in(front, first, after)
    lines = tuple(_less_indented(line, indent) for line in re.split(r"\r?\n", front[first:after].rstrip("\r\n")))
    return front[:first] + front[after:], Piece(lines, flow, comments)


def put(front: str, path: Path, position: int, piece: Piece) -> str:
    """The text with the item before the `position`-th of the list at `path`, or at its end."""
    root = compose(front)
    key, items = find(root, path)
    if isinstance(items, SequenceNode) and items.value:
        return (_put_flow if items.flow_style else _put_block)(front, items, position, piece)
    parent = find(root, path[:-1])[1]
    if isinstance(parent, MappingNode) and parent.flow_style and len(path) > 1:
        return with_comments(_begin_flow(front, parent, key, items, str(path[-1]), piece), piece.comments)
    if key is None:
        return _begin_key(front, parent, str(path[-1]), piece)
    before, after = front[: after_colon(front, key)], without_null(front, key, items)
    return insert_lines(before + after, len(before), _indented(piece, column(front, start_of_node(key)) + 2))


def _put_block(front: str, items: SequenceNode, position: int, piece: Piece) -> str:
    first = dash(front, items.value[0])
    lines = _indented(piece, column(front, first))
    if position > 0:
        # Behind the one before, so that a comment above the next one stays with it.
        return insert_lines(front, end_of_node(front, items.value[min(position, len(items.value)) - 1]), lines)
    at = first - column(front, first)
    return front[:at] + "".join(line + newline(front) for line in lines) + front[at:]


def _put_flow(front: str, items: SequenceNode, position: int, piece: Piece) -> str:
    if position < len(items.value):
        at = start_of_node(items.value[position])
        return with_comments(f"{front[:at]}{piece.flow}, {front[at:]}", piece.comments)
    at = end_of_node(front, items.value[-1])
    return with_comments(f"{front[:at]}, {piece.flow}{front[at:]}", piece.comments)


def _begin_flow(front: str, parent: MappingNode, key: Node | None, items: Node | None, name: str, piece: Piece) -> str:
    if key is not None:
        return f"{front[: after_colon(front, key)]} [{piece.flow}]{without_null(front, key, items)}"
    return _insert_pair(front, parent, f"{name}: [{piece.flow}]")


def _begin_key(front: str, parent: Node | None, name: str, piece: Piece) -> str:
    """A list where there is no such key yet, at the end of its parent."""
    if not isinstance(parent, MappingNode) or not parent.value:
        return front + "".join(line + newline(front) for line in (f"{name}:", *_indented(piece, 2)))
    indent = column(front, start_of_node(parent.value[0][0]))
    lines = [f"{' ' * indent}{name}:", *_indented(piece, indent + 2)]
    return insert_lines(front, end_of_node(front, parent), lines)


# --- a value of an item ------------------------------------------------------------------------------------------


def set_key(front: str, path: Path, key: str, value: str) -> str:
    """The item at `path` has `key: value`; a bare id becomes `{id: …, key: value}` where it stands."""
    item = find(compose(front), path)[1]
    assert item is not None
    if not isinstance(item, MappingNode):
        pair = f"{{id: {scalar(str(item.value))}, {key}: {scalar(value)}}}"
        return front[: start_of_node(item)] + pair + front[end_of_node(front, item) :]
    found, node = find(item, (key,))
    if found is not None and node is not None:
        return put_value(front, found, node, scalar(value))
    if item.flow_style:
        return _insert_pair(front, item, f"{key}: {scalar(value)}")
    last_key, last = next(((k, v) for k, v in item.value if k.value == "id"), item.value[-1])
    indent = " " * column(front, start_of_node(item.value[0][0]))
    after = after_colon(front, last_key) if is_absent(last) else end_of_node(front, last)
    return insert_lines(front, after, [f"{indent}{key}: {scalar(value)}"])


def drop_key(front: str, path: Path, key: str) -> str:
    """The item at `path` without `key`; in brackets, what then is nothing but an id becomes the bare id."""
    item = find(compose(front), path)[1]
    found, node = find(item, (key,))
    if not isinstance(item, MappingNode) or found is None or node is None:
        return front
    start = start_of_node(found)
    end = after_colon(front, found) if is_absent(node) else end_of_node(front, node)
    if item.flow_style:
        only_id = [str(v.value) for k, v in item.value if k.value == "id"] if len(item.value) == 2 else []
        whole_end = end_of_node(front, item)
        if only_id and not comments_in(front, start_of_node(item), whole_end):
            return front[: start_of_node(item)] + scalar(only_id[0]) + front[whole_end:]
        return cut_from_flow(front, start, end)
    line_start = start - column(front, start)
    if not front[line_start:start].strip() and not comments_in(front, start, line_end(front, end)):
        return front[:line_start] + front[line_end(front, end) :]
    # It shares its line with the dash or a comment: an empty value says the same.
    return front if is_absent(node) else put_value(front, found, node, "")


def _insert_pair(front: str, mapping: MappingNode, pair: str) -> str:
    if not mapping.value:
        at = start_of_node(mapping) + 1
        return front[:at] + pair + front[at:]
    last_key, last = mapping.value[-1]
    at = after_colon(front, last_key) if is_absent(last) else end_of_node(front, last)
    return f"{front[:at]}, {pair}{front[at:]}"


# --- pieces of text ----------------------------------------------------------------------------------------------


def _in_brackets(node: Node) -> str:
    """Any node in one line."""
    if isinstance(node, MappingNode):
        return f"{{{', '.join(f'{_in_brackets(key)}: {_in_brackets(value)}' for key, value in node.value)}}}"
    if isinstance(node, SequenceNode):
        return f"[{', '.join(_in_brackets(value) for value in node.value)}]"
    if is_null(node):
        return "~"
    written = scalar(str(node.value))
    # A number or a date that stood bare stays one.
    is_bare = isinstance(node, ScalarNode) and not node.style and "\n" not in node.value
    return str(node.value) if is_bare and _BARE.fullmatch(node.value) else written


def _less_indented(line: str, indent: int) -> str:
    return line[indent:] if not line[:indent].strip() else line.lstrip(" ")


def _indented(piece: Piece, indent: int) -> list[str]:
    return [f"{' ' * indent}{line}" if line.strip() else line for line in piece.lines]


def with_comments(front: str, comments: tuple[str, ...]) -> str:
    ended = front if not comments or front.endswith("\n") or not front else front + newline(front)
    return ended + "".join(f"{comment}{newline(front)}" for comment in comments)
