"""The embedded provider: each letter becomes `outbox/<issue>/<delivery-id>.eml`.

The file is its own look-up: it is there whole, under its final name, or the letter was not taken. So nothing that goes
through the outbox stays unsure, whatever is killed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from newsletter.providers.base import Abilities, Answer, Letter, Outcome, Provider
from newsletter.providers.reasons import tidy_reason
from newsletter.settings import Settings

BATCH_SIZE = 100


class Outbox(Provider):
    name = "outbox"

    def __init__(self, folder: Path, *, batch_size: int = BATCH_SIZE) -> None:
        self.folder = folder
        self.abilities = Abilities(batch_size, can_look_up=True, connections=1)

    @classmethod
    def open(cls, settings: Settings) -> Outbox:
        return cls(settings.outbox_folder, batch_size=settings.provider.batch_size or BATCH_SIZE)

    def send(self, letters: Sequence[Letter], *, issue: str, key: str = "") -> list[Answer]:
        folder = self.folder / _safe(issue)
        try:
            _make(folder)
        except OSError as error:
            return [_denied(folder, error)] * len(letters)
        answers = self._write_all(folder, letters)
        try:
            _sync(folder)
        except OSError as error:
            return [_unconfirmed(answer, error) for answer in answers]
        return answers

    def _write_all(self, folder: Path, letters: Sequence[Letter]) -> list[Answer]:
        answers: list[Answer] = []
        for letter in letters:
            try:
                _write(folder / f"{_safe(letter.delivery_id)}.eml", letter.parts)
            except OSError as error:
                denied = _denied(folder, error)
                return answers + [denied] * (len(letters) - len(answers))
            answers.append(_accepted(folder, letter.delivery_id))
        return answers

    def look_up(self, delivery_ids: Sequence[str], *, issue: str) -> dict[str, Answer]:
        folder = self.folder / _safe(issue)
        found: dict[str, Answer] = {}
        for delivery_id in delivery_ids:
            try:
                (folder / f"{_safe(delivery_id)}.eml").stat()
                found[delivery_id] = _accepted(folder, delivery_id)
            except FileNotFoundError:
                found[delivery_id] = Answer(Outcome.BUSY, reason="there is no such file in the outbox")
            except OSError:
                continue
        return found


def _accepted(folder: Path, delivery_id: str) -> Answer:
    return Answer(Outcome.ACCEPTED, provider_id=f"{folder.name}/{delivery_id}.eml")


def _denied(folder: Path, error: OSError) -> Answer:
    return Answer(Outcome.DENIED, reason=tidy_reason(f"cannot write to {folder}: {error.strerror or error}"))


def _unconfirmed(answer: Answer, error: OSError) -> Answer:
    if answer.outcome is not Outcome.ACCEPTED:
        return answer
    return Answer(Outcome.UNSURE, reason=tidy_reason(f"written, but the disk did not confirm it: {error.strerror}"))


def _safe(name: str) -> str:
    """`name` as one step of a path; both issue and delivery id are ours, so anything else is a programming error."""
    if not name or name.startswith(".") or not all(char.isalnum() or char in "-._" for char in name):
        raise ValueError(f"{name!r} cannot be the name of a file in the outbox")
    return name


def _write(path: Path, parts: Sequence[bytes]) -> None:
    """A file that is there is a letter that was delivered; it is not written again."""
    if path.exists():
        return
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    _sync(folder.parent)
    _sync(folder.parent.parent)


def _sync(folder: Path) -> None:
    """Makes the names in `folder` durable; a rename alone survives a crash of the program, not a power cut."""
    if os.name == "nt":  # Windows has no handle on a folder that could be synced
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
