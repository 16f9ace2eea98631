"""Copies between places: inside the mesh, and between the mesh and the files of this server."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from jupyter_mesh.contents.models import hash_of
from jupyter_mesh.errors import (
    AlreadyExists,
    InvalidRequest,
    IsADirectory,
    MeshError,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    SiteError,
    TransferFailed,
)
from jupyter_mesh.paths import join, parent_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import Resource

__all__ = ["Entry", "LocalPlace", "MeshPlace", "Place", "copy_tree", "disk_failures", "states"]

R = TypeVar("R")

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """What a copy must know of a file or folder."""

    name: str
    is_directory: bool
    size: int = 0
    state: str = ""
    """Of a file: what is different after a change of its content."""


class Reading(NamedTuple):
    """An open file: how many bytes will come, and the bytes."""

    size: int
    chunks: AsyncIterable[bytes]


class Place(Protocol):
    """Where files can be copied from and to. Paths are the place's own; failures are MeshErrors."""

    async def look(self, path: str) -> Entry: ...
    async def entries(self, path: str) -> list[Entry]: ...
    def read(self, path: str) -> AbstractAsyncContextManager[Reading]: ...
    async def write(self, path: str, chunks: AsyncIterable[bytes], size: int) -> None:
        """Store ``size`` bytes under a new name, all or nothing; AlreadyExists if it is taken."""

    async def make_folder(self, path: str) -> None:
        """Make a new folder; AlreadyExists if the name is taken."""

    async def rename(self, path: str, to: str) -> None:
        """Give a folder a new name; AlreadyExists if it is taken."""

    async def remove(self, path: str) -> None:
        """Remove a file, or a folder with all it holds."""


async def states(place: Place, path: str, entry: Entry | None = None) -> dict[str, str]:
    """What is at ``path`` and below: equal as long as nothing was added, changed or removed."""
    entry = entry or await place.look(path)
    if not entry.is_directory:
        return {path: entry.state}
    found = {path: ""}
    for child in await place.entries(path):
        found |= await states(place, join(path, child.name), child)
    return found


async def copy_tree(source: Place, path: str, target: Place, to: str) -> None:
    """Copy a file, or a folder with all it holds, to the new path ``to``, and check every size.

    A folder grows under a hidden name, and is removed again when something fails: nobody takes a half folder
    for a whole one, and nobody's files lie in it.
    """
    entry = await source.look(path)
    if not entry.is_directory:
        await _copy_file(source, path, target, to)
        return
    growing = join(parent_of(to), f".mesh-{secrets.token_hex(8)}.part")
    try:
        await target.make_folder(growing)
        await _copy_entries(source, path, target, growing)
        await target.rename(growing, to)
    except BaseException as error:
        with suppress(MeshError):
            await asyncio.shield(target.remove(growing))
        if isinstance(error, MeshError):
            # Users know it by the name that it was to get.
            raise type(error)(str(error).replace(growing, to), trace=error.trace) from error
        raise


async def _copy_entries(source: Place, path: str, target: Place, to: str) -> None:
    for entry in await source.entries(path):
        below, there = join(path, entry.name), join(to, entry.name)
        if entry.is_directory:
            await target.make_folder(there)
            await _copy_entries(source, below, target, there)
        else:
            await _copy_file(source, below, target, there)


async def _copy_file(source: Place, path: str, target: Place, to: str) -> None:
    async with source.read(path) as (size, chunks):
        await target.write(to, chunks, size)
    stored = (await target.look(to)).size
    if stored != size:
        with suppress(MeshError):
            await target.remove(to)
        raise TransferFailed(
            f'"{path}" was not copied: {stored} of {size} bytes arrived. Try again.'
        )


class MeshPlace:
    """The files of a site; paths are mesh paths."""

    def __init__(self, client: MeshClient) -> None:
        self._client = client

    async def look(self, path: str) -> Entry:
        """Name, kind and size; raises NotFound."""
        found = await self._client.stat(path)
        return _entry_at_site(found)

    async def entries(self, path: str) -> list[Entry]:
        """What the folder holds."""
        children = await self._client.list_folder(path)
        return [_entry_at_site(each) for each in children]

    @asynccontextmanager
    async def read(self, path: str) -> AsyncIterator[Reading]:
        """The content in pieces."""
        async with self._client.download(path) as download:
            yield Reading(download.stop - download.start, download)

    async def write(self, path: str, chunks: AsyncIterable[bytes], size: int) -> None:
        """One upload under a new name."""
        await self._client.upload(path, chunks, size=size, if_absent=True)

    async def make_folder(self, path: str) -> None:
        """A new folder."""
        await self._client.mkdir(path)

    async def rename(self, path: str, to: str) -> None:
        """One Move."""
        await self._client.move(path, to)

    async def remove(self, path: str) -> None:
        """To the site's bin."""
        await self._client.delete(path)


