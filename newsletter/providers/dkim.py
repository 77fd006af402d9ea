"""DKIM signatures for mail that leaves by SMTP (RFC 6376, RFC 8463 for Ed25519, RFC 8301 for the length of keys).

Providers with an API sign by themselves. Written here over `cryptography`, because dkimpy computes RSA in Python: 7 ms
a letter of 70 kB against 0.3. Its verifier checks our signatures in the tests.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from newsletter.errors import BadInput, Place
from newsletter.settings import Settings

SIGNED = (
    b"From",
    b"Reply-To",
    b"To",
    b"Subject",
    b"Date",
    b"Message-ID",
    b"MIME-Version",
    b"Content-Type",
    b"List-Id",
    b"List-Unsubscribe",
    b"List-Unsubscribe-Post",
    b"Feedback-ID",
    b"Auto-Submitted",
)
"""Where a letter has them. RFC 8058 4 wants both List-Unsubscribe headers signed, Google the Feedback-ID."""
SEALED = frozenset({b"From", b"Reply-To", b"To", b"Subject", b"List-Unsubscribe", b"List-Unsubscribe-Post"})
"""Named once more than they are there, so that nobody can add a second one (RFC 6376 8.15)."""
MIN_RSA_BITS = 1024
"""Receivers take no signature of a shorter key for valid (RFC 8301 3.2)."""
KEY_VARIABLE = "NEWSLETTER_SENDER__DKIM_KEY_FILE"

_SPACES = re.compile(rb"[ \t\r\n]+")
_SIGNATURE_COLUMNS = 70

Key = RSAPrivateKey | Ed25519PrivateKey


class Signer:
    """Signs letters for one domain with one key."""

    def __init__(self, key: Key, *, domain: str, selector: str) -> None:
        self._key = key
        algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"
        self._opening = f"v=1; a={algorithm}; c=relaxed/simple;\r\n d={domain}; s={selector};".encode("ascii")

    def header(self, content: bytes) -> bytes:
        """The line `DKIM-Signature: …` that goes before `content`: a whole message with CRLF line ends."""
        head, _, body = content.partition(b"\r\n\r\n")
        present = _relaxed_headers(head)
        names = [name for name in SIGNED for _ in range((name.lower() in present) + (name in SEALED))]
        value = b"%s\r\n h=%s;\r\n bh=%s;\r\n b=" % (self._opening, _folded_names(names), _body_hash(body))
        signed = [present[name.lower()] for name in SIGNED if name.lower() in present]
        own = b"dkim-signature:" + _SPACES.sub(b" ", value).strip()
        signature = b64encode(self._sign(b"".join(line + b"\r\n" for line in signed) + own))
        return b"DKIM-Signature: %s%s\r\n" % (value, b"\r\n ".join(_pieces(signature)))

    def _sign(self, text: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(text, PKCS1v15(), SHA256())
        return self._key.sign(hashlib.sha256(text).digest())


def open_signer(settings: Settings) -> Signer | None:
    """As the settings say; None where they name no selector. Raises `BadInput` for a key that cannot sign."""
    sender = settings.sender
    domain = (sender.dkim_domain or sender.email.rpartition("@")[2]).encode("idna").decode("ascii")
    if places := list(_bad_settings(settings, domain)):
        raise BadInput("mail cannot be signed with DKIM:", places=places, fix="mend this under [sender]")
    if not sender.dkim_selector:
        return None
    return Signer(_key(settings.folder / sender.dkim_key_file), domain=domain, selector=sender.dkim_selector)


# --- settings ---------------------------------------------------------------------------------------------------


def _bad_settings(settings: Settings, domain: str) -> Iterator[Place]:
    sender = settings.sender
    own = sender.email.rpartition("@")[2].encode("idna").decode("ascii").lower()
    if not sender.dkim_selector and (sender.dkim_domain or "dkim_key_file" in sender.model_fields_set):
        yield Place("sender.dkim_selector", "is missing: the name under which the key stands in DNS")
    if f".{own}".endswith(f".{domain.lower()}"):
        return
    yield Place("sender.dkim_domain", f"{domain} is not {own} or above it: DMARC would count the mail as unsigned")


def _key(path: Path) -> Key:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise _no_key(path, f"cannot be read ({error.strerror})") from error
    except TypeError as error:
        raise _no_key(path, "is locked with a pass phrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "holds no private key in PEM form") from error
    if isinstance(key, RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        raise _no_key(path, f"is an RSA key of {key.key_size} bits; receivers want 2048")
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise _no_key(path, "is neither an RSA nor an Ed25519 key")
    return key


def _no_key(path: Path, problem: str) -> BadInput:
    return BadInput(
        "mail cannot be signed with DKIM:",
        places=[Place(str(path), problem)],
        fix=f"make one with `openssl genrsa -out {path} 2048`, or name another file in {KEY_VARIABLE}",
    )


# --- canonical forms --------------------------------------------------------------------------------------------


def _relaxed_headers(head: bytes) -> dict[bytes, bytes]:
    """By lower-case name, in the relaxed form (RFC 6376 3.4.2); of several with one name the last counts."""
    found: dict[bytes, bytes] = {}
    for line in re.split(rb"\r\n(?![ \t])", head):
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        found[name] = name + b":" + _SPACES.sub(b" ", value).strip(b" ")
    return found


def _body_hash(body: bytes) -> bytes:
    """Of the simple form (RFC 6376 3.4.3): empty lines at the end do not count; ours have no white space to lose."""
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    hashed = hashlib.sha256(memoryview(body)[:end])  # a copy of each letter's body would take a tenth of the signature
    hashed.update(b"\r\n")
    return b64encode(hashed.digest())


def _folded_names(names: list[bytes]) -> bytes:
    lines, line = [], b""
    for name in names:
        if len(line) + len(name) > _SIGNATURE_COLUMNS:
            lines.append(line)
            line = b""
        line += name + b":"
    return b"\r\n ".join([*lines, line]).rstrip(b":")


def _pieces(text: bytes) -> Iterator[bytes]:
    return (text[start : start + _SIGNATURE_COLUMNS] for start in range(0, len(text), _SIGNATURE_COLUMNS))
