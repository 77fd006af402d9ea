"""Finds and fills templates: the site's own first, file by file, then the packaged ones. The only importer of Jinja2.

A theme is a folder in `templates/` with an `issue.mjml.j2`. A name in `{% include %}` is looked for in the digest's
theme, then in that of the template that names it, then in the default theme, then from `templates/` itself, so that a
theme needs to hold only what it does differently, also where a part of the default theme names it. Templates get the
values they need and nothing else: no settings, no environment.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError, pass_context
from jinja2.environment import Environment
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from newsletter.emails import lines, text
from newsletter.emails.folders import DEFAULT_THEME, packaged_templates, tables
from newsletter.emails.lines import Origin
from newsletter.emails.slots import Slots
from newsletter.errors import BadInput, TemplateBroken
from newsletter.settings import Settings

ISSUE_TEMPLATE = "issue.mjml.j2"
EXCERPT_LINES = 2
"""How many lines before and after the bad one are shown."""

_FAULTS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""What a mistake in a template can raise while it is filled."""

_slots: ContextVar[Slots | None] = ContextVar("slots", default=None)
_theme: ContextVar[str] = ContextVar("theme", default=DEFAULT_THEME)
_joined: ContextVar[dict[tuple[str, str], str] | None] = ContextVar("joined", default=None)
"""Where names led to while one template is filled: a part is included once a post, and to look costs file accesses."""
_safe: dict[tuple[type, str], bool] = {}
"""Which attributes of which types templates may see; a few hundred, as templates name them."""


# --- where templates are ---------------------------------------------------------------------------------------


def environment(settings: Settings) -> Environment:
    """The site's templates over the packaged ones, sandboxed; a missing value is an error, HTML is escaped."""
    return _environment(settings.templates_folder, packaged_templates())


def packaged_environment() -> Environment:
    """The packaged templates alone: for pages that must be there while the site's own are broken."""
    return _environment(packaged_templates(), packaged_templates())


def forget() -> None:
    """Look for every template anew: a file that a site adds hides a packaged one that was read already."""
    _environment.cache_clear()


