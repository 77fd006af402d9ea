"""The site's secret keys: they sign the links in mails and blind the addresses of erased people.

One key serves several purposes; each purpose gets a key of its own derived from it, so that a token made for one is
worth nothing for another.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from newsletter.errors import BadInput
from newsletter.settings import MIN_SECRET_KEY_BYTES, Settings

FILE_NAME = "secret.key"
_MADE_KEY_BYTES = 32


def load_keys(settings: Settings) -> list[bytes]:
    """The keys of the site, the signing one first: from NEWSLETTER_SECRET_KEY, else from `data/secret.key`.

    The file is made when there is none, once, however many processes start at the same moment.
    """
    if settings.secret_key is not None:
        return checked_keys(key.strip().encode() for key in settings.secret_key.get_secret_value().split(","))
    path = settings.data_folder / FILE_NAME
    try:
        text = _read_or_make(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadInput(f"{path} cannot be used: {reason}", fix="look at its rights, or restore it") from error
    return checked_keys((key.strip().encode() for key in text.split(",")), where=str(path))


def checked_keys(keys: Iterable[bytes], *, where: str = "NEWSLETTER_SECRET_KEY") -> list[bytes]:
    """The keys, unless one is so short that it could be guessed (itsdangerous itself accepts an empty one)."""
    found = list(keys)
    if not found or any(len(key) < MIN_SECRET_KEY_BYTES for key in found):
        raise BadInput(
            f"{where}: a key that signs links needs at least {MIN_SECRET_KEY_BYTES} bytes",
            fix="restore the key from a backup: links in mails already sent were signed with it",
        )
    return found


def derived(keys: Sequence[bytes], purpose: str) -> list[bytes]:
    """The keys for one purpose, in the same order."""
    return [hmac.digest(key, f"newsletter {purpose}".encode(), "sha256") for key in keys]


class Blinding:
    """Turns an address into a hash that says nothing without the site's key, and still finds the address again."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = derived(checked_keys(keys), "suppression")

    def hashes(self, email_key: str) -> list[str]:
        """One for each key, because rows of former keys are still there; the first is the one to write."""
        return [hmac.digest(key, email_key.encode(), "sha256").hex() for key in self._keys]


def _read_or_make(path: Path) -> str:
    if not path.exists():
        _make(path)
    return path.read_text("utf-8")


def _make(path: Path) -> None:
    """Write a new key beside its place, then link it in: `link` fails for all but the first, and nobody reads half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(_MADE_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its key is the site's
    finally:
        draft.unlink()
