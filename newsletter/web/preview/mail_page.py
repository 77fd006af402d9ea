"""The views of the mail: in a frame, in an inbox, its text, links, headers and source, each as one reader gets it."""

from __future__ import annotations

import hashlib
from email import message_from_bytes
from email.policy import default as policy
from typing import Any

from lxml import html as lxml_html

from newsletter.emails import merge
from newsletter.emails.budget import LIMIT_BYTES, ROOM_BYTES, longest_fields, merged_bytes
from newsletter.emails.markers import Filled
from newsletter.models import Email
from newsletter.pipeline.preview import Preview, copy_for, fields_for
from newsletter.store.issues import IssueRow
from newsletter.web.preview import frames, inbox
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.looks import SCHEMES, TABS, WIDTHS, Look
from newsletter.web.preview.pages import counted
from newsletter.web.preview.readers import choices, whom
from newsletter.web.preview.seen import Seen
from newsletter.web.preview.simulations import SIMULATIONS

KIB = 1024


def filled_for(desk: Desk, mail: Preview, look: Look) -> Filled:
    """The mail as the reader gets it as whom it is looked at."""
    return copy_for(desk.site, mail, whom(desk.site, look.reader))


def frame(desk: Desk, row: IssueRow, look: Look) -> str | None:
    """The page for the frame; None: there is no mail."""
    mail = desk.seen(row).mail
    return frames.framed(filled_for(desk, mail, look).html, mail.email.assets, look) if mail else None


def message(desk: Desk, row: IssueRow, look: Look) -> bytes | None:
    """The whole message as it would be sent to this reader; None: there is no mail."""
    mail = desk.seen(row).mail
    return _message(desk, row, mail, look) if mail else None


def _message(desk: Desk, row: IssueRow, mail: Preview, look: Look) -> bytes:
    values = fields_for(desk.site, row.id, whom(desk.site, look.reader))
    return b"".join(merge.compile_mime(mail.email, sent_at=row.due_at).letter(values))


def mail_values(desk: Desk, row: IssueRow, seen: Seen, look: Look) -> dict[str, Any] | None:
    """What the chosen view shows; None: there is no mail."""
    if seen.mail is None:
        return None
    filled = filled_for(desk, seen.mail, look)
    fingerprint = hashlib.sha256(filled.html.encode()).hexdigest()
    address = f"/issues/{row.id}/mail?{look.for_frame}&v={fingerprint[:16]}".replace("?&", "?")
    values = {"frame": address, "sandbox": frames.SANDBOX, **mail_facts(desk, seen.mail, look), "sha256": fingerprint}
    match look.tab:
        case "mail":
            values["remote"] = _remote(filled.html, seen.mail.email)
        case "inbox":
            values["inbox"] = inbox.rows(filled.subject, seen.mail.email.preheader)
        case "links":
            values["links"] = links(filled.html)
        case "headers":
            raw = _message(desk, row, seen.mail, look)
            values["headers"] = [(name, str(value)) for name, value in message_from_bytes(raw, policy=policy).items()]
    return values


def mail_facts(desk: Desk, mail: Preview, look: Look) -> dict[str, Any]:
    email, filled = mail.email, filled_for(desk, mail, look)
    shortened = mail.fit.shortened if mail.fit else ()
    return {
        "sender": desk.site.settings.sender_name,
        "subject": filled.subject,
        "preheader": email.preheader,
        "text": filled.text,
        "html": filled.html,
        "shortened": list(map(str, shortened)),
        "shortened_says": f"{counted(len(shortened), 'post')} shortened, so that Gmail does not clip the mail",
        **_size(merged_bytes(email.html, email.nonce, longest_fields(desk.site.settings))),
    }


def _size(size_bytes: int) -> dict[str, Any]:
    kib = size_bytes / KIB
    verdict = "Gmail shows all of it" if size_bytes <= LIMIT_BYTES else "Gmail clips it, and with it the way to leave"
    return {
        "limit_kib": LIMIT_BYTES // KIB,
        "high_kib": (LIMIT_BYTES - ROOM_BYTES) // KIB,
        "meter_kib": min(round(kib), LIMIT_BYTES // KIB),
        "size_says": f"{kib:.0f} of {LIMIT_BYTES // KIB} KiB: {verdict}",
    }


def _remote(html: str, email: Email) -> str:
    count = frames.remote_pictures(frames.with_pictures(html, email.assets))
    return f"{counted(count, 'picture')} of other servers: not loaded here" if count else ""


def links(html: str) -> list[dict[str, Any]]:
    """Every link once, with what it says and where it leads."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for link in lxml_html.document_fromstring(html).iter("a"):
        href = (link.get("href") or "").strip()
        alts = "".join(f" {image.get('alt') or ''}" for image in link.iter("img"))
        text = " ".join((link.text_content() + alts).split())
        can_open = href.startswith(("http://", "https://"))
        found.setdefault((text, href), {"text": text, "href": href, "can_open": can_open})
    return list(found.values())


def look_values(desk: Desk, look: Look) -> dict[str, Any]:
    scheme = look.forced_scheme or look.scheme
    return {
        **look.model_dump(),
        "tabs": [
            {"name": name, "query": look.query(tab=tab), "is_here": tab == look.tab} for tab, name in TABS.items()
        ],
        "widths": [_option(value, name, look.width) for value, (name, _) in WIDTHS.items()],
        "schemes": [_option(value, name, scheme) for value, name in SCHEMES.items()],
        "programs": [_option(value, one.title, look.program) for value, one in SIMULATIONS.items()],
        "readers": [_option(value, name, look.reader) for value, name in choices(desk.site, look.reader)],
        "forced_scheme": look.forced_scheme,
        "shown_scheme": scheme,
        "width_name": WIDTHS[look.width][0].lower(),
        "program_title": SIMULATIONS[look.program].title,
        "program_says": SIMULATIONS[look.program].says,
        "query": look.query(),
    }


def _option(value: str, name: str, chosen: str) -> dict[str, Any]:
    return {"value": value, "name": name, "is_here": value == chosen}
