"""Uploads beside the contents REST, by the rules of the manager."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from jupyter_mesh.contents.models import hash_of
from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    IsADirectory,
    LoginEnded,
    MeshError,
    NotAllowed,
    NotFound,
    QuotaExceeded,
    Unavailable,
)
from jupyter_mesh.paths import name_of, parent_of

if TYPE_CHECKING:
    from jupyter_mesh.contents.manager import MeshContentsManager
    from jupyter_mesh.cs3.body import Body
    from jupyter_mesh.models import Resource
    from jupyter_mesh.transfers.registry import Progress

__all__ = ["SiteUploads"]


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
        await self._agree(path, found, replace)
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
            await self._agree(path, found, replace)
            try:
                resource = await manager.client.upload(
                    mesh,
                    body,
                    if_match=found.etag if found else "",
                    if_absent=found is None,
                    progress=lambda sent: progress(sent, body.size),
                )
            except Conflict as error:
                raise await self._changed(path, mesh) from error
            except AlreadyExists as error:
                raise _taken(path) from error
        manager.stored(path, resource)

    async def _find(self, mesh: str) -> Resource | None:
        try:
            return await self._manager.client.stat(mesh)
        except NotFound:
            return None

    async def _agree(self, path: str, found: Resource | None, replace: str) -> None:
        """Raise unless the user agreed to what storing at ``path`` does to what is there."""
        if found is None:
            return
        if found.is_directory:
            raise IsADirectory(f'"{path}" is a folder: it cannot be replaced with a file.')
        if not replace:
            raise _taken(path)
        if hash_of(found) != replace:
            raise await self._changed(path, found.path)

    async def _changed(self, path: str, mesh: str) -> MeshError:
        with suppress(NotFound):
            change = await self._manager.change_of(mesh)
            return Conflict(
                f'"{path}" was changed{change}, after you agreed to replace it. '
                "Nothing was overwritten: look at it, then decide again."
            )
        return Conflict(
            f'"{path}" was deleted after you agreed to replace it. Retry to store yours.'
        )

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
        except (LoginEnded, Unavailable):
            raise
        except MeshError:
            return  # Not every site tells it for every place.
        if quota.free is not None and size > quota.free:
            raise QuotaExceeded(
                f'"{path}" does not fit: it has {size:,} bytes, and {quota.free:,} are left at the site.'
            )


def _taken(path: str) -> MeshError:
    return AlreadyExists(f'"{path}" exists already. Replace it, or upload under another name.')
