"""The law in many countries asks for the sender's postal address (CAN-SPAM in the USA, §5 DDG in Germany)."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.emails.checks.checked import Checked
from newsletter.emails.checks.problem import Check, Found


def find(checked: Checked) -> Iterator[Found]:
    address = " ".join(checked.settings.sender.postal_address.split())
    if not address:
        message = "there is no postal address in the mail; many countries' laws ask for one"
        yield Found(
            checked.in_settings("[sender]"), message, 'set postal_address = "…" under [sender] in newsletter.toml'
        )
    elif address not in " ".join(str(checked.body.text_content()).split()):
        yield Found(
            checked.in_theme("sender_name"), "the postal address is not in the mail", "print {{ postal_address }} in it"
        )


CHECK = Check("postal-address", "warning", find)
