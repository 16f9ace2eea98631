"""Uploads that come in pieces: collected on this server's disk, sent to the site in one go.

Lab cuts files over 1 MiB into requests with ``chunk`` 1, 2, …, and -1 for the last. They name neither the
upload nor its size, so the order of the numbers is all there is to check.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from jupyter_mesh.contents.answers import Refusal
from jupyter_mesh.contents.models import hash_of
from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    IsADirectory,
    MeshError,
    NotAllowed,
    NotFound,
    NotSupported,
    QuotaExceeded,
)
from jupyter_mesh.paths import name_of, parent_of

if TYPE_CHECKING:
    from jupyter_mesh.contents.manager import MeshContentsManager
    from jupyter_mesh.cs3.body import Body
    from jupyter_mesh.models import Resource
    from jupyter_mesh.transfers.registry import Progress

__all__ = ["LAST", "SiteUploads", "Spool", "Spools"]

LAST = -1

BUSY = 30.0
"""Seconds after a piece during which another upload to the same place would mix with this one."""

STALE = 3600.0
"""Seconds without a piece after which an upload counts as abandoned."""


@dataclass(slots=True)
class Spool:
    """The pieces so far. The file has no name on the disk: whatever ends the server, nothing is left."""

    file: BinaryIO
    first: bytes
    """Digest of the first piece: who sends the same one again starts over after a broken connection."""
    if_match: str = ""
    if_absent: bool = False
    size: int = 0
    next: int = 1
    touched: float = field(default_factory=time.monotonic)
    expiry: asyncio.TimerHandle | None = None

    async def add(self, data: bytes) -> None:
        """Append one piece; raises QuotaExceeded when the disk of the server is full."""
        try:
            await asyncio.to_thread(self.file.write, data)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise QuotaExceeded(
                    "The Jupyter server has no room left for uploads. Free some of its disk and upload again."
                ) from error
            raise
        self.size += len(data)
        self.next += 1
        self.touched = time.monotonic()

    def close(self) -> None:
        """Drop the pieces."""
        if self.expiry is not None:
            self.expiry.cancel()
        self.file.close()


class Spools:
    """The uploads under way, one per mesh path. One request at a time per path: the caller sees to that."""

    def __init__(self) -> None:
        self._spools: dict[str, Spool] = {}

    def get(self, path: str) -> Spool | None:
        """The upload under way to ``path``."""
        return self._spools.get(path)

    async def begin(
        self, path: str, data: bytes, *, if_match: str = "", if_absent: bool = False
    ) -> Spool:
        """Start an upload with its first piece; 409 while another one to the same place is active."""
        first = hashlib.blake2b(data).digest()
        old = self._spools.get(path)
        if old and old.first != first and time.monotonic() - old.touched < BUSY:
            raise Refusal(
                409, f'Another upload to "{path}" is under way. Try again in half a minute.'
            )
        self.drop(path)
        file = await asyncio.to_thread(tempfile.TemporaryFile, buffering=0)
        spool = Spool(file, first, if_match=if_match, if_absent=if_absent)  # type: ignore[arg-type]  # a wrapped file
        self._spools[path] = spool
        await self._add(path, spool, data)
        return spool

    async def add(self, path: str, number: int, data: bytes) -> Spool:
        """Add piece ``number``; 400 without a first piece, 409 (and the end of the upload) out of order."""
        spool = self._spools.get(path)
        if spool is None:
            raise Refusal(400, f'The upload of "{path}" was interrupted. Upload the file again.')
        if number not in (spool.next, LAST):
            self.drop(path)
            raise Refusal(
                409,
                f'The upload of "{path}" got out of order: piece {number} came instead of {spool.next}. '
                "Nothing was stored. Upload the file again.",
            )
        await self._add(path, spool, data)
        return spool

    async def finish(self, path: str, data: bytes) -> Spool:
        """Add the last piece and hand the whole over; the caller closes it."""
        spool = await self.add(path, LAST, data)
        del self._spools[path]
        spool.file.seek(0)
        return spool

    async def _add(self, path: str, spool: Spool, data: bytes) -> None:
        try:
            await spool.add(data)
        except BaseException:
            self.drop(path)
            raise
        if spool.expiry is not None:
            spool.expiry.cancel()
        spool.expiry = asyncio.get_running_loop().call_later(STALE, self.drop, path)

    def drop(self, path: str) -> None:
        """Forget the upload to ``path``, if there is one."""
        spool = self._spools.pop(path, None)
        if spool is not None:
            spool.close()

    def close(self) -> None:
        """Drop all uploads."""
        for path in list(self._spools):
            self.drop(path)


class SiteUploads:
    """Stores what was uploaded beside the contents REST, by the rules of the manager: an UploadStore."""

    def __init__(self, manager: MeshContentsManager) -> None:
        self._manager = manager

    async def check(self, path: str, size: int, replace: str) -> None:
        """Raise what would keep ``size`` bytes from being stored: one Stat, one more for a new file, one GetQuota."""
        manager = self._manager
        path, mesh = manager.open(path)
        model = {"type": "file", "format": "base64", "content": "", "path": path}
        manager.run_pre_save_hooks(model=model, path=path)
        found = await self._find(mesh)
        _agree(path, found, replace)
        if found is None:
            await self._need_folder(path, mesh)
        elif not found.permissions.write:
            raise NotAllowed(f'You may read "{path}", but not replace it.')
        await self._need_room(path, mesh, size)

    async def store(self, path: str, body: Body, replace: str, progress: Progress) -> None:
        """One upload and one event, if what is there is still what the user agreed to replace."""
        manager = self._manager
        path, mesh = manager.open(path)
        async with manager.writing(mesh):
            # What was deleted meanwhile cannot be lost any more.
            found = await self._find(mesh) if replace else None
            _agree(path, found, replace)
            try:
                resource = await manager.client.upload(
                    mesh,
                    body,
                    if_match=found.etag if found else "",
                    if_absent=found is None,
                    progress=lambda sent: progress(sent, body.size),
                )
            except Conflict as error:
                raise _changed(path) from error
            except AlreadyExists as error:
                raise _taken(path) from error
        manager.stored(path, resource)

    async def _find(self, mesh: str) -> Resource | None:
        try:
            return await self._manager.client.stat(mesh)
        except NotFound:
            return None

    async def _need_folder(self, path: str, mesh: str) -> None:
        folder = await self._find(parent_of(mesh))
        if folder is None or not folder.is_directory:
            raise NotFound(
                f'There is no folder "{name_of(parent_of(path))}" for "{name_of(path)}".'
            )
        if not folder.permissions.create:
            raise NotAllowed(f'You may not add files to "{parent_of(path)}".')

    async def _need_room(self, path: str, mesh: str, size: int) -> None:
        try:
            quota = await self._manager.client.quota(mesh)
        except (NotAllowed, NotFound, NotSupported):
            return
        if quota.free is not None and size > quota.free:
            raise QuotaExceeded(
                f'"{path}" does not fit: it has {size:,} bytes, and {quota.free:,} are left at the site.'
            )


def _agree(path: str, found: Resource | None, replace: str) -> None:
    """Raise unless the user agreed to what storing at ``path`` does to what is there."""
    if found is None:
        return
    if found.is_directory:
        raise IsADirectory(f'"{path}" is a folder: it cannot be replaced with a file.')
    if not replace:
        raise _taken(path)
    if hash_of(found) != replace:
        raise _changed(path)


def _taken(path: str) -> MeshError:
    return AlreadyExists(f'"{path}" exists already. Replace it, or upload under another name.')


def _changed(path: str) -> MeshError:
    return Conflict(
        f'"{path}" was changed after you agreed to replace it. Nothing was overwritten: look at it, then decide again.'
    )
