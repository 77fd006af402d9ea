"""The settings of a site, section by section, each value checked. `settings_file.py` reads them."""

from __future__ import annotations

import difflib
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from newsletter.models import Body
from newsletter.schedules import Schedule

ENV_PREFIX = "NEWSLETTER_"
SECRET_KEYS = frozenset(
    {"api_key", "api_secret", "session_token", "username", "password", "webhook_secret", "dkim_key_file"}
)
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


def _picture(value: str) -> str:
    if re.match(r"https?://", value):
        return _web_address(value)
    if value and (re.match(r"/|\\|[A-Za-z][\w+.-]*:", value) or ".." in value.split("/")):
        raise ValueError("must be an address that begins with https://, or a file in the site's folder, like logo.png")
    return value


def _asset_pattern(value: str) -> str:
    if value and "{name}" not in value:
        raise ValueError("must hold {name}, like https://cdn.example.org/{issue}/{name}")
    return _web_address(value)


def _schedule(value: str) -> str:
    if value:
        Schedule.parse(value)
    return value


def _colour(value: str) -> str:
    found = re.fullmatch(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", value)
    if not found:
        raise ValueError('is no colour; write it like "#0b6068"')
    digits = found[1].lower()
    # Outlook for Windows reads six digits only.
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def _fonts(value: str) -> str:
    stack = value.replace('"', "'").strip()
    if not re.fullmatch(r"[\w '.,-]+", stack) or stack.count("'") % 2:
        raise ValueError("is no list of fonts; write it like \"'Segoe UI', Arial, sans-serif\"")
    if stack.rpartition(",")[2].strip() not in ("serif", "sans-serif", "monospace"):
        raise ValueError("must end with serif, sans-serif or monospace: what is shown where none of the fonts is")
    return stack


ImagesMode = Literal["hosted", "embedded", "linked"]
OneLine = Annotated[str, AfterValidator(_one_line)]
Colour = Annotated[str, AfterValidator(_colour)]
Fonts = Annotated[str, AfterValidator(_fonts)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Address = Annotated[str, AfterValidator(_address)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Picture = Annotated[str, AfterValidator(_picture)]
"""An address on the web, or a path within the site's folder."""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Client = Literal[
    "aol", "apple-mail", "fastmail", "free-fr", "gmail", "gmx", "hey", "ionos-1and1", "laposte", "mail-ru", "orange",
    "outlook", "outlook-windows", "protonmail", "rainloop", "samsung-email", "sfr", "t-online-de", "thunderbird",
    "web-de", "wp-pl", "yahoo",
]  # fmt: skip
"""caniemail's families; Outlook for Windows apart."""
CheckLevel = Literal["error", "warning", "off"]


def _check_ids(value: object) -> object:
    if not isinstance(value, dict):
        return value
    # A variable of the environment cannot hold a hyphen (NEWSLETTER_CHECKS__HTML_SIZE), and it wins over the file.
    named = sorted(value.items(), key=lambda pair: "_" in str(pair[0]))
    return {str(key).lower().replace("_", "-"): level for key, level in named}


class SiteSettings(Part):
    name: OneLine = Field(min_length=1)
    url: WebAddress = "http://127.0.0.1:8080"
    """Where `newsletter serve` is reached from outside; links in mail point there."""
    language: str = Field(default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    clients: tuple[Client, ...] = ("apple-mail", "gmail", "outlook", "outlook-windows", "samsung-email", "yahoo")
    """For which `newsletter check` says what would not show."""

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
    feedback_id: str = Field(default="", pattern=r"^([A-Za-z0-9_-]{5,15})?$")
    """Names the sender in Feedback-ID, for ever the same; Google wants 5 to 15 characters. Empty: no such header."""
    dkim_selector: str = Field(default="", pattern=r"^([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*)?$")
    """Empty: letters that leave by SMTP are not signed here."""
    dkim_domain: str = ""
    """Empty: that of `email`."""
    dkim_key_file: str = "data/dkim.key"
    """Within the site's folder, or absolute. From the environment or `.env` only."""


class PostsSettings(Part):
    folder: str = "posts"
    url: str = ""
    """Pattern of a post's address: `{path}` `{slug}` `{yyyy}` `{mm}` `{dd}`. Empty: read on in the web version."""


class SectionSettings(Part):
    title: OneLine
    tags: tuple[str, ...] = ()
    folder: str = ""


class PaletteSettings(Part):
    """The colours of one scheme, `#rrggbb`; None: the theme's own."""

    page: Colour | None = None
    card: Colour | None = None
    """Behind the texts of the posts."""
    tint: Colour | None = None
    """Behind quotes, code and the notice."""
    rule: Colour | None = None
    heading: Colour | None = None
    text: Colour | None = None
    quiet: Colour | None = None
    accent: Colour | None = None
    """Links, and the button's own colour."""
    on_accent: Colour | None = None
    """The text of a button."""


class DesignSettings(Part):
    """How the mails of all digests look; None: as the theme says in its `design.toml`."""

    light: PaletteSettings = PaletteSettings()
    dark: PaletteSettings = PaletteSettings()
    body_font: Fonts | None = None
    heading_font: Fonts | None = None
    width: int | None = Field(default=None, ge=480, le=640)
    """Of the mail, in pixels."""
    margin: int | None = Field(default=None, ge=12, le=64)
    """Left and right of the text, in pixels."""
    radius: int | None = Field(default=None, ge=0, le=24)
    """Of the corners, in pixels; Outlook for Windows shows them square."""
    logo: Picture = ""
    logo_dark: Picture = ""
    """Shown instead where a mail client tells that it is dark; empty: the same logo."""
    logo_width: int = Field(default=160, ge=16, le=480)
    """Shown width in pixels; the file should have twice as many."""


def _utm_pattern(value: str) -> str:
    names = {"issue", "digest", "date", "position"}
    if unknown := set(re.findall(r"\{(.*?)\}", value)) - names:
        raise ValueError(f"has {{{min(unknown)}}}; there are {', '.join(f'{{{name}}}' for name in sorted(names))}")
    return value


UtmPattern = Annotated[OneLine, AfterValidator(_utm_pattern)]


class UtmSettings(Part):
    """`{issue}` `{digest}` `{date}` `{position}` (the post in the issue, from 1) in each; an empty one is left out."""

    source: UtmPattern = "newsletter"
    medium: UtmPattern = "email"
    campaign: UtmPattern = "{issue}"
    content: UtmPattern = "{position}"


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
    body: Body = "summary"
    """How much of each post the mail shows; less where Gmail would clip it."""
    sections: tuple[SectionSettings, ...] = ()
    images: ImagesMode = "hosted"
    """Where the pictures are: at the site's address, within the mail, or left where the posts have them."""
    utm: UtmSettings | None = None
    """None: links stay as they are."""
    notice: str = ""
    """Markdown of a notice or a sponsor's words, below the posts of every issue."""


class ProviderSettings(Part):
    name: str = "outbox"
    base_url: WebAddress = ""
    domain: str = ""
    """The name by which we greet an SMTP server; empty: the sender's domain."""
    stream: str = ""
    host: str = ""
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    rate_per_s: float | None = Field(default=None, gt=0)
    batch_size: int | None = Field(default=None, ge=1)
    patience: Duration = timedelta(minutes=30)
    """How long a run waits on a busy provider before it stops, resumable."""
    timeout: Duration = timedelta(seconds=60)
    """How long one call may take before its outcome counts as unsure."""
    redirect_to: Address = ""
    """Every mail goes there instead, marked; for trying a real provider."""
    misbehave: str = ""
    """Only of the fake provider: which faults it shows (see `newsletter.providers.fake`)."""
    api_key: SecretStr | None = None
    username: SecretStr | None = None
    password: SecretStr | None = None


class ImagesSettings(Part):
    url: Annotated[str, AfterValidator(_asset_pattern)] = ""
    """Where the files of `issues/<id>/assets/` are on the web: `{issue}`, `{name}`. Empty: `serve` has them."""
    max_kb: int = Field(default=200, ge=10, le=5_000)
    """Of one picture, in thousands of bytes; an animated GIF may have 1,000."""
    max_total_kb: int = Field(default=1_000, ge=10, le=20_000)
    """Of all pictures of a mail."""


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
    design: DesignSettings = DesignSettings()
    digests: dict[str, DigestSettings] = Field(default_factory=lambda: {"weekly": DigestSettings()})
    checks: Annotated[dict[str, CheckLevel], BeforeValidator(_check_ids)] = Field(default_factory=dict)
    """What the site says of single checks; the others have levels of their own."""
    provider: ProviderSettings = ProviderSettings()
    images: ImagesSettings = ImagesSettings()
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
