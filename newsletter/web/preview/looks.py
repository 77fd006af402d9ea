"""How an editor looks at a mail: what is shown of it, how wide, how dark, in which program, as whom."""

from __future__ import annotations

from typing import Literal, get_args
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict

from newsletter.web.preview.readers import USUAL
from newsletter.web.preview.simulations import SIMULATIONS, Program, Scheme

Tab = Literal["mail", "inbox", "text", "source", "headers", "links"]
Width = Literal["phone", "tablet", "desktop"]
Images = Literal["on", "off"]

TABS: dict[Tab, str] = {
    "mail": "Mail",
    "inbox": "Inbox",
    "text": "Text part",
    "links": "Links",
    "headers": "Headers",
    "source": "Source",
}
WIDTHS: dict[Width, tuple[str, int]] = {
    "phone": ("Phone", 375),
    "tablet": ("Tablet", 768),
    "desktop": ("Desktop", 1000),
}
SCHEMES: dict[Scheme, str] = {"light": "Light", "dark": "Dark"}
assert set(TABS) == set(get_args(Tab))


class Look(BaseModel):
    model_config = ConfigDict(frozen=True)

    tab: Tab = "mail"
    width: Width = "desktop"
    scheme: Scheme = "light"
    program: Program = "plain"
    images: Images = "on"
    reader: str = USUAL
    """A made-up one, or a subscriber's address."""

    def query(self, **changes: str) -> str:
        """The part of an address that says it; what is as usual is left out."""
        values = {**self.model_dump(), **changes}
        usual = Look().model_dump()
        return urlencode({name: value for name, value in values.items() if value != usual[name]})

    @property
    def for_frame(self) -> str:
        """What the frame's own address has to say."""
        return self.query(tab="mail", width="desktop")

    @property
    def forced_scheme(self) -> Scheme | None:
        return SIMULATIONS[self.program].scheme
