"""A file of the mesh onto this machine: resumed where it broke off, checked, and named only when it is whole."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    InvalidRequest,
    IsADirectory,
    MeshError,
    QuotaExceeded,
    RangeNotSatisfiable,
    TransferFailed,
)
from jupyter_mesh.transfers.checksums import checksum_of, digest
from jupyter_mesh.transfers.disk import local_error
from jupyter_mesh.transfers.terms import Patience, Terms

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from jupyter_mesh.cs3 import MeshClient
    from jupyter_mesh.models import Resource
    from jupyter_mesh.transfers.checksums import Digest
    from jupyter_mesh.transfers.notes import Note

__all__ = ["Stamp", "download", "identity_of", "stamp_of"]

NOTED_FROM = 1 << 20
"""Bytes from which on it is worth a note to go on with a file."""

BLOCK = 4 << 20
"""Bytes that are gathered before a thread writes them."""

CHANGES = 3
"""Times that a file may change while it comes."""

Stamp = tuple[int, int]
"""Size and time (ns) of a local file: another one means that it was changed."""


def stamp_of(status: os.stat_result) -> Stamp:
    """The stamp of a file."""
    return status.st_size, status.st_mtime_ns


async def download(
    client: MeshClient,
    path: str,
    local: Path,
    *,
    replace: bool | Stamp = False,
    progress: Callable[[int, int | None], None] | None = None,
    terms: Terms | None = None,
) -> Resource:
    """Bring a file of the mesh to ``local``, and return what it was.

    It grows under a hidden name beside its place; whatever ends this process, the next call goes on there if
    the file of the mesh is still the same, and starts again if it is not. Only the whole file, of the size and
    the checksum that the site tells, gets its name. ``replace`` allows to replace what is there: anything, or
    what has this stamp. Raises AlreadyExists, IsADirectory, Conflict if what is there was changed meanwhile,
    Locked if another process does the same, QuotaExceeded for a full disk here, TransferFailed, NotFound.
    """
    fetch = _Fetch(client, path, local, replace, progress, terms or Terms())
    try:
        return await fetch.run()
    except OSError as error:
        if isinstance(error, MeshError):
            raise
        raise local_error(error, f"save {path} as {local}", fetch.local) from error
    finally:
        await asyncio.shield(fetch.close())


class _Restart(Exception):
    """What is here is not the beginning of what the site has now."""


class _Fetch:
    def __init__(
        self,
        client: MeshClient,
        path: str,
        local: Path,
        replace: bool | Stamp,
        progress: Callable[[int, int | None], None] | None,
        terms: Terms,
    ) -> None:
        self.local = local.absolute()
        self._client = client
        self._path = path
        self._replace = replace
        self._progress = progress
        self._terms = terms
        self._names = ("download", client.site, path, os.fspath(self.local))
        self._part = _part_of(self.local, secrets.token_hex(6))
        self._note: Note | None = None
        self._file: BinaryIO | None = None
        self._at = 0
        self._identity = ""
        self._digest: Digest | None = None
        """Of all bytes here; None where an earlier process wrote some of them."""
        self._kept = False
        self._opening: asyncio.Task[BinaryIO] | None = None
        self._writing: asyncio.Task[None] | None = None

    async def run(self) -> Resource:
        await asyncio.to_thread(self._check_place)
        if await asyncio.to_thread(self._terms.notes.exist, *self._names):
            await self._adopt(await self._claim())
        patience = Patience(self._terms.patience)
        changes = 0
        while True:
            try:
                return await self._attempt()
            except (_Restart, RangeNotSatisfiable) as error:
                changes += 1
                if changes > CHANGES:
                    raise TransferFailed(
                        f"Could not save {self._path}: it changes while it is read. Try again later."
                    ) from error
                if self._at:
                    self._terms.say(
                        f"{self._path} was changed at {self._client.site} meanwhile: it starts again."
                    )
                await self._begin_again()
            except MeshError as error:
                await patience.wait(error, self._at)

    async def close(self) -> None:
        """Leave what a later process can go on with, and nothing else."""
        if self._writing is not None:
            await asyncio.wait({self._writing})
        if self._file is None and self._opening is not None:
            # A thread goes on although nobody waits for it any more.
            with suppress(OSError):
                self._file = await self._opening
        if self._file is not None:
            await asyncio.to_thread(self._file.close)
            if not self._kept:
                await asyncio.to_thread(self._part.unlink, missing_ok=True)
        if self._note is not None:
            await self._note.close()

    async def _attempt(self) -> Resource:
        async with self._client.download(self._path, start=self._at) as opened:
            resource = opened.resource
            identity = identity_of(resource)
            if self._at and identity != self._identity:
                raise _Restart
            self._identity = identity
            file = await self._prepare(resource)
            await self._receive(file, opened.views, resource)
        await self._verify(file, resource)
        await asyncio.to_thread(self._publish)
        self._kept = True
        if self._note is not None:
            await self._note.drop()
            self._note = None
        return resource

    async def _prepare(self, resource: Resource) -> BinaryIO:
        """The file that it grows in, with room for all of it."""
        if self._progress is not None:
            self._progress(self._at, resource.size)
        free = (await asyncio.to_thread(shutil.disk_usage, self._part.parent)).free
        if resource.size - self._at > free:
            raise QuotaExceeded(
                f"Could not save {self._path}: {resource.size - self._at:,} bytes are still to come, and {free:,} are "
                f"free on this machine for {self.local}. Free some room, then try again."
            )
        if self._note is None and resource.size >= NOTED_FROM:
            await self._claim()
        file = self._file
        if file is None:
            file = self._file = await self._opened(new=True)
        if not self._at:
            await asyncio.to_thread(file.truncate, 0)
            self._digest = digest(resource.checksum.algorithm) if resource.checksum else None
            if self._note is not None:
                await self._note.write(
                    kind="download",
                    site=self._client.site,
                    path=self._path,
                    local=os.fspath(self.local),
                    part=os.fspath(self._part),
                    size=resource.size,
                    identity=self._identity,
                    checked=resource.checksum is not None,
                    boot=_boot(),
                    began=time.time(),
                    transfer=self._terms.transfer,
                )
                self._kept = True
        return file

    async def _receive(
        self, file: BinaryIO, views: AsyncIterator[memoryview], resource: Resource
    ) -> None:
        """Write what comes; a block is written while the next one is received."""
        gathered = bytearray()
        try:
            async for view in views:
                gathered += view
                if len(gathered) >= BLOCK:
                    await self._written()
                    self._writing = asyncio.create_task(self._write(file, gathered, resource.size))
                    gathered = bytearray()
        finally:
            # What has come before a break stays.
            await self._written()
            if gathered:
                self._writing = asyncio.create_task(self._write(file, gathered, resource.size))
                await self._written()

    async def _opened(self, *, new: bool) -> BinaryIO:
        self._opening = asyncio.create_task(asyncio.to_thread(_open_part, self._part, new=new))
        return await asyncio.shield(self._opening)

    async def _written(self) -> None:
        """Wait for the last block: a thread that writes is never left behind, whatever ends the wait."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(self, file: BinaryIO, block: bytearray, size: int) -> None:
        await asyncio.to_thread(_write_all, file, block, self._at, self._digest)
        self._at += len(block)
        if self._progress is not None:
            self._progress(self._at, size)

    async def _verify(self, file: BinaryIO, resource: Resource) -> None:
        if self._at != resource.size:
            raise TransferFailed(
                f"Could not save {self._path}: {self._at} of {resource.size} bytes came. Try again."
            )
        await asyncio.to_thread(os.fsync, file.fileno())
        told = resource.checksum
        if told is None or digest(told.algorithm) is None:
            return
        if self._digest is not None:
            found = self._digest.hexdigest()
        else:
            whole = await checksum_of(file, resource.size, told.algorithm)
            found = whole.value if whole else ""
        if found != told.value:
            resumed = self._digest is None
            await self._begin_again()
            if resumed:
                # The part of an earlier process may have suffered: all of it is fetched once more.
                self._terms.say(f"What was here of {self._path} was damaged: it starts again.")
                raise _Restart
            raise TransferFailed(
                f"Could not save {self._path}: the content is not what {self._client.site} says its checksum is. Try again."
            )

    async def _claim(self) -> Note:
        note = await self._terms.notes.claim(f"{self._path} to {self.local}", *self._names)
        self._note = note
        # One process alone works on this name, and every later one finds it.
        self._part = _part_of(self.local, note.name)
        return note

    async def _adopt(self, note: Note) -> None:
        """Go on with what an earlier process left, if it can be trusted."""
        facts = note.facts
        # After a crash of the machine the end of a file may be missing though its length is there.
        if not facts.get("checked") and (not _boot() or facts.get("boot") != _boot()):
            return
        try:
            self._file = await self._opened(new=False)
        except OSError:
            return
        self._kept = True
        self._at = os.fstat(self._file.fileno()).st_size
        self._identity = str(facts.get("identity", ""))

    async def _begin_again(self) -> None:
        self._at = 0
        self._digest = None

    # On the disk, in threads

    def _check_place(self) -> None:
        if self.local.is_dir():
            raise IsADirectory(f"Could not save {self._path}: {self.local} is a folder.")
        if self._replace is False and os.path.lexists(self.local):
            raise self._taken()
        if self.local.exists() and not self.local.is_file():
            # A device or a pipe would be one no more.
            raise InvalidRequest(
                f"Could not save {self._path}: {self.local} is no ordinary file. Choose another name."
            )
        # Asked before anything is fetched.
        self.local.parent.stat()

    def _taken(self) -> MeshError:
        return AlreadyExists(
            f"Could not save {self._path}: {self.local} exists already. Choose another name, or replace it."
        )

    def _publish(self) -> None:
        """Give the whole file its name."""
        if self._replace is False:
            try:
                os.link(self._part, self.local)
            except FileExistsError:
                raise self._taken() from None
            except OSError:
                # Not every disk has hard links.
                if os.path.lexists(self.local):
                    raise self._taken() from None
                self._part.replace(self.local)
            else:
                self._part.unlink()
            return
        with suppress(FileNotFoundError):
            before = self.local.stat()
            if self._replace is not True and stamp_of(before) != self._replace:
                raise Conflict(
                    f"Could not save {self._path}: {self.local} was changed meanwhile. Nothing was overwritten."
                )
            self._part.chmod(before.st_mode & 0o7777)
        self._part.replace(self.local)


