"""Notes of what was broken off: how far a file has come, so that any later process of this user goes on with it.

A note is ``<key>.json`` in one private folder, and ``<key>.lock``, which the process that moves the file holds.
What opens an upload at the site lies apart in ``<key>.secret`` (0600): whoever has it can send the rest of that
one file. It is removed when the upload ends, and is of no use after a day.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from jupyter_mesh.auth import remember_secret
from jupyter_mesh.cs3.data import UploadKey
from jupyter_mesh.errors import Locked
from jupyter_mesh.transfers.disk import (
    local_error,
    lock,
    private_folder,
    state_folder,
    write_private,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Note", "Notes"]

SECRETS_KEPT = 2 * 24 * 3600.0
"""Seconds after which no site goes on with an upload."""

KEPT = 30 * 24 * 3600.0
"""Seconds after which nobody comes back for what was broken off."""


class Note:
    """The note of one file, held by this process alone until ``close`` or ``drop``."""

    def __init__(self, folder: Path, key: str, held: BinaryIO, facts: dict[str, Any]) -> None:
        self.facts = facts
        """What an earlier process wrote, or this one; empty for a new one."""
        self.name = key
        """The same for every process that moves this file, and for no other file."""
        self._folder = folder
        self._key = key
        self._held = held

    async def write(self, **facts: Any) -> None:
        """Write these facts in place of all before."""
        self.facts = facts
        await asyncio.to_thread(write_private, self._path("json"), json.dumps(facts))

    async def key(self) -> UploadKey | None:
        """What opens the upload at the site, if one was begun."""
        try:
            text = await asyncio.to_thread(self._path("secret").read_text, encoding="utf-8")
            key = UploadKey(**json.loads(text))
        except (OSError, ValueError, TypeError):
            return None
        remember_secret(key.token)
        return key

    async def keep_key(self, key: UploadKey | None) -> None:
        """Keep what opens the upload at the site, or forget it."""
        if key is None:
            await asyncio.to_thread(self._path("secret").unlink, missing_ok=True)
            return
        remember_secret(key.token)
        await asyncio.to_thread(write_private, self._path("secret"), json.dumps(key._asdict()))

    async def clear(self) -> None:
        """Forget what was written; the file stays ours."""
        self.facts = {}
        for suffix in ("secret", "json"):
            await asyncio.to_thread(self._path(suffix).unlink, missing_ok=True)

    async def drop(self) -> None:
        """Nothing is left to go on with."""
        await asyncio.to_thread(_unlink, self._folder, self._key)
        self._held.close()

    async def close(self) -> None:
        """Leave it to a later process; where nothing was written, nothing stays."""
        if not self.facts:
            await asyncio.to_thread(_unlink, self._folder, self._key)
        self._held.close()

    def _path(self, suffix: str) -> Path:
        return self._folder / f"{self._key}.{suffix}"


class Notes:
    """All notes of this user on this machine. ``folder`` is the one of the user by default."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or state_folder("resume")
        self._swept = False

    def exist(self, *names: str) -> bool:
        """True if something under these names was broken off. Asks the disk."""
        return (self.folder / f"{key_of(*names)}.json").exists()

    async def claim(self, what: str, *names: str) -> Note:
        """The note of the file that these names tell; raises Locked if another process moves it.

        ``what`` is the file in words.
        """
        try:
            return await asyncio.to_thread(self._claim, what, key_of(*names))
        except OSError as error:
            raise local_error(error, "note how far it comes", self.folder) from error

    async def discard(self, transfer: str) -> None:
        """Drop everything that a transfer of the journal has left, its parts of files too."""
        await asyncio.to_thread(self._discard, transfer)

    def _claim(self, what: str, key: str) -> Note:
        private_folder(self.folder)
        if not self._swept:
            self._swept = True
            self._sweep()
        held = self._hold(key)
        if held is None:
            raise Locked(
                f"Another program of yours moves {what} just now. Wait for it, or cancel it there."
            )
        return Note(self.folder, key, held, self._facts(key))

    def _hold(self, key: str) -> BinaryIO | None:
        path = self.folder / f"{key}.lock"
        while True:
            file = open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")  # noqa: SIM115 - the note holds it
            try:
                if lock(file) is False:
                    file.close()
                    return None
                # Its last owner may have removed it before we had it: then it is another file by now.
                with suppress(FileNotFoundError):
                    if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                        return file
            except BaseException:
                file.close()
                raise
            file.close()

    def _facts(self, key: str) -> dict[str, Any]:
        try:
            facts = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def _unheld(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The notes that no process works on, each held while it is looked at."""
        for path in list(self.folder.glob("*.json")):
            held = self._hold(path.stem)
            if held is not None:
                with held:
                    yield path.stem, self._facts(path.stem)

    def _discard(self, transfer: str) -> None:
        for key, facts in self._unheld():
            if facts.get("transfer") == transfer:
                self._remove(key, facts)

    def _sweep(self) -> None:
        now = time.time()
        for key, facts in self._unheld():
            age = now - float(facts.get("began", 0))
            if age > KEPT:
                self._remove(key, facts)
            elif age > SECRETS_KEPT:
                (self.folder / f"{key}.secret").unlink(missing_ok=True)

    def _remove(self, key: str, facts: dict[str, Any]) -> None:
        part = facts.get("part")
        if isinstance(part, str) and part.endswith(".part"):
            with suppress(OSError):
                Path(part).unlink()
        _unlink(self.folder, key)


def key_of(*names: str) -> str:
    """A file name for what these names tell together."""
    return hashlib.sha256("\0".join(names).encode(errors="surrogateescape")).hexdigest()[:32]


def _unlink(folder: Path, key: str) -> None:
    # The lock goes last: whoever takes it finds nothing.
    for suffix in ("secret", "json", "lock"):
        (folder / f"{key}.{suffix}").unlink(missing_ok=True)