@lru_cache(maxsize=8)
def _environment(site: Path, packaged: Path) -> Environment:
    made = _ThemeEnvironment(
        loader=FileSystemLoader([site, packaged]),
        autoescape=lambda name: not (name or "").endswith((".txt.j2", ".css")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_output,
        extensions=[_LineMarks],
    )
    made.filters.update(wrap=text.wrap, underline=text.underline)
    return made


class _ThemeEnvironment(ImmutableSandboxedEnvironment):
    def join_path(self, template: str, parent: str) -> str:
        joined = _joined.get()
        if joined is None:
            return self._join(template, parent)
        key = (template, parent)
        if key not in joined:
            joined[key] = self._join(template, parent)
        return joined[key]

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """As Jinja2 decides, which looks only at the type: its dozen questions were a sixth of a rendering (3.1)."""
        key = (type(obj), attr)
        if key not in _safe:
            _safe[key] = super().is_safe_attribute(obj, attr, value)
        return _safe[key]

    def _join(self, template: str, parent: str) -> str:
        themes = (_theme.get(), parent.partition("/")[0], DEFAULT_THEME)
        candidates = (f"{theme}/{template}" for theme in themes)
        return next((name for name in candidates if _find(self, name)), template)


class _LineMarks(Extension):
    """Marks in MJML templates where each line comes from, for errors that MJML finds only in the filled text."""

    def filter_stream(self, stream: TokenStream) -> TokenStream | Iterator[Token]:
        if not (stream.name or "").endswith(".mjml.j2"):
            return stream
        return (
            Token(token.lineno, token.type, lines.marked(token.value, str(stream.name), token.lineno))
            if token.type == "data"
            else token
            for token in stream
        )


@pass_context  # without a context Jinja2 would call it once at compile time for constants
def _output(_: Context, value: object) -> object:
    slots = _slots.get()
    return slots.output(value) if slots else "" if value is None else value


def _roots(env: Environment) -> list[Path]:
    assert isinstance(env.loader, FileSystemLoader)
    return [Path(root) for root in env.loader.searchpath]


def _find(env: Environment, name: str) -> Path | None:
    return next((root / name for root in _roots(env) if (root / name).is_file()), None)


# --- filling ---------------------------------------------------------------------------------------------------


def fill(env: Environment, name: str, values: Mapping[str, Any], *, slots: Slots | None = None) -> str:
    """The filled template. With `slots`, every text it prints is a token. Raises `TemplateBroken`."""
    token = _slots.set(slots)
    try:
        return env.get_template(name).render(values)
    except _FAULTS as error:
        raise _broken(env, name, error) from error
    finally:
        _slots.reset(token)


class Theme:
    """One theme of a site: its templates, style rules and words, the default theme's where it has none."""

    def __init__(self, settings: Settings, name: str) -> None:
        """Raises `BadInput` when there is no such theme."""
        self.env = environment(settings)
        self.name = name
        themes = sorted({path.parent.name for root in _roots(self.env) for path in root.glob(f"*/{ISSUE_TEMPLATE}")})
        if name not in themes:
            raise BadInput(
                f"there is no theme {name!r}; there are: {', '.join(themes)}",
                fix=f"make templates/{name}/{ISSUE_TEMPLATE}, or name another theme in newsletter.toml",
            )

    def path(self, name: str) -> str:
        """The theme's own file of that name, else the default theme's."""
        return self.env.join_path(name, f"{self.name}/")

    def fill(self, name: str, values: Mapping[str, Any], *, slots: Slots | None = None) -> str:
        theme, joined = _theme.set(self.name), _joined.set({})
        try:
            return fill(self.env, self.path(name), values, slots=slots)
        finally:
            _joined.reset(joined)
            _theme.reset(theme)

    def read(self, name: str) -> str:
        """A file of the theme as it is, a style sheet."""
        return _read(self.env, self.path(name))

    def words(self, language: str) -> dict[str, Any]:
        """The words of `words.toml` in a language; what it lacks, in the plain one (`de` of `de-AT`), else English.

        `knows_dates` says whether the names of the months are in the language itself.
        """
        own = (language.partition("-")[0].lower(), language.lower())
        order = list(dict.fromkeys(("en", *own)))
        found: dict[str, dict[str, Any]] = {wanted: {} for wanted in order}
        for languages in tables(_roots(self.env), self.name, "words.toml"):
            for key, table in languages.items():
                found.get(key.lower(), {}).update(table)
        merged = {"knows_dates": any("months" in found[wanted] for wanted in own)}
        for wanted in order:
            merged.update(found[wanted])
        return merged

    def broken(self, problem: str, origin: Origin | None) -> TemplateBroken:
        """The error for a problem that showed after the theme was filled."""
        template, line = origin or (self.path(ISSUE_TEMPLATE), None)
        return _template_broken(self.env, problem, template=template, line=line)


def _read(env: Environment, name: str) -> str:
    path = _find(env, name)
    if path is None:
        raise TemplateBroken(f"the file {name} is missing", template=name, fix=f"put it into templates/{name}")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        problem = f"{name} is not in UTF-8 (byte {error.start})"
        raise TemplateBroken(problem, template=name, fix=f"save {path} as UTF-8") from error


# --- errors ----------------------------------------------------------------------------------------------------


def _excerpt(env: Environment, name: str, line: int) -> str:
    """The lines of a template around one, the line itself marked."""
    path = _find(env, name)
    all_lines = path.read_text("utf-8", "replace").splitlines() if path else []
    shown = range(max(1, line - EXCERPT_LINES), min(len(all_lines), line + EXCERPT_LINES) + 1)
    return "\n".join(f"{'>' if number == line else ' '} {number:4} {all_lines[number - 1]}" for number in shown)


def _template_broken(env: Environment, problem: str, *, template: str, line: int | None) -> TemplateBroken:
    """The error that names the template, its line and the lines around."""
    path = _find(env, template) or template
    where = f"{template}, line {line}" if line else template
    around = f"\n{_excerpt(env, template, line)}" if line else ""
    return TemplateBroken(f"{where}: {problem}{around}", template=template, line=line, fix=f"mend {path}")


def _broken(env: Environment, name: str, error: Exception) -> TemplateBroken:
    if isinstance(error, TemplateSyntaxError):
        return _template_broken(env, str(error.message), template=error.name or name, line=error.lineno)
    template, line = _place(env, error) or (name, None)
    if isinstance(error, TemplateNotFound):
        problem = f"the template {error.name} does not exist"
    else:
        problem = f"{type(error).__name__}: {error}"
    return _template_broken(env, problem, template=template, line=line)


def _place(env: Environment, error: Exception) -> tuple[str, int] | None:
    """The innermost template line in a traceback; Jinja2 puts templates' file names and lines into it."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        for root in _roots(env):
            if frame.lineno and Path(frame.filename).is_relative_to(root):
                return Path(frame.filename).relative_to(root).as_posix(), frame.lineno
    return None