def identity_of(resource: Resource) -> str:
    """What is different after a change of the content; sites without etags (OCM mounts) have time and size."""
    state = resource.etag or f"{resource.modified.timestamp():.6f}"
    return f"{resource.id}-{state}-{resource.size}"


def _part_of(local: Path, key: str) -> Path:
    """A hidden name beside the file, never too long."""
    start = os.fsencode(local.name)[:180].decode("utf-8", "ignore")
    return local.with_name(f".{start}.{key[:12]}.part")


def _open_part(path: Path, *, new: bool = True) -> BinaryIO:
    """Open the file that grows; FileNotFoundError without a ``new`` one that can be trusted.

    Its name can be told beforehand, and others may write to the folder: what they have put there, a link to a
    file of the user or a file of their own, is not written to.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0)
    if not new:
        descriptor = os.open(path, flags)
        status = os.fstat(descriptor)
        mine = status.st_uid == os.geteuid() and status.st_nlink == 1
        if not (mine and stat.S_ISREG(status.st_mode)):
            os.close(descriptor)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    else:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
    return open(descriptor, "r+b", buffering=0)


def _write_all(file: BinaryIO, block: bytearray, at: int, growing: Digest | None) -> None:
    with memoryview(block) as view:
        written = 0
        while written < len(view):
            written += os.pwrite(file.fileno(), view[written:], at + written)
        if growing is not None:
            growing.update(view)


def _boot() -> str:
    """What is different after the machine was started again; "" where it is not told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
