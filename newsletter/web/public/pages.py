"""Fills the templates of the public pages, in the site's language where `templates/web/words.toml` has it."""

from __future__ import annotations

import logging
import tomllib
from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from newsletter.emails import theme
from newsletter.emails.design import SITE_SCHEME, design_of, logo_address
from newsletter.emails.folders import DEFAULT_THEME, packaged_templates
from newsletter.emails.images import RETINA
from newsletter.emails.picture import Refused, encoded, looked_at
from newsletter.errors import NewsletterError, TemplateBroken
from newsletter.models import ASSET_TYPES
from newsletter.settings import Settings

log = logging.getLogger(__name__)

LOGO_MAX_BYTES = 50_000
_WORDS_FILE = "web/words.toml"
_RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"})


class Pages:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._templates = theme.environment(settings)
        self._design = design_of(settings, _theme(settings))
        self._logo = _logo(settings.folder, self._design.logo, self._design.logo_width)
        self._logo_dark = _logo(settings.folder, self._design.logo_dark, self._design.logo_width)
        self.words = {**theme.Theme(settings, DEFAULT_THEME).words(settings.site.language), **_words(settings)}

    def digest_title(self, digest: str) -> str:
        """A digest that is no longer in the settings is called by its name."""
        return self._settings.digest_title(digest) if digest in self._settings.digests else digest

    def say(self, key: str, **values: str) -> str:
        """One of the words, its gaps filled; `{site}` is always known."""
        said = str(self.words[key])
        for name, value in {"site": self._settings.site.name, **values}.items():
            said = said.replace(f"{{{name}}}", value)
        return said

    def say_date(self, day: date) -> str:
        if not self.words["knows_dates"]:
            return day.isoformat()
        month = self.words["months"][day.month - 1]
        return self.say("date", day=str(day.day), month=month, year=str(day.year))

    def page(
        self, name: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """The filled template `web/<name>.html.j2`. A template that is broken costs its looks, not what it says."""
        try:
            html = theme.fill(self._templates, f"web/{name}.html.j2", {**self._frame(), **values})
        except NewsletterError as error:
            log.error("a page is shown plain: %s", error.problem)
            lines = [str(values.get("heading", "")), *values.get("lines", ())]
            return PlainTextResponse("\n\n".join(lines), status, headers)
        return HTMLResponse(html, status, headers)

    def message(self, key: str, *, status: int, headers: Mapping[str, str] | None = None) -> Response:
        """A page that only says something: `<key>_title` and `<key>_text` of the words."""
        heading, text = self.say(f"{key}_title"), self.say(f"{key}_text", contact=self._contact)
        return self.page("message", status=status, headers=headers, heading=heading, lines=[text])

    @property
    def _contact(self) -> str:
        return self._settings.sender.reply_to or self._settings.sender.email

    def _frame(self) -> dict[str, Any]:
        site = self._settings.site
        is_rtl = site.language.partition("-")[0].lower() in _RIGHT_TO_LEFT
        return {
            "language": site.language,
            "direction": "rtl" if is_rtl else "ltr",
            "site_name": site.name,
            "site_url": site.url,
            "words": self.words,
            "design": self._design,
            "web_logo": self._logo,
            "web_logo_dark": self._logo_dark if self._logo else "",
        }


def _theme(settings: Settings) -> str:
    """The pages that belong to no digest look like the first one."""
    return next((digest.theme for digest in settings.digests.values()), DEFAULT_THEME)


def _logo(folder: Path, logo: str, width: int) -> str:
    """Its address. A file of the site's folder is written into the page: outside an issue it has no address."""
    if not logo_address(logo).startswith(SITE_SCHEME):
        return logo
    try:
        path = (folder / logo).resolve()
        content = path.read_bytes() if path.is_relative_to(folder.resolve()) else b""
        made = encoded(looked_at(content), width=width * RETINA, max_bytes=LOGO_MAX_BYTES)
    except (OSError, ValueError, Refused) as error:
        log.warning("the pages have no logo: %s cannot be shown (%s)", logo, error)
        return ""
    return f"data:{ASSET_TYPES[made.suffix.lstrip('.')]};base64,{b64encode(made.content).decode()}"


def _words(settings: Settings) -> dict[str, str]:
    """What the pages say: English, over it the site's language (`de`, then `de-AT`), the site's own file over ours."""
    language = settings.site.language.lower()
    words: dict[str, str] = {}
    for wanted in dict.fromkeys(("en", language.partition("-")[0], language)):
        for folder in (packaged_templates(), settings.templates_folder):
            words.update(_words_by_language(folder / _WORDS_FILE).get(wanted, {}))
    return words


def _words_by_language(path: Path) -> dict[str, dict[str, str]]:
    try:
        tables = tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise TemplateBroken(f"{path} cannot be read: {error}", template=_WORDS_FILE, fix=f"mend {path}") from error
    return {language.lower(): table for language, table in tables.items()}
