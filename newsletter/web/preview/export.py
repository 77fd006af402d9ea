"""The proof of an issue: one file that shows the mail, its text part and what the checks say, to anybody, anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from newsletter.errors import NotPossible
from newsletter.pipeline.preview import Preview
from newsletter.web.preview import frames
from newsletter.web.preview.desk import Desk
from newsletter.web.preview.issue_page import facts
from newsletter.web.preview.looks import SCHEMES, Look, Width
from newsletter.web.preview.mail_page import filled_for, mail_facts
from newsletter.web.preview.pages import Pages, counted, said_time
from newsletter.web.preview.seen import Seen
from newsletter.web.preview.simulations import Scheme

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"
FRAMES: tuple[tuple[Width, str, int], ...] = (("phone", "on a phone", 375), ("desktop", "on a desktop", 640))


def export(desk: Desk, issue: str, target: Path) -> Path:
    """Write the proof to `target`, a file that ends in .html or a folder; gives back the file's path."""
    file = target if target.suffix.lower() in (".html", ".htm") else target / f"{issue}.html"
    page = proof(desk, issue)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page, "utf-8")
    except OSError as error:
        raise NotPossible(f"{file} could not be written: {error.strerror}", fix="name another place") from error
    return file


def proof(desk: Desk, issue: str) -> str:
    """The file's content. Raises what keeps the mail from being made: a proof of an older one would deceive."""
    row = desk.site.issue_row(issue)
    seen = desk.checked(row)
    if seen.trouble is not None:
        raise seen.trouble
    assert seen.mail is not None
    values = {
        "policy": POLICY,
        "issue": facts(desk, row),
        "mail": mail_facts(desk, seen.mail, Look()),
        "made": f"Made {said_time(desk.now(), desk.site.settings.site.zone)}",
        "found": seen.problems,
        "checks_say": checks_say(seen),
        "schemes": [_scheme(desk, seen.mail, scheme, title) for scheme, title in SCHEMES.items()],
    }
    return Pages(desk, "").fill("export", values)


def checks_say(seen: Seen) -> str:
    errors = sum(one.level == "error" for one in seen.problems)
    warnings = len(seen.problems) - errors
    found = [counted(errors, "error")] * bool(errors) + [counted(warnings, "warning")] * bool(warnings)
    return f"The checks found {' and '.join(found)}" if found else "The checks found nothing"


def _scheme(desk: Desk, mail: Preview, scheme: Scheme, title: str) -> dict[str, Any]:
    shown = []
    for width, name, pixels in FRAMES:
        look = Look(width=width, scheme=scheme)
        page = frames.framed(filled_for(desk, mail, look).html, mail.email.assets, look)
        shown.append({"name": width, "title": name, "width": pixels, "html": page})
    return {"name": scheme, "title": title, "frames": shown}
