"""A message that every server carries unharmed (RFC 5322, 2045 to 2047), read back by another parser than ours."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from email.header import decode_header, make_header

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found

LINE_BYTES = 998
WORD_LENGTH = 75
_ONCE = frozenset(
    {"from", "to", "reply-to", "subject", "date", "message-id", "mime-version", "content-type", "list-id",
     "list-unsubscribe", "list-unsubscribe-post", "sender", "cc"}
)  # fmt: skip
_FIX = "report this: we write the message, and no post or template should be able to break it"


def find(checked: Checked) -> Iterator[Found]:
    for message in (*_lines(checked), *_headers(checked), *_parts(checked)):
        yield Found(checked.issue_file.path, message, _FIX)


def _lines(checked: Checked) -> Iterator[str]:
    longest = max(checked.message.split(b"\r\n"), key=len)
    if len(longest) > LINE_BYTES:
        yield f"a line of the message has {len(longest)} bytes; {LINE_BYTES} may pass"
    if re.search(rb"(?<!\r)\n|\r(?!\n)", checked.message):
        yield "a line of the message does not end with CRLF"
    if any(byte > 127 for byte in checked.message):
        yield "the message holds bytes above 127, which some servers still damage"


def _headers(checked: Checked) -> Iterator[str]:
    counted = Counter(name.lower() for name in checked.mail)
    yield from (f"the header {name} is there {n} times" for name, n in counted.items() if n > 1 and name in _ONCE)
    yield from (f"the header {name} is missing" for name in ("from", "to", "date", "message-id") if not counted[name])
    for name, value in checked.mail.items():
        if any(len(word) > WORD_LENGTH for word in re.findall(r"=\?[^\s?]+\?[bqBQ]\?[^\s?]*\?=", value)):
            yield f"an encoded word in {name} is longer than {WORD_LENGTH} characters"
    subject = str(make_header(decode_header(str(checked.mail.get("Subject", "")))))
    if " ".join(subject.split()) != " ".join(checked.email.subject.split()):
        yield f"the subject is read back as {subject!r}"


def _parts(checked: Checked) -> Iterator[str]:
    kinds = [part.get_content_type() for part in checked.mail.walk() if not part.is_multipart()]
    texts = [kind for kind in kinds if kind in ("text/plain", "text/html")]
    if texts[:2] != ["text/plain", "text/html"]:
        yield f"the parts are {', '.join(kinds)}; the text has to come first and the HTML last (RFC 2046)"
    if checked.mail.defects:
        yield f"the message is malformed: {type(checked.mail.defects[0]).__name__}"
    for part in checked.mail.walk():
        if part.get_content_maintype() == "text" and (part["Content-Transfer-Encoding"] or "7bit").lower() == "8bit":
            yield f"the {part.get_content_type()} part is sent as 8bit"
        # Read as bytes: `walk` gives text parts only, whose payload decodes to bytes.
        if part.get_content_type() == "text/html" and not _is_same(part.get_payload(decode=True), checked.filled.html):
            yield "the HTML is read back otherwise than it was written"


def _is_same(payload: object, html: str) -> bool:
    if not isinstance(payload, bytes):
        return False
    return payload.decode("utf-8", "replace").replace("\r\n", "\n").strip() == html.replace("\r\n", "\n").strip()


CHECK = Check("mime", "error", find)
