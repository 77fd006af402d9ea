"""Splits a post file into its front matter and its body.

YAML between `---`, TOML between `+++`, a JSON object, Pelican's and MultiMarkdown's `Key: value` lines, `<meta>` of an
HTML page, or none at all. Values of YAML arrive as they are written: `no` stays "no" and `012` stays "012", because
what YAML 1.1 makes of them (False, 10) is never what the author of a post meant.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from newsletter.models import BodyFormat
from newsletter.posts.files import Unreadable
from newsletter.posts.vocabulary import HEADER
from newsletter.posts.yaml_text import yaml_as_written

MAX_FRONT_MATTER_BYTES = 64 * 1024

Kind = Literal["yaml", "toml", "json", "header", "html", "none"]

_FENCE = re.compile(r"\A\s*^(?P<fence>---|\+\+\+)(?P<language>[a-z]*)[ \t]*\n", re.MULTILINE)
_YAML_END = re.compile(r"^(?:---|\.\.\.)[ \t]*$\n?", re.MULTILINE)
_TOML_END = re.compile(r"^\+\+\+[ \t]*$\n?", re.MULTILINE)
_TABLE_WITH_KEY = re.compile(r"^([ \t]*\[{1,2}[\w.-]+\]{1,2})[ \t]+(?=[\w\"'])", re.MULTILINE)
_JSON_START = re.compile(r'\A\s*\{\s*(?:"|\})')
_HEADER_LINE = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9_-]*(?: [A-Za-z0-9_-]+){0,2}):(?:[ \t]+(?P<value>.*)|[ \t]*)$")
_KEY_LINE = re.compile(r"^[A-Za-z_][\w -]*:(?:\s|$)")


class FrontMatter(NamedTuple):
    fields: Mapping[str, Any]
    body: str
    kind: Kind = "none"
    raw: str = ""
    first_line: int = 1
    """The line of the file on which `raw` begins."""
    body_line: int = 1
    """The line of the file on which the body begins."""
    notes: tuple[str, ...] = ()

    def line_of(self, key: str) -> int:
        """Where the key stands in the file; the front matter's first line where it cannot be found."""
        name = re.escape(key)
        pattern = rf"""^[ \t]*(?:-[ \t]+)?["']?{name}["']?[ \t]*[:=]|=["']?{name}["'\s]"""
        found = re.search(pattern, self.raw, re.MULTILINE | re.IGNORECASE)
        return self.first_line + (self.raw.count("\n", 0, found.start()) if found else 0)


def split(text: str, body_format: BodyFormat) -> FrontMatter:
    """The front matter and the body of a post file; raises `Unreadable` with the line."""
    front = _split_once(text, body_format)
    if front.kind not in ("yaml", "toml", "json"):
        return front
    return _without_second(front)


def _split_once(text: str, body_format: BodyFormat) -> FrontMatter:
    if fence := _FENCE.match(text):
        return _fenced(text, fence)
    if _JSON_START.match(text):
        return _json_object(text)
    if body_format == "html":
        return _page(text)
    return _hexo(text) or _header(text)


def _hexo(text: str) -> FrontMatter | None:
    """YAML that is only closed by `---`, as Hexo allows it."""
    if not _KEY_LINE.match(text):
        return None
    end = _YAML_END.search(text, 0, MAX_FRONT_MATTER_BYTES)
    if end is None or end[0].startswith("."):
        return None
    raw = text[: end.start()]
    try:
        fields = yaml_as_written(raw, 1)
    except (Unreadable, RecursionError):
        return None
    if not isinstance(fields, dict) or "title" not in fields or re.search(r"\n[ \t]*\n", raw):
        return None
    return FrontMatter(fields, text[end.end() :], "yaml", raw, 1, text.count("\n", 0, end.end()) + 1)


def _page(text: str) -> FrontMatter:
    from newsletter.posts.html import body_start, page_fields

    body, start = body_start(text)
    return FrontMatter(page_fields(text), body, "html", text[:start], 1, text.count("\n", 0, start) + 1)


def _without_second(front: FrontMatter) -> FrontMatter:
    # Two programs each put theirs in front, or a post was pasted with its own: the text would begin with raw YAML.
    try:
        second = _split_once(front.body, "text")
    except Unreadable:
        return front
    if second.kind not in ("yaml", "toml") or not {"title", "date"} & {str(key).lower() for key in second.fields}:
        return front
    line = front.body_line + second.first_line - 2
    note = f"has a second front matter in line {line}: the first counts, the second is left out"
    return front._replace(body=second.body, body_line=front.body_line + second.body_line - 1, notes=(note,))


def _fenced(text: str, fence: re.Match[str]) -> FrontMatter:
    language = fence["language"] or ("toml" if fence["fence"] == "+++" else "yaml")
    opening = text.count("\n", 0, fence.start("fence")) + 1
    end = (_TOML_END if fence["fence"] == "+++" else _YAML_END).search(text, fence.end())
    if end is None:
        return _unclosed(text, fence, opening)
    raw = text[fence.end() : end.start()]
    _check_size(raw, opening)
    fields = _parse(raw, language, opening + 1)
    fields = {} if fields is None else fields  # Jekyll wants two bare lines where there is nothing to say
    if not isinstance(fields, dict):
        return _not_a_mapping(text, fields, language, opening)
    body_line = text.count("\n", 0, end.end()) + 1
    kind: Kind = "toml" if language == "toml" else "json" if language == "json" else "yaml"
    return FrontMatter(_with_text_keys(fields), text[end.end() :], kind, raw, opening + 1, body_line)


