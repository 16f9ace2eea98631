"""Copies: CS3 has no call for them, so the content comes here and goes back, file by file."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from jupyter_mesh.cs3.reading import Reading
from jupyter_mesh.cs3.wire import children_of
from jupyter_mesh.cs3.writing import Writing
from jupyter_mesh.errors import AlreadyExists, Conflict, InvalidRequest, MeshError
from jupyter_mesh.paths import MeshPath, is_within

if TYPE_CHECKING:
    from jupyter_mesh.cs3.place import Place
    from jupyter_mesh.models import Resource

__all__ = ["Copying"]

FILES_AT_ONCE = 6


class Copying(Reading, Writing):
    """Copies of files and folders."""

    async def copy(self, source: str, target: str) -> Resource:
        """Copy a file or a folder with all it holds, and return the copy. Raises AlreadyExists, NotFound.

        A folder grows under a temporary name beside the target and is renamed at the end: a half copy never
        has the final name, and is deleted when anything fails. Ids, versions, metadata and shares stay with
        the original.
        """
        start = await self._place(MeshPath.parse(source))
        end = await self._inside(target)
        if start.base == end.base and is_within(end.rel, start.rel):
            raise InvalidRequest(
                f"Could not copy {source} to {target}: a folder cannot be copied into itself."
            )
        if await self._stat_if_there(end) is not None:
            raise AlreadyExists(
                f"Could not copy {source} to {target}: there is something of that name."
            )
        await self._copy(start, end)
        return await self._stat(end)

    async def _copy(self, start: Place, end: Place) -> None:
        found = await self._stat(start)
        if not found.is_directory:
            await self._copy_file(start, end)
            return
        growing = end.beside(f".{secrets.token_hex(8)}.copying")
        await self._create(growing)
        try:
            await self._copy_folder(start, growing, asyncio.Semaphore(FILES_AT_ONCE))
            await self._rename(growing, end, f"copy {start.path} to {end.path}", "")
        except BaseException:
            await asyncio.shield(self._discard(growing))
            raise

    async def _copy_folder(self, start: Place, end: Place, gate: asyncio.Semaphore) -> None:
        """The children of a folder into one that exists; the first failure cancels the rest."""
        request = provider.ListContainerRequest(ref=start.ref)
        reply = await self._call("ListContainer", request, f"list {start.path}", repeat=True)
        children = await asyncio.to_thread(children_of, reply.infos, start.path)
        try:
            async with asyncio.TaskGroup() as group:
                for child in children:
                    inner, outer = start.below(child.name), end.below(child.name)
                    if child.is_directory:
                        await self._create(outer)
                        await self._copy_folder(inner, outer, gate)
                    else:
                        group.create_task(self._copy_gated(inner, outer, gate))
        except* MeshError as failures:
            first = failures.exceptions[0]
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            failure = first
        else:
            return
        raise failure

    async def _copy_gated(self, start: Place, end: Place, gate: asyncio.Semaphore) -> None:
        async with gate:
            await self._copy_file(start, end)

    async def _copy_file(self, start: Place, end: Place) -> None:
        async with self._opened(start) as download:
            await self._write_new(end, download, download.stop)

    async def _discard(self, place: Place) -> None:
        """Delete what was only half copied; what cannot be deleted is left under its temporary name."""
        try:
            await self._patiently(
                place, "Delete", provider.DeleteRequest(ref=place.ref), f"delete {place.path}"
            )
        except MeshError:
            return

    async def _move_by_copy(self, start: Place, end: Place, lock_id: str) -> None:
        before = await self._stat(start)
        await self._copy(start, end)
        if (await self._stat(start)).etag != before.etag:
            await self._discard(end)
            raise Conflict(
                f"Could not move {start.path} to {end.path}: it was changed meanwhile. Nothing was moved; try again."
            )
        request = provider.DeleteRequest(ref=start.ref, lock_id=lock_id)
        await self._patiently(start, "Delete", request, f"delete {start.path}")
