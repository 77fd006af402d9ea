"""The settings of a site, section by section, each value checked. `settings_file.py` reads them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from newsletter.models import Body
from newsletter.settings_values import (
    Address,
    AssetPattern,
    CheckLevels,
    Client,
    Clock,
    Colour,
    Duration,
    Fonts,
    ImagesMode,
    OneLine,
    Picture,
    ScheduleText,
    UtmPattern,
    WebAddress,
    Zone,
)

ENV_PREFIX = "NEWSLETTER_"
SECRET_KEYS = frozenset(
    {
        "api_key",
        "api_secret",
        "session_token",
        "username",
        "password",
        "webhook_secret",
        "metrics_token",
        "dkim_key_file",
    }
)
MIN_SECRET_KEY_BYTES = 32


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteSettings(Part):
    name: OneLine = Field(min_length=1)
    url: WebAddress = "http://127.0.0.1:8080"
    """Where `newsletter serve` is reached from outside; links in mail point there."""
    language: str = Field(default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    timezone: Zone = "UTC"
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


class UtmSettings(Part):
    """`{issue}` `{digest}` `{date}` `{position}` (the post in the issue, from 1) in each; an empty one is left out."""

    source: UtmPattern = "newsletter"
    medium: UtmPattern = "email"
    campaign: UtmPattern = "{issue}"
    content: UtmPattern = "{position}"


class DigestSettings(Part):
    title: OneLine = ""
    """Empty: the site's name."""
    schedule: ScheduleText = "thu 09:00"
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
    """Where its API is instead of at the provider's own address; the documented path follows."""
    region: str = ""
    """Of providers with several: `us-east-1` of Amazon SES, `eu` of Mailgun, SendGrid and SparkPost."""
    domain: str = ""
    """Mailgun's sending domain; the name by which we greet an SMTP server. Empty: the sender's domain."""
    stream: str = ""
    """Postmark's message stream, SES's configuration set, and the like."""
    host: str = ""
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    rate_per_s: float | None = Field(default=None, gt=0)
    """Mails a second at most; None: what the provider documents."""
    per_day: int | None = Field(default=None, ge=1)
    """Mails a day at most, over all issues."""
    connections: int | None = Field(default=None, ge=1, le=16)
    """Calls at a time; None: what helps with this provider."""
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
    api_secret: SecretStr | None = None
    """Where there are two: SES (access key id and secret), Mailjet."""
    session_token: SecretStr | None = None
    """Of temporary credentials of Amazon's."""
    username: SecretStr | None = None
    password: SecretStr | None = None
    fallback: ProviderSettings | None = None
    """Takes over what this provider certainly did not take, when it refuses to send at all or stays busy."""


class SendingSettings(Part):
    """When mail may leave and how much of it, whichever provider it leaves by."""

    warm_up: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """How many mails may leave on the first, second, … day on which a new domain sends."""
    not_before: Clock | None = None
    not_after: Clock | None = None
    spread: Duration | None = None
    """An issue leaves evenly over so long a time; None: as fast as the provider takes it."""
    max_refused: float = Field(default=0.1, gt=0, le=1)
    """The share of refused recipients above which an issue pauses itself."""
    min_refused: int = Field(default=50, ge=1)
    """With fewer refused ones than this it does not, whatever their share."""


class ServeSettings(Part):
    metrics_token: SecretStr | None = None
    """Who knows it may read `/metrics` from anywhere; None: only this machine may."""


class ImagesSettings(Part):
    url: AssetPattern = ""
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
    checks: CheckLevels = Field(default_factory=dict)
    """What the site says of single checks; the others have levels of their own."""
    provider: ProviderSettings = ProviderSettings()
    sending: SendingSettings = SendingSettings()
    serve: ServeSettings = ServeSettings()
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

    def through(self, provider: ProviderSettings) -> Settings:
        """The same site with another provider. Mail that is redirected is so through any: a fallback that does not say
        it would mail everybody."""
        redirect_to = provider.redirect_to or self.provider.redirect_to
        return self.model_copy(update={"provider": provider.model_copy(update={"redirect_to": redirect_to})})

    def digest_title(self, digest: str) -> str:
        return self.digests[digest].title or self.site.name
