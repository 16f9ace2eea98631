"""Copies: CS3 has no call for them, so the content comes here and goes back, file by file."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from jupyter_mesh.cs3.body import Body
from jupyter_mesh.cs3.reading import Reading
from jupyter_mesh.cs3.trees import CopyProgress, Entry, Opened, Store, copy_tree, states
from jupyter_mesh.cs3.writing import Writing
from jupyter_mesh.errors import Conflict, InvalidRequest, MeshError, TransferFailed
from jupyter_mesh.models import Checksum
from jupyter_mesh.paths import MeshPath, is_within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from jupyter_mesh.auth import TokenSource
    from jupyter_mesh.config import SiteSettings
    from jupyter_mesh.cs3.place import Place
    from jupyter_mesh.cs3.reading import Download
    from jupyter_mesh.models import Resource

__all__ = ["Copying"]

STREAMS = 6
"""Downloads that wait for their upload at a time: their connections must never be all there are."""


class Copying(Reading, Writing):
    """Copies of files and folders."""

    def __init__(self, settings: SiteSettings, token: TokenSource) -> None:
        super().__init__(settings, token)
        self._streams = asyncio.Semaphore(STREAMS)

    async def copy(
        self, source: str, target: str, *, progress: CopyProgress | None = None
    ) -> Resource:
        """Copy a file or a folder with all it holds, and return the copy. Raises AlreadyExists, NotFound.

        ``progress`` hears of every piece: bytes written, and bytes in all (None until they are known). A folder
        grows under a temporary name beside the target and is renamed at the end: a half copy never has the final
        name, and is deleted when anything fails or the task is cancelled. Ids, versions, metadata and shares
        stay with the original. A file costs a download and an upload.
        """
        start = await self._place(MeshPath.parse(source))
        end = await self._inside(target)
        if start.base == end.base and is_within(end.rel, start.rel):
            raise InvalidRequest(
                f"Could not copy {source} to {target}: a folder cannot be copied into itself."
            )
        store = self.store()
        return (await copy_tree(store, source, store, target, progress=progress)).result

    def store(self) -> Store[Resource]:
        """The files of this site, for copies from and to other stores. Paths are mesh paths."""
        return _SiteStore(self)

    async def _move_by_copy(
        self, start: Place, end: Place, lock_id: str, *, over: bool = False
    ) -> None:
        store = self.store()
        if over:
            async with store.read(start.path) as opened:
                await self.upload(end.path, opened.body)
            copied = {"": opened.entry.state}
        else:
            copied = (await copy_tree(store, start.path, store, end.path)).states
        if await states(store, start.path) != copied:
            if not over:
                await asyncio.shield(store.remove(end.path))
            raise Conflict(
                f"Could not move {start.path} to {end.path}: it was changed meanwhile. Nothing was moved; try again."
            )
        await self.delete(start.path, lock_id=lock_id)


class _SiteStore:
    """The files of a site as a Store."""

    def __init__(self, client: Copying) -> None:
        self._client = client

    async def look(self, path: str) -> Entry:
        return _entry_of(await self._client.stat(path))

    async def entries(self, path: str) -> list[Entry]:
        return [_entry_of(child) for child in await self._client.list_folder(path)]

    @asynccontextmanager
    async def read(self, path: str) -> AsyncIterator[Opened]:
        async with self._client._streams, AsyncExitStack() as stack:
            download = await stack.enter_async_context(self._client.download(path))
            body = _Passing(self._client, stack, download)
            yield Opened(_entry_of(download.resource), body)

    async def write(self, path: str, body: Body, progress: Callable[[int], None]) -> Resource:
        return await self._client.upload(path, body, if_absent=True, progress=progress)

    async def make_folder(self, path: str) -> None:
        await self._client._create(await self._client._inside(path))

    async def can_rename(self, path: str) -> bool:
        # Some sites can rename nothing in what comes from others, and there is no way to ask.
        return not (await self._client._place(MeshPath.parse(path))).is_remote

    async def rename(self, path: str, to: str) -> Resource:
        if path == to:
            return await self._client.stat(to)
        return await self._client.move(path, to)

    async def remove(self, path: str) -> None:
        await self._client.delete(path)


def _entry_of(found: Resource) -> Entry:
    if found.is_directory:
        return Entry(found.name, True)
    # Sites without etags (OCM mounts) have time and size.
    state = found.etag or f"{found.modified.timestamp():.6f}-{found.size}"
    return Entry(found.name, False, found.size, state)


class _Passing(Body):
    """The content of a file of the site, passed on as it comes; asked for again where a part is needed again.

    Its checksum is the one the site has, else that of what was passed on, once all of it was.
    """

    def __init__(self, client: Copying, stack: AsyncExitStack, download: Download) -> None:
        self.size = download.resource.size
        self._client = client
        self._stack = stack
        self._resource = download.resource
        self._chunks = aiter(download)
        self._at = 0
        self._left = b""
        self._digest = hashlib.sha1(usedforsecurity=False)
        self._digested = 0

    @property
    def checksum(self) -> Checksum | None:  # type: ignore[override]  # told later than by other bodies
        if self._resource.checksum is not None:
            return self._resource.checksum
        whole = self._digested == self.size
        return Checksum("sha1", self._digest.hexdigest()) if whole else None

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        stop = self.size if stop is None else stop
        try:
            if start != self._at:
                await self._reopen(start)
            while start < stop:
                piece = self._left or await anext(self._chunks)
                piece, self._left = piece[: stop - start], piece[stop - start :]
                if self._at == self._digested:
                    self._digest.update(piece)
                    self._digested += len(piece)
                self._at += len(piece)
                start += len(piece)
                yield piece
        except MeshError as error:
            self.failure = error
            raise

    async def _reopen(self, start: int) -> None:
        path = self._resource.path
        again = await self._stack.enter_async_context(self._client.download(path, start=start))
        if _entry_of(again.resource).state != _entry_of(self._resource).state:
            raise TransferFailed(
                f"{path} was changed while it was copied. Nothing was copied; try again."
            )
        self._chunks, self._at, self._left = aiter(again), start, b""
