"""YAML whose values arrive as they are written: `no` stays "no" and `012` stays "012".

What YAML 1.1 makes of them (False, 10) is never what the author of a post meant.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from newsletter.posts.files import Unreadable

_TEXT, _NULL, _STANDARD = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null", "tag:yaml.org,2002:"
_TABS = re.compile(r"^\t+", re.MULTILINE)


class _AsWritten(yaml.CSafeLoader):
    """Resolves nothing but null; every other plain value stays the text that the author wrote."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _NULL if implicit[0] and value in ("", "~", "null", "Null", "NULL") else _TEXT
        return _STANDARD


def yaml_as_written(raw: str, first_line: int) -> object:
    """The value of a YAML text that begins on `first_line` of its file; raises `Unreadable` with the line."""
    try:
        return _value(raw, first_line)
    except Unreadable as error:
        # YAML forbids to indent by tabs; Hexo reads them as blanks.
        with_blanks = _TABS.sub(lambda tabs: "  " * len(tabs[0]), raw)
        if with_blanks == raw:
            raise
        try:
            return _value(with_blanks, first_line)
        except Unreadable:
            raise error from None


def _value(raw: str, first_line: int) -> object:
    try:
        # An alias can make ten lines grow to gigabytes when they are walked; no post needs one.
        if re.search(r"[*]\w", raw):
            _refuse_aliases(raw, first_line)
        loader = _AsWritten(raw)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
        return None if node is None else _plain(node)
    except yaml.MarkedYAMLError as error:
        line = first_line + getattr(error.problem_mark or error.context_mark, "line", 0)
        raise Unreadable(f"the YAML front matter cannot be read: {_yaml_reason(error)}", line) from error
    except (yaml.YAMLError, ValueError) as error:
        raise Unreadable(f"the YAML front matter cannot be read: {_first_line(error)}", first_line) from error


def _plain(node: yaml.Node) -> object:
    """Text, lists and dictionaries: three times faster than a constructor, and nothing can be constructed."""
    if not node.tag.startswith(_STANDARD) or "python" in node.tag:
        raise yaml.MarkedYAMLError(problem=f"the tag {node.tag!r} is not allowed", problem_mark=node.start_mark)
    if isinstance(node, yaml.ScalarNode):
        return None if node.tag == _NULL else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return {_key(key): _plain(value) for key, value in node.value}


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.MarkedYAMLError(problem="unhashable key", problem_mark=node.start_mark)
    return str(node.value)


def _refuse_aliases(raw: str, first_line: int) -> None:
    for event in yaml.parse(raw, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            reason = f"the front matter uses the alias *{event.anchor}; write the value out, or put it in quotes"
            raise Unreadable(reason, first_line + getattr(event.start_mark, "line", 0))


def _yaml_reason(error: yaml.MarkedYAMLError) -> str:
    reason = error.problem or error.context or "it is no YAML"
    if "mapping values are not allowed" in reason:
        return "a value that holds `: ` must stand in quotes"
    if "cannot start any token" in reason:
        return "a value that begins with @, `, % or a tab must stand in quotes; lines are indented by spaces"
    if "unhashable" in reason:
        return "a value that begins with {{ must stand in quotes"
    return reason


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
