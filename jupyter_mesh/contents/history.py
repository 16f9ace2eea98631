"""The past of the mesh in Jupyter: versions of files, and the bin of a space."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from jupyter_mesh.contents.answers import answers
from jupyter_mesh.contents.questions import RECENT
from jupyter_mesh.contents.reading import MeshReader
from jupyter_mesh.errors import (
    IsADirectory,
    LoginEnded,
    MeshError,
    NotAllowed,
    NotFound,
    NotSupported,
    SiteError,
    Unavailable,
)
from jupyter_mesh.paths import SHARES, is_within

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from jupyter_mesh.cs3.client import Download
    from jupyter_mesh.models import BinItem, Resource, Version

__all__ = ["MeshHistory", "Past"]

PURGES_AT_ONCE = 8


class Past(NamedTuple):
    """A file as it is, and what the site keeps of it."""

    current: Resource
    versions: list[Version]
    """Newest first."""
    kept: bool
    """False where the site keeps no versions of this file, or does not tell this user."""
    shown: bool
    """False where versions can be restored, but not looked at."""


class MeshHistory(MeshReader):
    """Versions that come back and files that come back from the bin. Both are told to the manager's memory.

    The methods for checkpoints raise HTTPError, as Jupyter expects; the others raise MeshError.
    """

    # Versions

    @answers
    async def versions(self, path: str) -> list[Version]:
        """The versions of a file; none where the site keeps none, or does not show them."""
        _, mesh = self._open(path, 404)
        return await self._kept(mesh) or []

    async def past(self, path: str) -> Past:
        """A file and its versions: one Stat beside one ListFileVersions. Raises IsADirectory, NotFound.

        The first call of a client also finds out whether the site shows versions.
        """
        path, mesh = self._open(path, 404)
        current, kept = await asyncio.gather(self._stat(mesh), self._kept(mesh))
        if current.is_directory:
            raise IsADirectory(f'"{path}" is a folder: versions are kept of files.')
        # An empty one would show nothing of how the site is.
        trial = next((version.key for version in kept or () if version.size), "")
        shown = not trial or await self.client.shows_versions(mesh, trial)
        return Past(current, kept or [], kept is not None, shown)

    async def _kept(self, mesh: str) -> list[Version] | None:
        """The versions of a file; None where the site keeps none of it."""
        try:
            return await self.client.versions(mesh)
        except (NotSupported, NotAllowed):
            return None
        except SiteError:
            # Reva says INTERNAL for files of other sites.
            if is_within(mesh, SHARES):
                return None
            raise

    def state(self, path: str, key: str = "") -> AbstractAsyncContextManager[Download]:
        """An open download of a file, or of its version ``key``. Raises what ``MeshClient.download`` raises."""
        _, mesh = self._open(path, 404)
        return self.client.download(mesh, version=key)

    @answers
    async def modified(self, path: str) -> datetime:
        """When a file was changed last."""
        _, mesh = self._open(path, 404)
        known = self._memory.last(mesh, RECENT) or await self._stat(mesh)
        return known.modified

    @answers
    async def restore_version(self, path: str, key: str) -> Resource:
        """Have the site put a version back in place of the file as it is; the file as it is then."""
        path, mesh = self._open(path)
        async with self._locks.hold(mesh):
            await self.mounted.flush(mesh)
            await self.savelocks.release(mesh)
            # What is open in a browser is not this content: nothing builds on it before it is read.
            try:
                resource = await self.client.restore_version(mesh, key)
            finally:
                self._memory.forget(mesh)
        self.emit(data={"action": "save", "path": path})
        return resource

    # The bin

    async def bin(self, path: str) -> list[BinItem]:
        """What was deleted in the space that holds ``path`` and is shown here, latest first. One ListRecycle."""
        root = self.mesh_path(self.prefix)
        items = await self.client.bin(self.mesh_path(path))
        return [item for item in items if is_within(item.path, root)] if root else items

    async def restore_from_bin(self, path: str, key: str, to: str = "") -> Resource:
        """Put a deleted thing back at the API path ``to``, or where it was.

        ``path`` is any API path of its space. Raises NotFound if the bin does not hold ``key`` or the folder of
        the place is gone, AlreadyExists if the place is taken: nothing is ever replaced.
        """
        (item,) = await self._in_bin(path, [key])
        target, mesh = self._open(to) if to else (self.api_path(item.path), item.path)
        async with self._locks.hold(mesh):
            try:
                resource = await self.client.restore_from_bin(item, to=mesh)
            finally:
                self._memory.forget(mesh)
        self.emit(data={"action": "save", "path": target})
        return resource

    async def purge_from_bin(self, path: str, keys: list[str]) -> dict[str, MeshError]:
        """Delete the things with these keys for ever; what could not be deleted, and why.

        Raises NotFound, before anything is deleted, if the bin does not hold one of them, and LoginEnded or
        Unavailable if that ends it on the way.
        """
        items = await self._in_bin(path, keys)
        left = iter(items)
        failures: dict[str, MeshError] = {}
        ends: list[MeshError] = []

        async def purge() -> None:
            for item in left:
                if ends:
                    return
                try:
                    await self.client.purge_from_bin(item)
                except (LoginEnded, Unavailable) as error:
                    ends.append(error)
                except MeshError as error:
                    failures[item.key] = error

        await asyncio.gather(*[purge() for _ in range(PURGES_AT_ONCE)])
        if ends:
            raise ends[0]
        return failures

    async def _in_bin(self, path: str, keys: Iterable[str]) -> list[BinItem]:
        """The items with these keys. What a browser says is looked up: keys lead nowhere else."""
        known = {item.key: item for item in await self.bin(path)}
        try:
            return [known[key] for key in dict.fromkeys(keys)]
        except KeyError:
            raise NotFound("It is not in the bin any more.") from None
