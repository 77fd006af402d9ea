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
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from zoneinfo import ZoneInfo, available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from newsletter.errors import BadInput, NoSite, Place
from newsletter.schedules import Schedule

FILE_NAME = "newsletter.toml"
ENV_PREFIX = "NEWSLETTER_"
SECRET_KEYS = frozenset({"api_key", "api_secret", "session_token", "username", "password", "webhook_secret"})
MIN_SECRET_KEY_BYTES = 32

_DURATION = re.compile(
    r"(?:(?P<weeks>\d+)w)?(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not value or not found:
        raise ValueError('is no duration; write for example "28d", "12h" or "30m"')
    return timedelta(**{unit: int(count) for unit, count in found.groupdict().items() if count})


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("must be one line without control characters")
    return value.strip()


def _zone(value: str) -> str:
    if value not in available_timezones():
        near = difflib.get_close_matches(value, available_timezones(), n=1)
        raise ValueError("is no time zone that this machine knows" + (f"; did you mean {near[0]!r}?" if near else ""))
    return value


def _address(value: str) -> str:
    if not value:
        return value
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"is no e-mail address: {error}") from error


def _web_address(value: str) -> str:
    if value and not re.match(r"https?://[^/\s]+", value):
        raise ValueError("must be an address that begins with https://")
    return value.rstrip("/")


def _schedule(value: str) -> str:
    if value:
        Schedule.parse(value)
    return value


OneLine = Annotated[str, AfterValidator(_one_line)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Address = Annotated[str, AfterValidator(_address)]
WebAddress = Annotated[str, AfterValidator(_web_address)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteSettings(Part):
    name: OneLine = Field(min_length=1)
    url: WebAddress = "http://127.0.0.1:8080"
    """Where `newsletter serve` is reached from outside; links in mail point there."""
    language: str = Field(default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class SenderSettings(Part):
    name: OneLine = ""
    """Empty: the site's name."""
    email: Address = Field(min_length=3)
    reply_to: Address = ""
    postal_address: str = ""
    unsubscribe_email: Address = ""


class PostsSettings(Part):
    folder: str = "posts"
    url: str = ""
    """Pattern of a post's address: `{path}` `{slug}` `{yyyy}` `{mm}` `{dd}`. Empty: read on in the web version."""


class SectionSettings(Part):
    title: OneLine
    tags: tuple[str, ...] = ()
    folder: str = ""


class DigestSettings(Part):
    title: OneLine = ""
    """Empty: the site's name."""
    schedule: Annotated[str, AfterValidator(_schedule)] = "thu 09:00"
    """Empty: built by hand for any date."""
    approval: Literal["required", "automatic"] = "required"
    min_posts: int = Field(default=1, ge=1)
    max_posts: int = Field(default=30, ge=1)
    lookback: Duration = timedelta(days=28)
    catch_up: Duration | None = None
    """None: one period of the schedule."""
    theme: str = "default"
    sections: tuple[SectionSettings, ...] = ()


class ProviderSettings(Part):
    name: str = "outbox"
    base_url: WebAddress = ""
    region: str = ""
    domain: str = ""
    stream: str = ""
    host: str = ""
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    rate_per_s: float | None = Field(default=None, gt=0)
    connections: int | None = Field(default=None, ge=1, le=64)
    batch_size: int | None = Field(default=None, ge=1)
    patience: Duration = timedelta(minutes=30)
    """How long a run waits on a busy provider before it stops, resumable."""
    timeout: Duration = timedelta(seconds=60)
    """How long one call may take before its outcome counts as unsure."""
    redirect_to: Address = ""
    misbehave: str = ""
    """Only of the fake provider: which faults it shows (see `newsletter.providers.fake`)."""
    api_key: SecretStr | None = None
    api_secret: SecretStr | None = None
    session_token: SecretStr | None = None
    username: SecretStr | None = None
    password: SecretStr | None = None
    webhook_secret: SecretStr | None = None


class DatabaseSettings(Part):
    url: str = "sqlite:///data/newsletter.db"


class Settings(BaseSettings):
    """The settings of one site, checked. `folder` is the site's folder, absolute."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, env_file_encoding="utf-8"
    )

    folder: Path = Field(exclude=True)
    site: SiteSettings
    sender: SenderSettings
    posts: PostsSettings = PostsSettings()
    digests: dict[str, DigestSettings] = Field(default_factory=lambda: {"weekly": DigestSettings()})
    provider: ProviderSettings = ProviderSettings()
    database: DatabaseSettings = DatabaseSettings()
    secret_key: SecretStr | None = None

    @property
    def sender_name(self) -> str:
        return self.sender.name or self.site.name

    @property
    def posts_folder(self) -> Path:
        return (self.folder / self.posts.folder).resolve()

    @property
    def issues_folder(self) -> Path:
        return self.folder / "issues"

    @property
    def templates_folder(self) -> Path:
        return self.folder / "templates"

    @property
    def data_folder(self) -> Path:
        return self.folder / "data"

    @property
    def outbox_folder(self) -> Path:
        return self.folder / "outbox"

    def digest_title(self, digest: str) -> str:
        return self.digests[digest].title or self.site.name


# --- loading --------------------------------------------------------------------------------------------------


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
    places = [*_secrets_in_file(from_file, text), *_unknown_variables(environ)]
    merged = _merge(from_file, from_env)
    try:
        settings = Settings.model_validate({**merged, "folder": folder})
    except ValidationError as error:
        places += list(_places(error, from_env, text))
        settings = None
    if settings is not None:
        places += list(_cross_checks(settings, text))
    if places or settings is None:
        unique = sorted(set(places), key=lambda place: (_line_of(place.where), place))
        raise BadInput(
            f"{FILE_NAME} cannot be used as it is:", places=unique, fix=f"mend these in {folder / FILE_NAME}"
        )
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
    try:
        dotenv = DotEnvSettingsSource(Settings, env_file=folder / ".env")() if (folder / ".env").is_file() else {}
        values = _merge(dotenv, _FromEnvironment(environ)())
    except ValueError as error:
        raise BadInput(f"an environment variable cannot be read: {error}", fix="lists are written as JSON") from error
    values.pop("folder", None)
    return values


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _secrets_in_file(from_file: Mapping[str, Any], text: str) -> Iterator[Place]:
    provider = from_file.get("provider")
    named = [("provider", key) for key in provider if key in SECRET_KEYS] if isinstance(provider, dict) else []
    for path in [*named, *([("secret_key",)] if "secret_key" in from_file else [])]:
        variable = ENV_PREFIX + "__".join(path).upper()
        yield Place(
            _where(path, {}, text), f"a secret does not belong into this file; set {variable} or put it into .env"
        )


def _unknown_variables(environ: Mapping[str, str]) -> Iterator[Place]:
    sections = [name for name in Settings.model_fields if name not in ("folder", "secret_key")]
    for variable in environ:
        section, delimiter, _ = variable.upper().removeprefix(ENV_PREFIX).partition("__")
        if variable.upper().startswith(ENV_PREFIX) and delimiter and section.lower() not in sections:
            yield Place(variable, f"there is no section [{section.lower()}]; there are {', '.join(sections)}")


def _cross_checks(settings: Settings, text: str) -> Iterator[Place]:
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
