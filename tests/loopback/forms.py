"""`multipart/form-data` and form-encoded bodies, read as a server reads them."""

from __future__ import annotations

from collections.abc import Mapping
from email import message_from_bytes
from typing import NamedTuple
from urllib.parse import parse_qsl


class Field(NamedTuple):
    name: str
    content: bytes
    filename: str | None = None
    content_type: str | None = None

    @property
    def text(self) -> str:
        return self.content.decode()


def read_form(headers: Mapping[str, str], body: bytes) -> list[Field]:
    """The fields in order; raises ValueError for what is no form."""
    content_type = headers.get("content-type", "")
    if content_type.startswith("application/x-www-form-urlencoded"):
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        return [Field(name, value.encode()) for name, value in pairs]
    message = message_from_bytes(b"Content-Type: %s\r\n\r\n" % content_type.encode())
    boundary = message.get_boundary()
    if message.get_content_type() != "multipart/form-data" or not boundary or len(boundary) > 70:
        raise ValueError(f"no form: {content_type}")
    first, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if first or not parts or parts[-1].strip() != b"--":
        raise ValueError("the form does not begin or end as it should")
    return [_field(part) for part in parts[:-1]]


def _field(part: bytes) -> Field:
    head, blank, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    about = message_from_bytes(head + b"\r\n\r\n")
    name = about.get_param("name", header="content-disposition")
    if not blank or about.get_content_disposition() != "form-data" or not isinstance(name, str):
        raise ValueError("a part of the form has no name")
    content_type = about.get_content_type() if "content-type" in about else None
    return Field(name, content, about.get_filename(), content_type)
