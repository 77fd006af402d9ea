"""The features whose loss breaks layout or reading; which client loses them stands in client_support.json.

Not here is what clients lose without harm: rounded corners, shadows, hover, `color-scheme`, `aria-label`.
"""

from __future__ import annotations

from typing import NamedTuple


class Feature(NamedTuple):
    slug: str
    """caniemail.com/features/<slug>/"""
    loss: str
    instead: str
    css: str = ""
    """Pattern over `name:value` of a declaration."""
    tags: tuple[str, ...] = ()


_PX = "write the size in px"
_HEX = "write it as #rrggbb"
_TABLES = "lay it out with tables"
_LOGICAL = "write left and right"
_LINK = "show a picture that links to it"

SERIOUS = (
    Feature("css-display-flex", "the boxes stand below each other", _TABLES, r"^display:(?:inline-)?flex"),
    Feature("css-display-grid", "the boxes stand below each other", _TABLES, r"^display:(?:inline-)?grid"),
    Feature("css-position", "it stands elsewhere", _TABLES, r"^position:(?:absolute|fixed|sticky|relative)"),
    Feature("css-left-right-top-bottom", "it stands elsewhere", _TABLES, r"^(?:left|right|top|bottom):.*[1-9]"),
    Feature("css-inset", "it stands elsewhere", _TABLES, r"^inset:"),
    Feature("css-float", "the boxes stand below each other", _TABLES, r"^float:(?:left|right)"),
    Feature("css-transform", "it stands elsewhere, or upright", "do without", r"^transform:(?!none)"),
    Feature("css-variables", "the value is lost", "write the value itself", r"^--[\w-]+:.*|var\(.*"),
    Feature("css-unit-calc", "the value is lost", _PX, r"\bcalc\(.*"),
    Feature("css-function-clamp", "the value is lost", _PX, r"\bclamp\(.*"),
    Feature("css-function-min", "the value is lost", _PX, r"[:\s]min\(.*"),
    Feature("css-function-max", "the value is lost", _PX, r"[:\s]max\(.*"),
    Feature("css-function-light-dark", "the colour is lost", "use dark rules in a media query", r"\blight-dark\(.*"),
    Feature("css-modern-color", "the colour is lost", _HEX, r"\b(?:oklch|oklab|lch|lab|color-mix|color)\(.*"),
    Feature("css-unit-rem", "the size is lost", _PX, r"^[\w-]+:[^:]*\b\d*\.?\d+rem\b"),
    Feature("css-unit-vw", "the size is lost", _PX, r"^[\w-]+:[^:]*\b\d*\.?\d+vw\b"),
    Feature("css-unit-vh", "the size is lost", _PX, r"^[\w-]+:[^:]*\b\d*\.?\d+vh\b"),
    Feature("css-unit-vmin", "the size is lost", _PX, r"^[\w-]+:[^:]*\b\d*\.?\d+vmin\b"),
    Feature("css-unit-ch", "the size is lost", _PX, r"^[\w-]+:[^:]*\b\d*\.?\d+ch\b"),
    Feature("css-white-space", "lines are joined", "write <br> and &nbsp;", r"^white-space:(?:pre|break-spaces)"),
    Feature("css-visibility", "what was hidden shows", "leave it out", r"^visibility:hidden"),
    Feature("css-opacity", "what was hidden shows", "leave it out", r"^opacity:0(?:\.0+)?$"),
    Feature("css-clip-path", "what was cut away shows", "cut the picture itself", r"^clip-path:"),
    Feature("css-mask-image", "what was cut away shows", "cut the picture itself", r"^mask(?:-image)?:"),
    Feature("css-animation", "what it ends with never shows", "use a GIF", r"^animation(?:-name)?:"),
    Feature("css-column-count", "the columns become one", _TABLES, r"^(?:column-count|columns):"),
    Feature("css-writing-mode", "the text runs another way", "use a picture", r"^writing-mode:(?!horizontal-tb)"),
    Feature("css-object-fit", "the picture is distorted", "cut the picture itself", r"^object-fit:(?:cover|contain)"),
    Feature("css-aspect-ratio", "the height is lost", "give width and height", r"^aspect-ratio:"),
    Feature("css-margin-inline-block", "the space is lost", _LOGICAL, r"^margin-(?:inline|block):"),
    Feature("css-padding-inline-block", "the space is lost", _LOGICAL, r"^padding-(?:inline|block):"),
    Feature("css-margin-inline-start-end", "the space is lost", _LOGICAL, r"^margin-inline-(?:start|end):"),
    Feature("css-padding-inline-start-end", "the space is lost", _LOGICAL, r"^padding-inline-(?:start|end):"),
    Feature("css-inline-size", "the width is lost", "write width", r"^(?:inline|block)-size:"),
    Feature("html-video", "nothing shows", _LINK, tags=("video",)),
    Feature("html-audio", "nothing shows", _LINK, tags=("audio",)),
    Feature("html-svg", "the drawing is lost", "use a PNG", tags=("svg",)),
    Feature("html-picture", "the wrong picture or none shows", "use <img>", tags=("picture",)),
    Feature("html-object", "nothing shows", _LINK, tags=("object", "embed")),
    Feature("html-dialog", "it stands open", "leave it out", tags=("dialog",)),
    Feature("html-meter", "nothing shows", "use a picture", tags=("meter",)),
    Feature("html-progress", "nothing shows", "use a picture", tags=("progress",)),
    Feature("html-marquee", "it stands still", "leave it out", tags=("marquee",)),
    Feature("html-bdi", "letters run in the wrong order", '<span dir="auto"> serves', tags=("bdi",)),
)  # fmt: skip
