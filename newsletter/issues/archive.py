"""Freeze, verify and read back what was approved: the folder `issues/<id>/`.

`manifest.json` is written last, so its presence means: frozen, all of it. Files are bytes as rendered (UTF-8, line
ends untouched) and are read back byte for byte. Every write is whole or absent: into a new file, fsync, rename.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from newsletter.errors import BadInput, NotPossible, Overtaken, Place
from newsletter.issues.durable import bytes_of, replace, shown, told_when_impossible, write
from newsletter.issues.frozen_set import ASSETS_FOLDER, asset_files, remove_set, remove_unfinished, write_set
from newsletter.models import MANIFEST_VERSION, Asset, Email, Issue, Manifest, ManifestPost, Receipt

ISSUE_FILE = "issue.md"
HTML_FILE = "email.html"
TEXT_FILE = "email.txt"
WEB_FILE = "web.html"
MANIFEST_FILE = "manifest.json"
RECEIPT_FILE = "receipt.json"
FROZEN_FILES = (HTML_FILE, TEXT_FILE, WEB_FILE)

Document = TypeVar("Document", bound=BaseModel)


class FrozenIssue(NamedTuple):
    """What was approved, every byte verified against the manifest."""

    manifest: Manifest
    email: Email


# --- approval -------------------------------------------------------------------------------------------------


def freeze(
    folder: Path,
    email: Email,
    *,
    issue: Issue,
    title: str,
    approved_at: datetime,
    posts: Sequence[ManifestPost],
    left_over: Sequence[str] = (),
) -> Manifest:
    """Write the email and its manifest into the issue's `folder`, all or nothing.

    `title` is the digest's. The same content frozen again changes nothing (the first approval's time stays); other
    content is `NotPossible`, as is a disk that cannot take it.
    """
    contents = _contents(email)
    manifest = Manifest(
        issue=issue.id,
        digest=issue.digest,
        title=title,
        due_at=issue.due_at,
        approved_at=approved_at,
        subject=email.subject,
        preheader=email.preheader,
        posts=tuple(posts),
        left_over=tuple(left_over),
        headers=email.headers,
        nonce=email.nonce,
        files={name: _sha256(content) for name, content in contents.items()},
        content_ids={asset.name: asset.content_id for asset in email.assets if asset.content_id},
    )
    if is_frozen(folder):
        return _same_as_frozen(folder, manifest)
    with told_when_impossible(f"{issue.id} could not be frozen, so it is not approved"):
        write_set(folder, contents, last=(MANIFEST_FILE, _json(manifest)))
    return manifest


def is_frozen(folder: Path) -> bool:
    """The issue in `folder` is approved (or later): its manifest is there."""
    return (folder / MANIFEST_FILE).exists()


def read_frozen(folder: Path) -> FrozenIssue:
    """What was approved, or `NotPossible` naming every file that is missing or was altered since."""
    manifest = read_manifest(folder)
    pictures = asset_files(manifest.files)
    contents = {name: bytes_of(folder / name) for name in (*FROZEN_FILES, *pictures)}
    wrong = [
        f"{name} is missing" if content is None else f"{name} was altered"
        for name, content in contents.items()
        if content is None or _sha256(content) != manifest.files.get(name)
    ]
    if wrong:
        raise NotPossible(
            f"{manifest.issue} is not as it was approved: {', '.join(wrong)} (in {shown(folder)})",
            fix=f"put back what was approved (git, a backup); or, if nothing of it was sent yet, run "
            f"`newsletter approve {manifest.issue} --withdraw`, then approve it again",
        )
    html, text, web_html = ((contents[name] or b"").decode("utf-8") for name in FROZEN_FILES)
    assets = tuple(
        Asset(name, contents[file] or b"", manifest.content_ids.get(name)) for file, name in pictures.items()
    )
    return FrozenIssue(manifest, _email(manifest, html=html, text=text, web_html=web_html, assets=assets))


def read_asset(folder: Path, name: str) -> bytes | None:
    """A picture of the approved issue in `folder`; None for a name that its manifest does not list, or if altered."""
    if not is_frozen(folder):
        return None
    files = read_manifest(folder).files
    file = next((file for file, listed in asset_files(files).items() if listed == name), None)
    content = bytes_of(folder / file) if file else None
    return content if file and content is not None and _sha256(content) == files[file] else None


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the issue in `folder`; `NotPossible` where there is none, `BadInput` where it is broken."""
    content = bytes_of(folder / MANIFEST_FILE)
    if content is None:
        raise NotPossible(
            f"{folder.name} is not approved: there is no {shown(folder, MANIFEST_FILE)}",
            fix=f"run `newsletter approve {folder.name}`",
        )
    manifest = _parsed(folder / MANIFEST_FILE, content, Manifest)
    if manifest.version > MANIFEST_VERSION:
        raise _broken(folder / MANIFEST_FILE, f"was written by a newer version (manifest {manifest.version})")
    if manifest.issue != folder.name:
        raise _broken(folder / MANIFEST_FILE, f"is the manifest of {manifest.issue}, but lies in {folder.name}/")
    return manifest


def manifest_sha256(folder: Path) -> str:
    """Of the manifest's bytes, and so of everything approved: the manifest holds the other files' SHA-256."""
    return _sha256((folder / MANIFEST_FILE).read_bytes())


