"""Files and folders as names: make, delete and move, in the words of fsspec."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

from jupyter_mesh.errors import (
    AlreadyExists,
    InvalidRequest,
    IsADirectory,
    MeshError,
    NotADirectory,
    NotFound,
    NotSupported,
    SiteError,
)
from jupyter_mesh.fs.names import Names, join_path, path_of
from jupyter_mesh.paths import MeshPath, is_within, name_of, parent_of

__all__ = ["Changes"]


class Changes(Names):
    """The methods of fsspec that change names. Errors are those of ``jupyter_mesh.errors``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._making = asyncio.Lock()

    async def _mkdir(self, path: str, create_parents: bool = True, **kwargs: Any) -> None:
        """Make a folder. Raises AlreadyExists; NotFound without a parent unless ``create_parents``."""
        mesh = self._mesh(path)
        await self._make_folder(mesh, parents=create_parents, exist_ok=False)

    async def _makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a folder and those above it. Raises AlreadyExists unless ``exist_ok``, and always for a file."""
        await self._make_folder(self._mesh(path), parents=True, exist_ok=exist_ok)

    async def _make_folder(self, mesh: str, *, parents: bool, exist_ok: bool) -> None:
        parsed = MeshPath.parse(mesh)
        if parsed.is_area or parsed.is_space_root:
            # Nobody makes these; NotFound if there is no such space.
            await self.client().stat(mesh)
            if not exist_ok:
                raise AlreadyExists(f"Could not make the folder {mesh}: it is there already.")
            return
        client = self.client()
        try:
            try:
                await client.mkdir(mesh, exist_ok=exist_ok)
            except (NotFound, SiteError) as error:
                if not parents or (isinstance(error, SiteError) and not exist_ok):
                    raise
                # Reva fails when the same folders are made several times at once.
                async with self._making:
                    await client.mkdir(mesh, parents=True, exist_ok=exist_ok)
        except (NotFound, AlreadyExists, SiteError) as error:
            await self._refuse_below_a_file(mesh, error)
            raise
        finally:
            self.invalidate_cache(path_of(mesh))

    async def _make_room(self, mesh: str, error: MeshError) -> None:
        """Make the folders above a path; raises NotADirectory if one of them is a file."""
        await self._refuse_below_a_file(mesh, error)
        await self._make_folder(parent_of(mesh), parents=True, exist_ok=True)

    async def _refuse_below_a_file(self, mesh: str, error: MeshError) -> None:
        """Raise NotADirectory if a file stands where a folder above ``mesh`` should be."""
        above = parent_of(mesh)
        while above:
            try:
                found = await self.client().stat(above)
            except NotFound:
                above = parent_of(above)
                continue
            if not found.is_directory:
                raise NotADirectory(f"Could not make {mesh}: {above} is a file.") from error
            return

    async def _rmdir(self, path: str) -> None:
        """Delete an empty folder. Raises OSError (ENOTEMPTY) for another one, NotADirectory for a file."""
        mesh = self._mesh(path)
        if await self.client().children(mesh):
            raise OSError(
                errno.ENOTEMPTY, f"Could not delete {mesh} at {self.site}: it is not empty", path
            )
        await self._drop(mesh)

    async def _rm_file(self, path: str, **kwargs: Any) -> None:
        """Move a file to the bin. Stat and Delete. Raises IsADirectory, NotFound."""
        mesh = self._mesh(path)
        if (await self.client().stat(mesh)).is_directory:
            raise IsADirectory(
                f"Could not delete {mesh}: it is a folder. Delete it with recursive=True."
            )
        await self._drop(mesh)

    async def _rm(
        self,
        path: str | list[str],
        recursive: bool = False,
        batch_size: int | None = None,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Move files, and folders with all they hold if ``recursive``, to the bin: one Delete for each path given.

        Raises NotFound, IsADirectory, NotSupported for a ``maxdepth``.
        """
        if maxdepth is not None:
            raise NotSupported(
                "Folders are deleted as a whole here. Find the files that are to go, and delete those."
            )
        given = [self._mesh(found) for found in await self._expand_path(path)]
        if recursive:
            tops = [
                m for m in given if not any(m != other and is_within(m, other) for other in given)
            ]
            await self._each(self._drop, tops)
        else:
            await self._each(self._rm_file, [path_of(mesh) for mesh in given])

    async def _drop(self, mesh: str) -> None:
        try:
            await self.client().delete(mesh)
        finally:
            self.invalidate_cache(path_of(mesh))

    async def _mv(
        self,
        path1: str | list[str],
        path2: str | list[str],
        recursive: bool = False,
        maxdepth: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Rename or move by Move: id, shares and versions go along, folders as a whole.

        Into ``path2`` if that is a folder or ends in a slash; a file there is replaced, and goes to the bin.
        Folders above are made. Raises NotFound, IsADirectory, InvalidRequest for a move into itself.
        """
        if isinstance(path1, list) and isinstance(path2, list):
            pairs = list(zip(path1, path2, strict=True))
        else:
            if isinstance(path2, list):
                raise InvalidRequest("One name cannot become several. Give one target.")
            sources = await self._expand_path(path1)
            into = (
                path2.endswith("/")
                or not isinstance(path1, str)
                or sources != [self._strip_protocol(path1)]
                or await self._isdir(path2)
            )
            pairs = [
                (source, join_path(self._here(path2), name_of(source)) if into else path2)
                for source in sources
            ]
        for source, target in pairs:
            await self._shift(self._mesh(source), self._mesh(target))

    async def _shift(self, source: str, target: str) -> None:
        client = self.client()
        if source == target:
            await client.stat(source)
            return
        try:
            try:
                await client.move(source, target, replace=True)
            except NotFound as error:
                if not await client.exists(source):
                    raise
                await self._make_room(target, error)
                await client.move(source, target, replace=True)
        finally:
            self.invalidate_cache(path_of(source))
            self.invalidate_cache(path_of(target))
