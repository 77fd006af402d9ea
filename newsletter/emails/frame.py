"""What views are made with: the settings, the theme's words and design, the slots of this rendering."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from newsletter.emails import adapt
from newsletter.emails.design import Design
from newsletter.emails.images import AS_THEY_ARE, Pictures
from newsletter.emails.picture import Plain
from newsletter.emails.player import Look
from newsletter.emails.slots import Fragment, Slots
from newsletter.emails.tagging import Link, Tagging, as_it_is
from newsletter.settings import Settings


@dataclass(frozen=True, slots=True)
class Frame:
    """The same for every post of a rendering."""

    settings: Settings
    words: Mapping[str, Any]
    design: Design
    slots: Slots
    page_url: str
    web_marker: str
    pictures: Pictures = AS_THEY_ARE
    tagging: Tagging | None = None
    pages: dict[tuple[str, adapt.Surroundings], Fragment] = field(default_factory=dict, compare=False)
    """What was made for the web: asked for again for the text part, and each time a mail has to be made shorter."""

    def date(self, moment: datetime) -> str:
        """A date as people of the language write it, in the site's zone; ISO 8601 where the theme cannot say it."""
        day = moment.astimezone(self.settings.site.zone).date()
        if not self.words["knows_dates"]:
            return day.isoformat()
        return said(self.words["date"], day=str(day.day), month=self.words["months"][day.month - 1], year=str(day.year))

    def for_mail(self, html: str, level: int, base_url: str, link: Link = as_it_is) -> Fragment:
        where = adapt.Surroundings(base_url, level, "", link)
        instead = f'<p><a href="{self.web_marker}">{self.slots.text(self.words["table_on_web"])}</a></p>'
        width = self.design.content_width
        return adapt.for_mail(
            html,
            where,
            address=self.slots.text,
            table_instead=instead,
            width=width,
            pictures=self.pictures,
            video=self._look_of_video,
        )

    @property
    def _look_of_video(self) -> Look:
        accent, on_accent = self.design.light.accent, self.design.light.on_accent
        return Look(self.words["video"], self.words["video_alt"], Plain(accent, on_accent))

    def for_web(self, html: str, where: adapt.Surroundings) -> Fragment:
        key = (html, where)
        if key not in self.pages:
            self.pages[key] = adapt.for_web(html, where, pictures=self.pictures, width=self.design.content_width)
        return self.pages[key]


def said(pattern: str, **values: str) -> str:
    """The pattern with its `{names}` filled in one pass, so that braces in a value stay text."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), pattern)