def manifests(issues_folder: Path) -> list[Manifest]:
    """Of all approved and later issues, by due time; `BadInput` names every broken one."""
    found: list[Manifest] = []
    places: list[Place] = []
    for path in sorted(issues_folder.glob(f"*/{MANIFEST_FILE}")):
        try:
            found.append(read_manifest(path.parent))
        except BadInput as error:
            places.extend(error.places)
    if places:
        raise BadInput("which posts are used up cannot be told", places=places, fix=_PUT_BACK)
    return sorted(found, key=lambda manifest: (manifest.due_at.timestamp(), manifest.issue))


def thaw(folder: Path) -> None:
    """Take back an approval: the frozen files go, `issue.md` stays. `NotPossible` once sending has begun."""
    if (folder / RECEIPT_FILE).exists():
        raise NotPossible(
            f"the approval of {folder.name} cannot be withdrawn: its sending has begun",
            fix=f"run `newsletter cancel {folder.name}` to stop it",
        )
    with told_when_impossible(f"the approval of {folder.name} could not be withdrawn"):
        # The manifest goes first: without it nothing counts as approved.
        remove_set(folder, [MANIFEST_FILE, *FROZEN_FILES])
        remove_unfinished(folder)


# --- receipt --------------------------------------------------------------------------------------------------


def write_receipt(folder: Path, receipt: Receipt) -> None:
    """Durable when this returns: a lost database must not send again."""
    with told_when_impossible(f"{shown(folder, RECEIPT_FILE)} could not be written"):
        write(folder / RECEIPT_FILE, _json(receipt))


def read_receipt(folder: Path) -> Receipt | None:
    """None: no sending ever began."""
    content = bytes_of(folder / RECEIPT_FILE)
    return None if content is None else _parsed(folder / RECEIPT_FILE, content, Receipt)


# --- issue.md -------------------------------------------------------------------------------------------------


def read_issue_text(folder: Path) -> str | None:
    """`issue.md` as it is, line ends and byte order mark included; None: there is no draft yet."""
    content = bytes_of(folder / ISSUE_FILE)
    try:
        return None if content is None else content.decode("utf-8")
    except UnicodeDecodeError as error:
        assert content is not None
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{shown(folder, ISSUE_FILE)} is not in UTF-8",
            places=[Place(f"{shown(folder, ISSUE_FILE)}:{line}", f"byte {content[error.start]:#04x} is no UTF-8")],
            fix="save the file as UTF-8 in your editor, nothing was changed",
        ) from error


def write_issue_text(folder: Path, text: str, *, was: str | None) -> None:
    """Replace `issue.md` by `text`, unless it is no longer what was read (`was`; None: there was none)."""
    with told_when_impossible(f"{shown(folder, ISSUE_FILE)} could not be written, it is as before"):
        if not _replaced(folder, text, was):
            raise Overtaken(
                f"{shown(folder, ISSUE_FILE)} was changed meanwhile, so it was left as it is",
                fix="run the command again",
            )


def _replaced(folder: Path, text: str, was: str | None) -> bool:
    if read_issue_text(folder) != was:
        return False
    if text == was:
        return True
    if was is not None:
        return replace(folder / ISSUE_FILE, _encoded(text), was=_encoded(was))
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / ISSUE_FILE, _encoded(text))
    return True


# --- bytes ----------------------------------------------------------------------------------------------------


def _contents(email: Email) -> dict[str, bytes]:
    texts = zip(FROZEN_FILES, (email.html, email.text, email.web_html), strict=True)
    assets = {f"{ASSETS_FOLDER}/{asset.name}": asset.content for asset in email.assets}
    return {name: _encoded(text) for name, text in texts} | assets


def _email(manifest: Manifest, *, html: str, text: str, web_html: str, assets: tuple[Asset, ...]) -> Email:
    return Email(
        issue=manifest.issue,
        subject=manifest.subject,
        preheader=manifest.preheader,
        html=html,
        text=text,
        web_html=web_html,
        headers=manifest.headers,
        nonce=manifest.nonce,
        assets=assets,
    )


def _same_as_frozen(folder: Path, manifest: Manifest) -> Manifest:
    frozen = read_frozen(folder).manifest
    if frozen == manifest.model_copy(update={"approved_at": frozen.approved_at}):
        return frozen
    raise NotPossible(
        f"{manifest.issue} is approved already, with other content",
        fix=f"run `newsletter approve {manifest.issue} --withdraw` first, if it was not sent yet",
    )


def _encoded(text: str) -> bytes:
    # Half of a surrogate pair (a JSON post can smuggle one in) is no character in any encoding.
    return text.encode("utf-8", errors="replace")


def _json(document: BaseModel) -> bytes:
    return _encoded(document.model_dump_json(indent=2) + "\n")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _parsed(path: Path, content: bytes, wanted: type[Document]) -> Document:
    try:
        return wanted.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise _broken(path, f"{name}: {first['msg']}" if name else first["msg"]) from error


def _broken(path: Path, problem: str) -> BadInput:
    return BadInput(
        f"{shown(path.parent, path.name)} cannot be used",
        places=[Place(shown(path.parent, path.name), problem)],
        fix=_PUT_BACK,
    )


_PUT_BACK = "put the file back from git or a backup; it is written by `newsletter approve` and `send` only"