def _entry_at_site(found: Resource) -> Entry:
    state = "" if found.is_directory else hash_of(found)
    return Entry(found.name, found.is_directory, found.size, state)


class LocalPlace:
    """Files of this server. ``locate`` turns an API path into a path on disk and keeps it below the root."""

    def __init__(self, locate: Callable[[str], str]) -> None:
        self._locate = locate

    async def look(self, path: str) -> Entry:
        """Name, kind and size; raises NotFound."""
        return await self._do(path, _entry_of)

    async def entries(self, path: str) -> list[Entry]:
        """What the folder holds; InvalidRequest for what is neither file nor folder."""
        return await self._do(path, _entries_of)

    @asynccontextmanager
    async def read(self, path: str) -> AsyncIterator[Reading]:
        """The content in pieces, read in threads."""
        file = await self._do(path, lambda where: where.open("rb", buffering=0))

        async def pieces() -> AsyncIterator[bytes]:
            while piece := await asyncio.to_thread(file.read, BLOCK):
                yield piece

        try:
            yield Reading(os.fstat(file.fileno()).st_size, pieces())
        finally:
            await asyncio.to_thread(file.close)

    async def write(self, path: str, chunks: AsyncIterable[bytes], size: int) -> None:
        """A temporary file beside the target, renamed when complete."""
        target = Path(self._locate(path))
        with disk_failures(path):
            part = target.with_name(f".mesh-{secrets.token_hex(8)}.part")
            file = await asyncio.to_thread(part.open, "xb")
            try:
                async for piece in chunks:
                    await asyncio.to_thread(file.write, piece)
                await asyncio.to_thread(file.close)
                await asyncio.to_thread(_publish, part, target)
            finally:
                await asyncio.to_thread(file.close)
                await asyncio.to_thread(part.unlink, missing_ok=True)

    async def make_folder(self, path: str) -> None:
        """A new folder."""
        await self._do(path, Path.mkdir)

    async def rename(self, path: str, to: str) -> None:
        """Within one disk; an empty folder that comes there at this moment is taken over."""
        where = Path(self._locate(path))
        await self._do(to, lambda target: _rename(where, target))

    async def remove(self, path: str) -> None:
        """Removed for good."""
        await self._do(path, _remove)

    async def _do(self, path: str, work: Callable[[Path], R]) -> R:
        with disk_failures(path):
            return await asyncio.to_thread(work, Path(self._locate(path)))


def _entry_of(where: Path) -> Entry:
    if where.is_dir():
        if where.is_symlink():
            raise InvalidRequest(
                f'"{where.name}" is a link to another folder: it cannot be copied.'
            )
        return Entry(where.name, True)
    if not where.is_file():
        # Opening a pipe would wait for somebody to write into it; a dead link holds nothing.
        where.lstat()
        raise InvalidRequest(f'"{where.name}" is not an ordinary file: it cannot be copied.')
    status = where.stat()
    state = f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
    return Entry(where.name, False, status.st_size, state)


def _entries_of(where: Path) -> list[Entry]:
    return [_entry_of(each) for each in sorted(where.iterdir())]


def _publish(part: Path, target: Path) -> None:
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:
        # This file system has no hard links, the only way to rename without replacing.
        if target.exists():
            raise FileExistsError(errno.EEXIST, "exists") from None
        part.rename(target)


def _rename(where: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "exists")
    where.rename(target)


def _remove(where: Path) -> None:
    if where.is_dir() and not where.is_symlink():
        shutil.rmtree(where)
    else:
        where.unlink()


@contextmanager
def disk_failures(path: str) -> Iterator[None]:
    """Say in one sentence what the disk refused."""
    try:
        yield
    except MeshError:
        raise
    except FileNotFoundError as error:
        raise NotFound(f'There is no "{path}" on this server.') from error
    except IsADirectoryError as error:
        raise IsADirectory(f'"{path}" is a folder.') from error
    except FileExistsError as error:
        raise AlreadyExists(f'"{path}" exists already. Choose another name.') from error
    except PermissionError as error:
        raise NotAllowed(f'This server does not allow that with "{path}".') from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise QuotaExceeded(f'"{path}" does not fit: this server has no room left.') from error
        raise SiteError(f'"{path}" could not be read or written on this server.') from error
