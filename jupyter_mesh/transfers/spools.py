"""Spools: content that has not yet reached the site, in files of this server that survive a restart.

Each spool is two files in one private folder: ``<id>.part`` holds the bytes, ``<id>.json`` says what they
are for. The process that works on a spool holds a lock on its ``.part``, so servers that share a home
directory leave each other's alone. Nothing in either file is a secret.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import logging
import os
import secrets
import shutil
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO

from jupyter_mesh.cs3.body import Body
from jupyter_mesh.errors import MeshError, QuotaExceeded
from jupyter_mesh.models import Checksum

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Spool", "SpoolFolder"]

log = logging.getLogger(__name__)

DAY = 24 * 3600.0
"""Seconds without a byte after which a spool counts as abandoned."""

RESERVE = 64 << 20
"""Bytes of the disk that uploads leave to everybody else."""

FULL = "The Jupyter server has no room left for uploads. Free some of its disk and upload again."


class Spool:
    """The bytes of one upload so far. Made by a SpoolFolder; one caller at a time works on it."""

    def __init__(
        self, folder: SpoolFolder, id: str, file: BinaryIO, facts: dict[str, Any], size: int
    ) -> None:
        self.id = id
        self.facts = facts
        """What the bytes are for: plain JSON."""
        self.size = size
        self.reserved = int(facts.get("size", 0))
        self.touched = time.time()
        self._folder = folder
        self._file = file
        # Of bytes that another process wrote, the digest has to be taken from the disk.
        self._digest = None if size else hashlib.sha1(usedforsecurity=False)
        self._hashing: asyncio.Future[None] | None = None
        """The last pieces on their way into the digest, while the next ones come."""

    @property
    def closed(self) -> bool:
        """True once it was dropped."""
        return self._file.closed

    async def append(self, *pieces: bytes) -> None:
        """Add bytes at the end, all or none; raises QuotaExceeded when there is no room for them."""
        length = sum(map(len, pieces))
        self._folder.make_room(max(0, self.size + length - max(self.size, self.reserved)))
        # First: from the write on, nothing may come between the bytes and their digest.
        await self._hashed()
        try:
            await asyncio.to_thread(self._write, pieces)
        except OSError as error:
            with suppress(OSError):
                await asyncio.to_thread(self._file.truncate, self.size)
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise QuotaExceeded(FULL) from error
            raise
        self.size += length
        self.touched = time.time()
        if self._digest is not None:
            self._hashing = asyncio.ensure_future(asyncio.to_thread(_update, self._digest, pieces))

    def _write(self, pieces: tuple[bytes, ...]) -> None:
        at = self.size
        for piece in pieces:
            view = memoryview(piece)
            while view:
                written = os.pwrite(self._file.fileno(), view, at)
                view = view[written:]
                at += written

    async def _hashed(self) -> None:
        """Wait until all bytes that are here are in the digest."""
        if self._hashing is not None:
            await asyncio.shield(self._hashing)

    async def cut(self, size: int) -> None:
        """Forget everything after the first ``size`` bytes."""
        await self._hashed()
        await asyncio.to_thread(self._file.truncate, size)
        self.size = size
        self._digest = None if size else hashlib.sha1(usedforsecurity=False)

    async def note(self, **facts: Any) -> None:
        """Change what the bytes are for."""
        self.facts = {**self.facts, **facts}
        await asyncio.to_thread(self._folder.write_facts, self.id, self.facts)

    async def body(self) -> Body:
        """The bytes, for an upload. Good until the spool is dropped."""
        await self._hashed()
        if self._digest is None:
            self._digest = await asyncio.to_thread(_digest_of, self._file, self.size)
        self.touched = time.time()
        return Body(self._file, self.size, Checksum("sha1", self._digest.hexdigest()))

    async def drop(self) -> None:
        """Remove it from the disk. May be awaited twice."""
        await self._folder.remove(self)

    def close(self) -> None:
        """Let go of the file, which stays on the disk for another process."""
        self._file.close()


class SpoolFolder:
    """All spools of this server: adopted from earlier ones, bounded together, swept when abandoned.

    ``owner`` tells which spools of the folder are ours to adopt, such as the name of the site. Whoever builds
    it awaits ``close()``, which keeps the files.
    """

    def __init__(self, folder: Path, *, limit: int, owner: str) -> None:
        self._folder = folder
        self._limit = limit
        self._owner = owner
        self._spools: dict[str, Spool] = {}
        self._opening = asyncio.Lock()
        self._opened = False
        self._sweeper: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        """Bytes that the spools hold or will hold."""
        return sum(max(spool.size, spool.reserved) for spool in self._spools.values())

    async def spools(self, kind: str) -> list[Spool]:
        """The spools whose facts say ``kind``, those of earlier servers included."""
        await self._open()
        return [spool for spool in self._spools.values() if spool.facts["kind"] == kind]

    async def create(self, kind: str, **facts: Any) -> Spool:
        """A new spool. ``size``, if known, is kept free for it; raises QuotaExceeded without room for it."""
        await self._open()
        size = int(facts.get("size", 0))
        self.make_room(size)
        outstanding = sum(max(0, each.reserved - each.size) for each in self._spools.values())
        id = secrets.token_urlsafe(12)
        facts = {"kind": kind, "owner": self._owner, "created": time.time(), **facts}
        try:
            file = await asyncio.to_thread(self._make, id, facts, size + outstanding)
        except OSError as error:
            await asyncio.to_thread(self._unlink, id)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise QuotaExceeded(FULL) from error
            raise
        spool = self._spools[id] = Spool(self, id, file, facts, 0)
        return spool

    def make_room(self, more: int) -> None:
        """Raise QuotaExceeded if ``more`` bytes are more than all spools may hold together."""
        if more and self.size + more > self._limit:
            raise QuotaExceeded(
                "Unfinished uploads fill the room that this Jupyter server has for them. "
                "Finish or cancel some of them and upload again."
            )

    async def remove(self, spool: Spool) -> None:
        """Remove a spool from the disk."""
        self._spools.pop(spool.id, None)
        if not spool.closed:
            try:
                await asyncio.to_thread(self._unlink, spool.id)
            finally:
                spool.close()

    async def close(self) -> None:
        """Let go of all files; they stay for the next server."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        for spool in self._spools.values():
            spool.close()
        self._spools.clear()
        self._opened = False

    async def sweep(self) -> None:
        """Remove what nobody has added to for long."""
        for spool in list(self._spools.values()):
            if time.time() - spool.touched > float(spool.facts.get("keep", DAY)):
                await spool.drop()

    # On the disk, in threads

    async def _open(self) -> None:
        async with self._opening:
            if not self._opened:
                try:
                    found = await asyncio.to_thread(self._adopt)
                except OSError as error:
                    raise MeshError(
                        "This Jupyter server cannot keep uploads: the folder for them cannot be written. "
                        "Have MeshContentsManager.upload_folder set to another one."
                    ) from error
                self._spools |= {spool.id: spool for spool in found}
                self._opened = True
                self._sweeper = asyncio.create_task(self._sweep_always())

    async def _sweep_always(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(60)

    def _adopt(self) -> list[Spool]:
        """Take over the spools that no living server works on; remove the old ones among all."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        adopted = []
        for sidecar in sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime):
            id = sidecar.stem
            try:
                facts = json.loads(sidecar.read_text(encoding="utf-8"))
                file = self._part(id).open("r+b", buffering=0)
            except (OSError, ValueError):
                self._unlink(id)
                continue
            if not _lock(file):
                file.close()
                continue
            status = os.fstat(file.fileno())
            keep = float(facts.get("keep", DAY))
            if time.time() - status.st_mtime > keep or facts.get("kind") is None:
                self._unlink(id)
                file.close()
            elif facts.get("owner") != self._owner:
                file.close()
            else:
                spool = Spool(self, id, file, facts, status.st_size)
                spool.touched = status.st_mtime
                adopted.append(spool)
        return adopted

    def _make(self, id: str, facts: dict[str, Any], needed: int) -> BinaryIO:
        if needed and shutil.disk_usage(self._folder).free < needed + RESERVE:
            raise OSError(errno.ENOSPC, "no room")
        part = self._part(id)
        file = open(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b", buffering=0)  # noqa: SIM115
        try:
            _lock(file)
            self.write_facts(id, facts)
        except BaseException:
            file.close()
            raise
        return file

    def write_facts(self, id: str, facts: dict[str, Any]) -> None:
        """Write the sidecar, whole or not at all."""
        new = self._folder / f"{id}.new"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(facts, file)
        new.replace(self._folder / f"{id}.json")

    def _part(self, id: str) -> Path:
        return self._folder / f"{id}.part"

    def _unlink(self, id: str) -> None:
        # The sidecar goes first: a part without one is nobody's.
        for suffix in (".json", ".part", ".new"):
            (self._folder / f"{id}{suffix}").unlink(missing_ok=True)


def _lock(file: Any) -> bool:
    """True if this process alone works on ``file`` from now on; also where the disk knows no locks."""
    if sys.platform != "win32":
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            log.debug("The folder of unfinished uploads knows no locks: %s", error.strerror)
    return True


def _update(digest: hashlib._Hash, pieces: tuple[bytes, ...]) -> None:
    for piece in pieces:
        digest.update(piece)


def _digest_of(file: BinaryIO, size: int) -> hashlib._Hash:
    digest = hashlib.sha1(usedforsecurity=False)
    at = 0
    while at < size and (block := os.pread(file.fileno(), 1 << 20, at)):
        digest.update(block)
        at += len(block)
    return digest
