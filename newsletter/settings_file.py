"""`newsletter.toml` + `.env` + environment → `Settings`.

The environment wins over `.env`, `.env` over the file (`NEWSLETTER_<SECTION>__<KEY>`). Every bad value is reported at
once, each with its line or the variable it came from. Secrets come from the environment or `.env` only.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import BaseModel, ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from newsletter.emails.design import design_of, faint
from newsletter.errors import BadInput, NoSite, Place, TemplateBroken
from newsletter.settings import ENV_PREFIX, MIN_SECRET_KEY_BYTES, SECRET_KEYS, DigestSettings, Settings

FILE_NAME = "newsletter.toml"


def find_site(start: Path) -> Path:
    """The site folder at `start` or the nearest above it."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise NoSite(
        f"no {FILE_NAME} in {start} or above it",
        fix="run `newsletter new DIR` to make a site, then go there or name it with --site DIR",
    )


def load(folder: Path, *, environ: Mapping[str, str] | None = None) -> Settings:
    """The checked settings of the site in `folder`; raises `BadInput` with every bad value."""
    environ = os.environ if environ is None else environ
    text = _read(folder / FILE_NAME)
    from_file = _parse(text)
    from_env = _environment(folder, environ)
    places = [*_secrets_in_file(from_file, text), *_unknown_variables(environ), *_unreadable_lines(folder / ".env")]
    merged = _merge(from_file, from_env)
    try:
        settings = Settings.model_validate({**merged, "folder": folder})
    except ValidationError as error:
        places += list(_places(error, from_env, text))
        settings = None
    if settings is not None:
        places += [*_cross_checks(settings, text), *_faint_colours(settings, from_env, text)]
    if places or settings is None:
        unique = sorted(set(places), key=lambda place: (_line_of(place.where), place))
        only_env = all(place.where.startswith("NEWSLETTER_") for place in unique)
        where = "the environment or in .env" if unique and only_env else folder / FILE_NAME
        raise BadInput(f"{FILE_NAME} cannot be used as it is:", places=unique, fix=f"mend these in {where}")
    return settings


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{FILE_NAME} is not in UTF-8 (byte {error.start})", fix=f"save {path} as UTF-8") from error
    except OSError as error:
        raise NoSite(f"{path} cannot be read: {error.strerror}", fix="look at its rights") from error


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+), column (\d+)", str(error))
        number = int(found[1]) if found else text.count("\n") + 1
        what = re.sub(r"\s*\(at .*\)$", "", str(error))
        lines = text.splitlines() or [""]
        shown = lines[min(number, len(lines)) - 1].strip()
        column = f":{found[2]}" if found else ""
        raise BadInput(
            f"{FILE_NAME} is no valid TOML:",
            places=[Place(f"{FILE_NAME}:{number}{column}", f"{what}: {shown}")],
            fix="mend that line; text values stand in quotes",
        ) from error


