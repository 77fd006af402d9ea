"""The mail as a page for the frame: the bytes of one reader's copy, its pictures put in, changed by a simulation.

The frame can load nothing, run nothing, send nothing and lead nowhere, whatever a post brings along: its policy allows
styles within the page and pictures written into it, and the sandbox forbids scripts, forms, new windows and taking the
place of the page around it. It is of our own origin only so that the page can measure its height; without scripts in it
that gives a mail nothing.
"""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Iterable
from urllib.parse import unquote

from newsletter.models import ASSET_TYPES, Asset
from newsletter.web.preview import markup
from newsletter.web.preview.looks import Look
from newsletter.web.preview.simulations import SIMULATIONS, in_scheme

SANDBOX = "allow-same-origin"
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src {pictures}; form-action 'none'; base-uri 'none'; "
    f"frame-ancestors 'self'; sandbox {SANDBOX}"
)
_REMOTE = re.compile(r"<img\b[^>]*\ssrc=[\"']https?:", re.IGNORECASE)


def headers(look: Look) -> dict[str, str]:
    pictures = "data:" if look.images == "on" else "'none'"
    return {"Content-Security-Policy": _POLICY.format(pictures=pictures)}


def framed(page: str, assets: Iterable[Asset], look: Look) -> str:
    """The page as `look` wants it seen."""
    simulation = SIMULATIONS[look.program]
    page = simulation.change(page)
    if look.program == "plain":
        page = in_scheme(page, look.scheme)
    page = _leading_nowhere(page)
    return with_pictures(page, assets) if look.images == "on" else page


def with_pictures(page: str, assets: Iterable[Asset]) -> str:
    """Every picture of the issue written into the page; those of other servers stay as they are."""
    by_name = {name: asset for asset in assets for name in (asset.name, asset.content_id) if name}
    return markup.in_tags(page, lambda tag: _with_picture(tag, by_name) if "src" in tag else tag)


def _with_picture(tag: str, by_name: dict[str, Asset]) -> str:
    def address(value: str) -> str:
        plain = unquote(html.unescape(value))
        asset = by_name.get(plain.removeprefix("cid:")) or by_name.get(plain.rpartition("/")[2])
        return data_address(asset) if asset else value

    return markup.in_attribute(markup.in_attribute(tag, "src", address), "srcset", address)


def data_address(asset: Asset) -> str:
    media_type = ASSET_TYPES[asset.name.rpartition(".")[2]]
    return f"data:{media_type};base64,{b64encode(asset.content).decode()}"


def remote_pictures(page: str) -> int:
    """How many pictures lie on other servers: the desk asks none, so they do not show."""
    return len(_REMOTE.findall(page))


def _leading_nowhere(page: str) -> str:
    """A link opens a new window, which the sandbox forbids: a click does nothing. The page lists the addresses."""
    page = markup.in_tags(page, lambda tag: re.sub(r"\starget=(\"[^\"]*\"|'[^']*')", "", tag, flags=re.IGNORECASE))
    return markup.at_head(page, '<base target="_blank">')
