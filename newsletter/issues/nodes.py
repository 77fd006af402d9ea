"""The nodes of the front matter of `issue.md`, and where each stands in the text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

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
    ScalarToken,
)

Path = tuple[str | int, ...]

_NULL_TAG = "tag:yaml.org,2002:null"
_DEEPEST = 50


class YamlProblem(Exception):
    """No YAML: what is wrong, and at which character."""

    def __init__(self, problem: str, index: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.index = index


@lru_cache(maxsize=8)
def compose(front: str) -> MappingNode | None:
    """The nodes of the front matter, to be looked at only; None where it is empty. Raises `YamlProblem`."""
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


def comments_in(front: str, start: int, end: int) -> tuple[str, ...]:
    """The comments that stand between two places of the text, from their `#` on, in order."""
    texts = [
        (int(token.start_mark.index), int(token.end_mark.index))
        for token in YAML(typ="safe", pure=True).scan(front)
        if isinstance(token, ScalarToken)
    ]
    found = re.compile(r"(?:(?<=[\s\[{,])|(?<![\s\S]))#[^\r\n]*")
    return tuple(
        one[0].rstrip()
        for one in found.finditer(front, start, end)
        if not any(first <= one.start() < last for first, last in texts)
    )


def end_of_node(front: str, node: Node) -> int:
    """Where the node's own text ends: without the comments, blank lines and indents that YAML counts to a block."""
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        if isinstance(last, tuple):
            return after_colon(front, last[0]) if is_absent(last[1]) else end_of_node(front, last[1])
        return end_of_node(front, last)
    start = start_of_node(node)
    return start + len(front[start : node.end_mark.index].rstrip())


def is_absent(node: Node) -> bool:
    # YAML gives a value that is not there the place of whatever comes next.
    return is_null(node) and not node.value and start_of_node(node) == node.end_mark.index


def after_colon(front: str, key: Node) -> int:
    """Where the value of `key` begins, or would."""
    return front.index(":", key.end_mark.index) + 1


def dash(front: str, item: Node) -> int:
    """Where the `-` of a list's item stands."""
    dashes = (_index(token) for token in YAML(typ="safe", pure=True).scan(front) if isinstance(token, BlockEntryToken))
    return max(index for index in dashes if index <= start_of_node(item))


def column(front: str, index: int) -> int:
    """Characters from the line's beginning, 0 for the first."""
    return index - (front.rfind("\n", 0, index) + 1)


def _index(token: Any) -> int:
    return int(token.start_mark.index)


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