class _FromEnvironment(EnvSettingsSource):
    """pydantic-settings' own reader, over a mapping that is handed in instead of `os.environ`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {key.lower(): value for key, value in self._environ.items()}


def _environment(folder: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    in_file = folder / ".env"
    try:
        dotenv = DotEnvSettingsSource(Settings, env_file=in_file)() if in_file.is_file() else {}
        values = _merge(dotenv, _FromEnvironment(environ)())
    except ValueError as error:
        written = {**(dotenv_values(in_file) if in_file.is_file() else {}), **environ}
        # Without the value: it may be a table with a secret in it.
        places = [Place(name, "is no valid JSON") for name, value in written.items() if _is_unreadable(name, value)]
        raise BadInput(
            "an environment variable cannot be read:",
            places=places,
            fix=f"write lists as JSON, as in {ENV_PREFIX}SENDING__WARM_UP='[50, 100]'",
        ) from error
    values.pop("folder", None)
    return values


def _is_unreadable(name: str, value: str | None) -> bool:
    """pydantic-settings names only the section that a value was meant for."""
    try:
        _FromEnvironment({name: value or ""})()
    except ValueError:
        return True
    return False


def _unreadable_lines(dotenv: Path) -> Iterator[Place]:
    """Lines of `.env` that python-dotenv would pass over: a secret would be missing, and nobody told."""
    if not dotenv.is_file():
        return
    with dotenv.open(encoding="utf-8", errors="replace") as lines:
        for binding in parse_stream(lines):
            if binding.error:
                yield Place(f".env:{binding.original.line}", "is no NAME=value; a value with spaces stands in quotes")


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _secrets_in_file(from_file: Mapping[str, Any], text: str) -> Iterator[Place]:
    for path in _secret_paths(from_file):
        variable = ENV_PREFIX + "__".join(path).upper()
        yield Place(
            _where(path, {}, text), f"a secret does not belong into this file; set {variable} or put it into .env"
        )


def _secret_paths(from_file: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for place in (("provider",), ("provider", "fallback"), ("sender",), ("serve",)):
        table: Any = from_file
        for name in place:
            table = table.get(name) if isinstance(table, dict) else None
        yield from ((*place, key) for key in (table if isinstance(table, dict) else ()) if key in SECRET_KEYS)
    if "secret_key" in from_file:
        yield ("secret_key",)


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[Place]:
    sections = [name for name in Settings.model_fields if name not in ("folder", "secret_key")]
    for variable in environ:
        section, delimiter, _ = variable.upper().removeprefix(ENV_PREFIX).partition("__")
        if variable.upper().startswith(ENV_PREFIX) and delimiter and section.lower() not in sections:
            yield Place(variable, f"there is no section [{section.lower()}]; there are {', '.join(sections)}")


def _cross_checks(settings: Settings, text: str) -> Iterator[Place]:
    sending, fallback = settings.sending, settings.provider.fallback
    if sending.not_before and sending.not_before == sending.not_after:
        yield Place(_where(("sending", "not_after"), {}, text), "sending.not_after is sending.not_before: never")
    if fallback and fallback.fallback:
        where = _where(("provider", "fallback", "fallback"), {}, text)
        yield Place(where, "provider.fallback.fallback: a fallback has none of its own")
    for name, digest in settings.digests.items():
        path = ("digests", name)
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            yield Place(
                _where(path, {}, text), f"{name!r}: a digest's name has lower-case letters, digits and hyphens only"
            )
        if digest.min_posts > digest.max_posts:
            yield Place(_where((*path, "min_posts"), {}, text), f"digests.{name}: min_posts is larger than max_posts")
    if settings.secret_key is not None:
        keys = settings.secret_key.get_secret_value().split(",")
        if any(len(key.strip().encode()) < MIN_SECRET_KEY_BYTES for key in keys):
            yield Place("NEWSLETTER_SECRET_KEY", f"each key needs at least {MIN_SECRET_KEY_BYTES} bytes")


def _faint_colours(settings: Settings, from_env: Mapping[str, Any], text: str) -> Iterator[Place]:
    """Colours of the site that nobody could read; each once, also where several digests have them."""
    for theme in sorted({digest.theme for digest in settings.digests.values()}):
        try:
            design = design_of(settings, theme)
        except TemplateBroken as error:
            yield Place(f"templates/{error.template}", error.problem)
            continue
        for colour in faint(design):
            name = f"design.{colour.scheme}.{colour.name}"
            yield Place(_where(tuple(name.split(".")), from_env, text), f"{name}: {colour.problem}")


def _places(error: ValidationError, from_env: Mapping[str, Any], text: str) -> Iterator[Place]:
    for detail in error.errors(include_url=False):
        path = tuple(str(part) for part in detail["loc"] if part != "[key]")
        yield Place(_where(path, from_env, text), _explain(path, detail))


def _explain(path: tuple[str, ...], detail: Any) -> str:
    name = ".".join(path)
    match detail["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(path[-1], _known_keys(path[:-1]), n=1)
            return f"{name}: there is no such setting" + (f"; did you mean {near[0]!r}?" if near else "")
        case "missing":
            return f"{name} is missing"
        case "tuple_type":
            return f"{name}: {_shown(path, detail['input'])} is no list"
        case "value_error":
            return f"{name}: {_shown(path, detail['input'])} {detail['ctx']['error']}"
        case _:
            return f"{name}: {_shown(path, detail['input'])}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _shown(path: tuple[str, ...], value: object) -> str:
    return "this value" if path[-1] in SECRET_KEYS or path[-1] == "secret_key" else repr(value)


def _known_keys(path: tuple[str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in path:
        if part in model.model_fields and part != "digests":
            annotation = model.model_fields[part].annotation
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                model = annotation
        elif model is Settings:
            model = DigestSettings
    return [name for name in model.model_fields if name != "folder"]


def _where(path: tuple[str, ...], from_env: Mapping[str, Any], text: str) -> str:
    node: Any = from_env
    for part in path:
        node = node.get(part) if isinstance(node, dict) else None
    if node is not None:
        return ENV_PREFIX + "__".join(path).upper()
    lines = _lines_by_path(text)
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return f"{FILE_NAME}:{lines[path[:length]]}"
    return FILE_NAME


def _line_of(where: str) -> int:
    return int(where.split(":")[1]) if where.startswith(f"{FILE_NAME}:") else 0


def _lines_by_path(text: str) -> dict[tuple[str, ...], int]:
    """The line on which each table and key begins; tomllib itself does not tell."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\[?([^\[\]]+)\]\]?\s*(#.*)?$", line):
            table = _dotted(header[1])
            lines.setdefault(table, number)
        elif key := re.match(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""", line):
            path = table + _dotted(key[1])
            lines.setdefault(path, number)
    return lines


def _dotted(name: str) -> tuple[str, ...]:
    return tuple(
        part.strip().strip("\"'") for part in cast("list[str]", re.findall(r"\"[^\"]*\"|'[^']*'|[^.\s]+", name))
    )
