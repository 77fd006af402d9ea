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
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.tokens import (
    AliasToken,
    BlockEntryToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
)

Path = tuple[str | int, ...]

_NULL_TAG = "tag:yaml.org,2002:null"
# What YAML's own reader refuses, and what would break a line.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_LONGEST_COMMENT = 100
_DEEPEST = 50


class YamlProblem(Exception):
    """No YAML: what is wrong, and at which character."""

    def __init__(self, problem: str, index: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.index = index


class NewItem(NamedTuple):
    value: str
    comment: str = ""


# --- reading --------------------------------------------------------------------------------------------------


def compose(front: str) -> MappingNode | None:
    """The nodes of the front matter; None where it is empty. Raises `YamlProblem`."""
    try:
        _refuse_bombs(front)
        node = YAML(typ="safe", pure=True).compose(front)
    except ReaderError as error:
        raise YamlProblem("a character that no text file should hold", error.position) from error
    except MarkedYAMLError as error:
        raise _problem(error) from error
    except (YAMLError, RecursionError, ValueError) as error:
        raise YamlProblem("this is no YAML", 0) from error
    if node is None or is_null(node):
        return None
    if not isinstance(node, MappingNode) or node.flow_style:
        raise YamlProblem("lines such as `subject: …` are wanted", 0)
    return node


def _refuse_bombs(front: str) -> None:
    """Aliases (a few lines of them stand for billions of nodes) and deep nesting (the time grows with its square)."""
    if "*" not in front and front.count("[") + front.count("{") <= _DEEPEST:
        return
    depth = 0
    for token in YAML(typ="safe", pure=True).scan(front):
        if isinstance(token, AliasToken):
            raise YamlProblem("a * at the beginning is an alias in YAML: put the text in quotes", _index(token))
        depth += isinstance(token, FlowSequenceStartToken | FlowMappingStartToken)
        depth -= isinstance(token, FlowSequenceEndToken | FlowMappingEndToken)
        if depth > _DEEPEST:
            raise YamlProblem("brackets within brackets, too deep", _index(token))


def is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and str(node.ctag) == _NULL_TAG


def start_of_node(node: Node) -> int:
    return int(node.start_mark.index)


def find(root: Node | None, path: Path) -> tuple[Node | None, Node | None]:
    """The key and the value at `path`; None where there is none."""
    key: Node | None = None
    node = root
    for part in path:
        if isinstance(part, int):
            key, node = None, node.value[part] if isinstance(node, SequenceNode) else None
        else:
            pairs = node.value if isinstance(node, MappingNode) else []
            key, node = next(((k, v) for k, v in pairs if k.value == part), (None, None))
    return key, node


def comment_behind(front: str, node: Node) -> str | None:
    """What stands behind a `#` at the end of the node's last line."""
    found = re.compile(r"[ \t]+#[ \t]?(.*)").match(front, end_of_node(front, node))
    return found[1].strip() if found else None


def end_of_node(front: str, node: Node) -> int:
    """Where the node's own text ends: without the comments, blank lines and indents that YAML counts to a block."""
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        if isinstance(last, tuple):
            return _after_colon(front, last[0]) if _is_absent(last[1]) else end_of_node(front, last[1])
        return end_of_node(front, last)
    start = start_of_node(node)
    return start + len(front[start : node.end_mark.index].rstrip())


# --- editing --------------------------------------------------------------------------------------------------


def set_value(front: str, key: str, value: str) -> str:
    """The top-level `key` has `value`; it is added at the top if there is no such key."""
    found, node = find(compose(front), (key,))
    if found is None or node is None:
        return f"{key}: {scalar(value)}{_newline(front)}{front}"
    if _is_absent(node):
        at = _after_colon(front, found)
        return f"{front[:at]} {scalar(value)}{front[at:]}"
    return front[: start_of_node(node)] + scalar(value) + front[end_of_node(front, node) :]


def add_items(front: str, path: Path, items: Sequence[NewItem]) -> str:
    """`items` at the end of the list at `path`, which begins here if it is not there or empty."""
    root = compose(front)
    key, node = find(root, path)
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        indent = " " * _column(front, _dash(front, node.value[0]))
        return _insert_lines(front, end_of_node(front, node), _item_lines(items, indent))
    if isinstance(node, SequenceNode):
        return _add_to_flow(front, node, ", ".join(scalar(item.value) for item in items))
    flow_items = f"[{', '.join(scalar(item.value) for item in items)}]"
    if key is None:
        return _add_key(front, find(root, path[:-1])[1], str(path[-1]), items, flow_items)
    _, parent = find(root, path[:-1])
    before, after = front[: _after_colon(front, key)], _without_null(front, key, node)
    if len(path) == 1 or (isinstance(parent, MappingNode) and parent.flow_style):
        return f"{before} {flow_items}{after}"
    indent = " " * (_column(front, start_of_node(key)) + 2)
    return _insert_lines(before + after, len(before), _item_lines(items, indent))


def add_section(front: str, position: int, title: str | None, items: Sequence[NewItem]) -> str:
    """A new section before the one that is `position`-th now, or at the end."""
    key, node = find(compose(front), ("sections",))
    if isinstance(node, SequenceNode) and node.flow_style and node.value:
        return _add_to_flow(front, node, _flow_section(title, items))
    if isinstance(node, SequenceNode) and node.value:
        dash = _dash(front, node.value[0])
        lines = _section_lines(title, items, " " * _column(front, dash))
        if position == 0:
            at = front.rfind("\n", 0, dash) + 1
            return front[:at] + "".join(line + _newline(front) for line in lines) + front[at:]
        return _insert_lines(front, end_of_node(front, node.value[position - 1]), lines)
    lines = _section_lines(title, items, "  ")
    if key is None:
        return front + "".join(line + _newline(front) for line in ["sections:", *lines])
    before, after = front[: _after_colon(front, key)], _without_null(front, key, node)
    return _insert_lines(before + after, len(before), lines)


def remove_item(front: str, path: Path, *, as_comment: bool) -> str:
    """Without the list's item at `path`; `as_comment` keeps its lines, commented out."""
    root = compose(front)
    _, item = find(root, path)
    _, items = find(root, path[:-1])
    assert item is not None
    start, end = start_of_node(item), end_of_node(front, item)
    if isinstance(items, SequenceNode) and items.flow_style:
        # Within brackets there is no room for a comment, so it goes to the end.
        kept = f"# {one_line(front[start:end])}{_newline(front)}" if as_comment else ""
        return _cut_from_flow(front, start, end) + kept
    dash = _dash(front, item)
    first, after = front.rfind("\n", 0, dash) + 1, _line_end(front, end)
    if not as_comment:
        return front[:first] + front[after:]
    lines = re.findall(r"[^\n]+\n?", front[first:after])
    column = dash - first
    kept = "".join(f"{' ' * column}# {line[column:] if not line[:column].strip() else line}" for line in lines)
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
    return '"' + _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'


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
    if not isinstance(parent, MappingNode) or not parent.value or _column(front, start_of_node(parent)) == 0:
        return f"{front}{key}: {flow_items}{_newline(front)}"
    if parent.flow_style:
        last_key, last = parent.value[-1]
        at = _after_colon(front, last_key) if _is_absent(last) else end_of_node(front, last)
        return f"{front[:at]}, {key}: {flow_items}{front[at:]}"
    indent = " " * _column(front, start_of_node(parent.value[0][0]))
    lines = [f"{indent}{key}:", *_item_lines(items, f"{indent}  ")]
    return _insert_lines(front, end_of_node(front, parent), lines)


def _cut_from_flow(front: str, start: int, end: int) -> str:
    if comma := re.compile(r"\s*,[ \t]*").match(front, end):
        return front[:start] + front[comma.end() :]
    return re.sub(r",\s*\Z", "", front[:start]) + front[end:]


def _insert_lines(front: str, after: int, lines: Sequence[str]) -> str:
    at = _line_end(front, after)
    ended = front[:at] if not at or front[at - 1] == "\n" else front[:at] + _newline(front)
    return ended + "".join(line + _newline(front) for line in lines) + front[at:]


def _without_null(front: str, key: Node, node: Node | None) -> str:
    """What follows the key's colon, without the `~` or `[]` that says "nothing"."""
    if node is None or _is_absent(node):
        return front[_after_colon(front, key) :]
    return front[_after_colon(front, key) : start_of_node(node)].rstrip(" ") + front[end_of_node(front, node) :]


def _is_absent(node: Node) -> bool:
    # YAML gives a value that is not there the place of whatever comes next.
    return is_null(node) and not node.value and start_of_node(node) == node.end_mark.index


def _after_colon(front: str, key: Node) -> int:
    return front.index(":", key.end_mark.index) + 1


def _dash(front: str, item: Node) -> int:
    dashes = (_index(token) for token in YAML(typ="safe", pure=True).scan(front) if isinstance(token, BlockEntryToken))
    return max(dash for dash in dashes if dash <= start_of_node(item))


def _column(front: str, index: int) -> int:
    return index - (front.rfind("\n", 0, index) + 1)


def _line_end(front: str, index: int) -> int:
    at = front.find("\n", index)
    return len(front) if at < 0 else at + 1


def _newline(front: str) -> str:
    return "\r\n" if "\r\n" in front else "\n"


def _index(token: object) -> int:
    return int(token.start_mark.index)  # type: ignore[attr-defined]


def _problem(error: MarkedYAMLError) -> YamlProblem:
    problem = str(error.problem or "this is no YAML")
    mark = error.problem_mark or error.context_mark
    if "mapping values are not allowed" in problem:
        problem = 'a ":" inside a text: put the text in quotes, as in subject: "The week: five posts"'
    elif "'\\t'" in problem:
        problem = "a tab cannot indent in YAML: use spaces"
    elif "end" in problem and error.context_mark is not None:
        mark, problem = error.context_mark, f"{error.context}: {problem}"
    return YamlProblem(problem, 0 if mark is None else int(mark.index))
