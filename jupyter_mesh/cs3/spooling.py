"""Copies of files for sites that only send whole files: many parts of one file cost one download.

A copy lies in a file without a name on this machine's disk, so that nobody else can open it and nothing is
left of it whatever ends this process. It serves as long as the site's file has the same id, etag and size.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import OrderedDict
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, BinaryIO

from jupyter_mesh.errors import MeshError, TransferFailed
from jupyter_mesh.threads import opened, to_its_end

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from jupyter_mesh.models import Resource

__all__ = ["Copies", "LocalCopy"]

WORTH_IT = 1 << 20
"""Bytes of a file from which on it is worth a copy; smaller ones are fetched again as fast."""

AT_MOST = 2 << 30
"""Bytes of all copies together."""

KEPT = 120.0
"""Seconds for which a copy stays after its last use."""

PIECE = 1 << 20


class LocalCopy:
    """A file that is being downloaded, or has been; parts of it are read as soon as they are there."""

    def __init__(
        self,
        resource: Resource,
        source: AsyncGenerator[memoryview, None],
        ended: Callable[[], object],
    ) -> None:
        self.resource = resource
        self.users = 0
        self.failure: MeshError | None = None
        self.expiry: asyncio.TimerHandle | None = None
        self._file: BinaryIO | None = None
        self._filled = 0
        self._reading: set[asyncio.Future[bytes]] = set()
        self._changed = asyncio.Condition()
        self._filling = asyncio.create_task(self._fill(source))
        # A task that is cancelled before it began would never close its source.
        self._filling.add_done_callback(lambda _: ended())

    async def views(self, start: int, stop: int) -> AsyncGenerator[memoryview, None]:
        """Bytes [start, stop); raises what ended the download if they never came."""
        while start < stop:
            async with self._changed:
                while self._filled <= start and self.failure is None:
                    await self._changed.wait()
            if self._file is None or self._filled <= start:
                raise self.failure or self._incomplete("the download ended early")
            count = min(self._filled, stop, start + PIECE) - start
            piece = await self._piece(self._file.fileno(), count, start)
            start += len(piece)
            yield memoryview(piece)

    async def close(self) -> None:
        """Stop the download and give the disk back; who still wants bytes is told that they do not come."""
        if self.expiry is not None:
            self.expiry.cancel()
        self._filling.cancel()
        await asyncio.wait({self._filling})
        self.failure = self.failure or self._incomplete("the connection to the site was closed")
        file, self._file = self._file, None
        if self._reading:
            await asyncio.wait(self._reading)
        if file is not None:
            await asyncio.to_thread(file.close)

    async def _piece(self, descriptor: int, count: int, start: int) -> bytes:
        reading = asyncio.get_running_loop().run_in_executor(
            None, os.pread, descriptor, count, start
        )
        # The file stays open as long as a thread reads it, whether or not somebody waits for that.
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)
        return await asyncio.shield(reading)

    async def _fill(self, source: AsyncGenerator[memoryview, None]) -> None:
        try:
            async with aclosing(source) as views:
                self._file = await opened(tempfile.TemporaryFile)
                async for view in views:
                    await to_its_end(_write, self._file, view, self._filled)
                    await self._tell(len(view))
            return
        except asyncio.CancelledError:
            self.failure = self._incomplete("the connection to the site was closed")
            raise
        except MeshError as error:
            self.failure = error
        except OSError as error:
            self.failure = self._incomplete(
                f"no copy can be kept on this machine, {error.strerror}"
            )
        finally:
            if self.failure is None and self._filled < self.resource.size:
                # Whatever ended it: nobody waits for bytes that never come.
                self.failure = self._incomplete("the download ended early")
            await self._tell(0)

    def _incomplete(self, why: str) -> MeshError:
        return TransferFailed(f"Could not read a part of {self.resource.path}: {why}. Try again.")

    async def _tell(self, count: int) -> None:
        async with self._changed:
            self._filled += count
            self._changed.notify_all()


def _write(file: BinaryIO, view: memoryview, at: int) -> None:
    while view:
        count = os.pwrite(file.fileno(), view, at)
        at += count
        view = view[count:]


class Copies:
    """The copies of one client. Whoever builds it awaits ``close()``."""

    def __init__(self) -> None:
        self._copies: OrderedDict[tuple[str, str, int], LocalCopy] = OrderedDict()
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def size(self) -> int:
        """Bytes that the copies take, or will."""
        return sum(copy.resource.size for copy in self._copies.values())

    def find(self, resource: Resource) -> LocalCopy | None:
        """The copy of exactly this content, if there is one."""
        copy = self._copies.get(_key(resource))
        return copy if copy is not None and copy.failure is None else None

    async def has_room(self, size: int) -> bool:
        """True if a file of ``size`` may be kept; what has not been used for longest goes for it."""
        folder = tempfile.gettempdir()
        free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
        if not WORTH_IT < size <= min(AT_MOST, free // 2):
            return False
        for copy in list(self._copies.values()):
            if self.size + size <= AT_MOST:
                break
            if not copy.users:
                self._forget(copy)
        return self.size + size <= AT_MOST

    def keep(
        self,
        resource: Resource,
        source: AsyncGenerator[memoryview, None],
        ended: Callable[[], object],
    ) -> LocalCopy:
        """Begin a copy of the content of ``resource`` from ``source``; ``ended`` is called when that has ended."""
        old = self._copies.get(_key(resource))
        if old is not None:
            self._forget(old)
        copy = self._copies[_key(resource)] = LocalCopy(resource, source, ended)
        return copy

    @asynccontextmanager
    async def using(self, copy: LocalCopy) -> AsyncIterator[LocalCopy]:
        """Keep a copy while it is read, and for a while after."""
        copy.users += 1
        if copy.expiry is not None:
            copy.expiry.cancel()
        key = _key(copy.resource)
        if self._copies.get(key) is copy:
            self._copies.move_to_end(key)
        try:
            yield copy
        finally:
            copy.users -= 1
            if not copy.users:
                loop = asyncio.get_running_loop()
                copy.expiry = loop.call_later(KEPT, self._forget, copy)

    async def close(self) -> None:
        """Drop all copies. May be awaited twice."""
        for copy in list(self._copies.values()):
            self._forget(copy)
        await asyncio.gather(*self._ending)

    def _forget(self, copy: LocalCopy) -> None:
        key = _key(copy.resource)
        if self._copies.get(key) is copy:
            del self._copies[key]
        task = asyncio.create_task(copy.close())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _key(resource: Resource) -> tuple[str, str, int]:
    return str(resource.id or resource.path), resource.etag, resource.size
