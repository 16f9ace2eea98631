"""The files of this server as a store that trees are copied from and to."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from jupyter_mesh.cs3.body import body_of
from jupyter_mesh.cs3.trees import Entry, Opened
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
from jupyter_mesh.threads import opened, to_its_end

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from jupyter_mesh.cs3.body import Body

__all__ = ["LocalStore", "disk_failures"]

R = TypeVar("R")


class LocalStore:
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
    async def read(self, path: str) -> AsyncIterator[Opened]:
        """The content, read in threads; raises IsADirectory."""
        where = Path(self._locate(path))
        entry = await self._do(path, _entry_of)
        if entry.is_directory:
            raise IsADirectory(f'"{path}" is a folder.')
        async with body_of(where) as body:
            yield Opened(entry, body)

    async def write(self, path: str, body: Body, progress: Callable[[int], None]) -> None:
        """A temporary file beside the target, renamed when complete."""
        target = Path(self._locate(path))
        with disk_failures(path):
            part = target.with_name(f".mesh-{secrets.token_hex(8)}.part")
            file = await opened(part.open, "xb")
            try:
                written = 0
                async for piece in body.chunks():
                    written += await to_its_end(file.write, piece)
                    progress(written)
                await asyncio.to_thread(file.close)
                if written != body.size:
                    raise TransferFailed(
                        f'"{path}" was not copied: {written} of {body.size} bytes arrived. Try again.'
                    )
                await asyncio.to_thread(_publish, part, target)
            finally:
                await asyncio.shield(asyncio.to_thread(_drop, file, part))

    async def make_folder(self, path: str) -> None:
        """A new folder."""
        await self._do(path, Path.mkdir)

    async def can_rename(self, path: str) -> bool:
        """Everywhere on a disk."""
        return True

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


def _drop(file: BinaryIO, part: Path) -> None:
    part.unlink(missing_ok=True)
    # What could not be written is in its buffer still, and fails once more.
    with suppress(OSError):
        file.close()


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