def _unclosed(text: str, fence: re.Match[str], opening: int) -> FrontMatter:
    first = text[fence.end() :].lstrip().split("\n", 1)[0]
    if fence["fence"] == "---" and not _KEY_LINE.match(first):
        return FrontMatter({}, text)  # a rule, with text below
    raise Unreadable(f"the front matter that begins here is not closed by a line {fence['fence']}", opening)


def _not_a_mapping(text: str, fields: object, language: str, opening: int) -> FrontMatter:
    if language == "yaml" and isinstance(fields, str):
        return FrontMatter({}, text)  # text between two rules
    raise Unreadable("the front matter is a list or a single value; it must have lines like `title: …`", opening + 1)


def _check_size(raw: str, opening: int) -> None:
    size = len(raw.encode())
    if size > MAX_FRONT_MATTER_BYTES:
        reason = f"the front matter has {size // 1024} KB; it may have {MAX_FRONT_MATTER_BYTES // 1024} KB"
        raise Unreadable(reason, opening)


def _with_text_keys(fields: Mapping[Any, Any]) -> dict[str, Any]:
    return {key if isinstance(key, str) else str(key): value for key, value in fields.items()}


def _parse(raw: str, language: str, first_line: int) -> object:
    try:
        if language in ("yaml", "yml"):
            return yaml_as_written(raw, first_line)
        if language == "toml":
            return _toml(raw, first_line)
        if language == "json":
            return _json(raw, first_line)
    except RecursionError as error:
        raise Unreadable("the front matter is nested too deeply", first_line) from error
    raise Unreadable(f"front matter in {language!r} cannot be read; YAML, TOML and JSON can", first_line - 1)


# --- TOML and JSON --------------------------------------------------------------------------------------------


def _toml(raw: str, first_line: int) -> object:
    try:
        try:
            return tomllib.loads(raw)
        except tomllib.TOMLDecodeError:
            # Old Zola read a table and its first key on one line.
            if (apart := _TABLE_WITH_KEY.sub(r"\1\n", raw)) == raw:
                raise
            return tomllib.loads(apart)
    except (tomllib.TOMLDecodeError, ValueError) as error:
        found = re.search(r"line (\d+)", str(error))
        line = first_line + (int(found[1]) - 1 if found else max(raw.count("\n") - 1, 0))
        reason = re.sub(r"\s*\(at .*\)$", "", _first_line(error))
        raise Unreadable(f"the TOML front matter cannot be read: {reason}; text stands in quotes", line) from error


def _json(raw: str, first_line: int) -> object:
    try:
        fields = json.loads(raw)
        json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate pair can be written, but is no text
        return fields
    except UnicodeEncodeError as error:
        raise Unreadable("the JSON front matter holds half of a surrogate pair (\\ud8…)", first_line) from error
    except ValueError as error:
        raise Unreadable(_json_reason(error), first_line + getattr(error, "lineno", 1) - 1) from error


def _json_object(text: str) -> FrontMatter:
    start = text.index("{")
    opening = text.count("\n", 0, start) + 1
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
        fields = _json(text[start:end], opening)
    except ValueError as error:
        raise Unreadable(_json_reason(error), getattr(error, "lineno", opening)) from error
    except RecursionError as error:
        raise Unreadable("the front matter is nested too deeply", opening) from error
    _check_size(text[start:end], opening)
    if not isinstance(fields, dict):
        return FrontMatter({}, text)
    line = text.count("\n", 0, end) + 1
    body = text[end:]
    if body.startswith("\n"):
        body, line = body[1:], line + 1
    return FrontMatter(fields, body, "json", text[start:end], opening, line)


def _json_reason(error: ValueError) -> str:
    return f"the JSON front matter cannot be read: {getattr(error, 'msg', _first_line(error))}"


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


# --- Key: value -----------------------------------------------------------------------------------------------


def _header(text: str) -> FrontMatter:
    start = len(text) - len(text.lstrip())
    lines = text[start:].split("\n")
    fields: dict[str, Any] = {}
    count = 0
    key = ""
    for line in lines:
        if found := _HEADER_LINE.match(line):
            key = found["key"].lower()
            fields[key] = (found["value"] or "").strip()
        elif key and re.match(r"(?: {4}|\t)\s*\S", line):
            fields[key] = f"{fields[key]}\n{line.strip()}".strip()
        else:
            break
        count += 1
    known = HEADER & fields.keys()
    if "title" not in known and len(known) < 2:
        return FrontMatter({}, text)
    raw = "\n".join(lines[:count])
    first_line = text.count("\n", 0, start) + 1
    _check_size(raw, first_line)
    return FrontMatter(fields, "\n".join(lines[count:]), "header", raw, first_line, first_line + count)
