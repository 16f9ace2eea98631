"""MeshContentsManager: the files of one site as Jupyter's contents."""

from __future__ import annotations

import os
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jupyter_mesh.contents.answers import answers
from jupyter_mesh.contents.documents import Stored, decode
from jupyter_mesh.contents.large import scratch
from jupyter_mesh.contents.models import HASH_ALGORITHM, Model, clean, hash_of, model_of, next_name
from jupyter_mesh.contents.pieces import LAST
from jupyter_mesh.contents.questions import RECENT
from jupyter_mesh.contents.save_errors import notes_errors
from jupyter_mesh.contents.writing import MeshWriter, base_in
from jupyter_mesh.cs3.body import Body
from jupyter_mesh.errors import (
    AlreadyExists,
    InvalidRequest,
    IsADirectory,
    NotADirectory,
    NotFound,
)
from jupyter_mesh.models import Checksum
from jupyter_mesh.paths import is_within, join, name_of, parent_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AsyncExitStack
    from typing import BinaryIO

    from jupyter_mesh.cs3.trees import CopyProgress
    from jupyter_mesh.models import Resource

__all__ = ["MeshContentsManager", "copy_name"]

COPY_MARK = re.compile(r"-Copy\d*(?=\.|$)")


def copy_name(name: str) -> str:
    """The name that a copy of ``name`` is numbered from: an earlier "-Copy1" goes."""
    return COPY_MARK.sub("", name)


class MeshContentsManager(MeshWriter):
    """The files of one site: the areas, or a part of them, as the root of Jupyter's contents.

    A save replaces only what its user has seen: the state that a front end names (``{"mesh": {"base": hash}}`` in
    the model), else the one that it read last, must still be there, or the save is a 412. One upload per path
    runs at a time. Each operation emits one event.
    """

    # Saving

    @answers
    @notes_errors
    async def save(self, model: Model, path: str) -> Model:
        """Store a file, a notebook or a piece of an upload, or make a folder; the model without content."""
        path, mesh = self._open(path)
        chunk = model.get("chunk")
        if chunk in (None, 1):
            self.run_pre_save_hooks(model=model, path=path)
        kind = model.get("type")
        if not kind:
            raise InvalidRequest("No file type provided")
        if model.get("content") is None and kind != "directory":
            raise InvalidRequest("No file content provided")
        message = ""
        if kind != "directory" and chunk in (None, LAST):
            await self.mounted.flush(mesh)
        if chunk is not None:
            resource = await self._save_piece(model, path, mesh)
            if resource is None:
                return self._unfinished(path, await self._pieces.size(mesh) or 0)
        elif kind == "directory":
            resource = await self._save_folder(path, mesh)
        elif isinstance(stored := model["content"], Stored):
            message = stored.message
            resource = await self._store(path, mesh, stored.body, base_in(model))
        elif kind == "notebook":
            data, message = await self._notebooks.write(model["content"], path)
            resource = await self._store(path, mesh, data, base_in(model))
        elif kind == "file":
            data = await decode(model, path)
            resource = await self._store(path, mesh, data, base_in(model))
        else:
            raise InvalidRequest(f"Unhandled contents type: {kind}")
        saved = model_of(
            resource,
            path,
            type=None if kind == "directory" else kind,
            hashed=True,
            lock=self.savelocks.told(resource),
        )
        if message:
            saved["message"] = message
        self.run_post_save_hooks(model=saved, os_path=self._os_path(path, mesh))
        self.emit(data={"action": "save", "path": path})
        return saved

    async def new(self, model: Model | None = None, path: str = "") -> Model:
        """Save something new; what is no folder and has no content is made empty."""
        model = dict(model or {})
        kind = model.setdefault("type", "notebook" if path.endswith(".ipynb") else "file")
        if "content" not in model and kind == "notebook":
            # nbformat's own maker reads its schema from the disk, which would block.
            empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
            model |= {"content": empty, "format": "json"}
        elif "content" not in model and kind != "directory":
            model |= {"type": "file", "content": "", "format": "text"}
        return await self.save(model, path)

    @answers
    async def unpack(self, stack: AsyncExitStack, body: BinaryIO, path: str) -> Model | None:
        """The model in the body of a large PUT, its content made into what is to be stored, until ``stack`` ends.

        None where it has to be parsed in this process: hooks want to see it, or it is nothing usual.
        """
        if self.pre_save_hook is not None or self._pre_save_hooks:
            return None
        target = await stack.enter_async_context(scratch())
        made = await self._notebooks.convert("save", body, target, clean(path))
        if made is None:
            return None
        stored = Body(target, made["size"], Checksum("sha1", made["sha1"]))
        model: Model = made["model"] | {"content": Stored(stored, made["message"])}
        return model

    # Uploads beside the contents REST

    def open(self, path: str) -> tuple[str, str]:
        """API path and mesh path of what may be written; raises for hidden files and for the root."""
        path, mesh = self._open(path)
        self._below_root(path, "overwritten")
        return path, mesh

    @asynccontextmanager
    async def writing(self, mesh: str) -> AsyncIterator[None]:
        """Nobody else of this server writes to ``mesh`` inside; what is known of it is doubted if that fails."""
        async with self._locks.hold(mesh):
            await self.mounted.flush(mesh)
            try:
                yield
            except BaseException:
                self._memory.doubt(mesh)
                raise

    def stored(self, path: str, resource: Resource) -> None:
        """A file was stored at an API path: seen at once, and told to all.

        What is open in a browser is based on the content before: saving it is a conflict. That a
        post-save hook failed goes to the log alone: unlike a save, nobody waits for its answer.
        """
        self._memory.doubt(resource.path)
        self._memory.saw(resource.path, resource)
        self.authors.sign(resource)
        saved = model_of(resource, path, hashed=True)
        try:
            self.run_post_save_hooks(model=saved, os_path=self._os_path(path, resource.path))
        except Exception:
            # Hooks raise whatever they like. The file is there all the same.
            self.log.exception("%s was stored, but a post-save hook failed", path)
        self.emit(data={"action": "save", "path": path})

    async def _save_folder(self, path: str, mesh: str) -> Resource:
        try:
            new = self._memory.was_absent(mesh, RECENT)
            resource = await self.client.mkdir(mesh, exist_ok=not new)
        except AlreadyExists as error:
            raise InvalidRequest(f"Not a directory: {path}") from error
        self._memory.wrote(resource)
        return resource

    # Uploads in pieces

    async def _save_piece(self, model: Model, path: str, mesh: str) -> Resource | None:
        """Take one piece; the stored file after the last one, None before."""
        number, kind = model["chunk"], model["type"]
        if kind != "file":
            raise InvalidRequest(f'File type "{kind}" is not supported for large file transfer')
        if not isinstance(number, int) or number == 0 or number < LAST:
            raise InvalidRequest(f"{number!r} is not the number of a piece of an upload.")
        data = await decode(model, path)
        async with self._locks.hold(mesh):
            if number == 1:
                absent = self._memory.was_absent(mesh, RECENT)
                found = None if absent else await self._find(mesh)
                if found is None:
                    await self._need_folder(parent_of(mesh), path)
                elif found.is_directory:
                    raise IsADirectory(
                        f'"{path}" is a folder: it cannot be overwritten with a file.'
                    )
                etag = found.etag if found else ""
                await self._pieces.begin(mesh, data, if_match=etag, if_absent=found is None)
            elif number != LAST:
                await self._pieces.add(mesh, number, data)
            else:
                spool = await self._pieces.finish(mesh, data)
                try:
                    body, facts = await spool.body(), spool.facts
                    return await self._upload(
                        path, mesh, body, body.size, facts["if_match"], facts["if_absent"]
                    )
                finally:
                    await spool.drop()
        return None

    async def _need_folder(self, mesh: str, path: str) -> None:
        if not await self._is_folder(mesh):
            raise InvalidRequest(f'"{path}" cannot be stored: "{name_of(mesh)}" is not a folder.')

    def _unfinished(self, path: str, size: int) -> Model:
        """The answer to a piece before the last: nothing is at the site yet."""
        now = datetime.now(UTC)
        return {
            "name": name_of(path),
            "path": path,
            "type": "file",
            "writable": True,
            "created": now,
            "last_modified": now,
            "size": size,
            "mimetype": None,
            "content": None,
            "format": None,
        }

    # New names

    @answers
    async def increment_filename(self, filename: str, path: str = "", insert: str = "") -> str:
        """A name that is free in a folder, found with one listing."""
        _, mesh = self._open(path)
        return await self._free_name(filename, mesh, insert)

    async def _free_name(self, name: str, folder: str, insert: str) -> str:
        try:
            listed = await self._children(folder)
        except NotADirectory as error:
            raise NotFound(f'There is no folder "{name_of(folder)}".') from error
        free = next_name(name, {child.name for child in listed.children}, insert)
        self._memory.saw(join(folder, free), None)
        return free

    @answers
    async def new_untitled(self, path: str = "", type: str = "", ext: str = "") -> Model:
        """Make an empty notebook, file or folder under the next free name."""
        path, mesh = self._open(path)
        kind = type or ("notebook" if ext == ".ipynb" else "file")
        insert = ""
        if kind == "directory":
            name, insert = self.untitled_directory, " "
        elif kind == "notebook":
            name = self.untitled_notebook + ".ipynb"
        elif kind == "file":
            name = self.untitled_file + ext
        else:
            raise InvalidRequest(f"Unexpected model type: {kind!r}")
        # Two requests at once must not find the same name free.
        async with self._locks.hold(mesh):
            name = await self._free_name(name, mesh, insert)
            return await self.new({"type": kind}, join(path, name))

    # Moving, copying, deleting

    @answers
    async def update(self, model: Model, path: str) -> Model:
        """Rename to the ``path`` in the model; the model at the new place."""
        path, mesh = self._open(path)
        new_path, new_mesh = self._open(str(model.get("path", path)))
        if path == new_path:
            return model_of(await self._stat(mesh), path)
        resource = await self._move(path, mesh, new_path, new_mesh)
        self.emit(data={"action": "rename", "path": new_path, "source_path": path})
        renamed = model_of(resource, new_path)
        if base := self._memory.base_of(new_mesh):
            # Lab takes over what it is told here, so it is told the state that its text is based on.
            renamed |= {"hash": hash_of(base), "hash_algorithm": HASH_ALGORITHM}
        return renamed

    @answers
    async def rename(self, old_path: str, new_path: str) -> None:
        """Rename or move; 409 if the name is taken."""
        await self.update({"path": new_path}, old_path)

    @answers
    async def rename_file(self, old_path: str, new_path: str) -> None:
        """Rename or move without an event."""
        path, mesh = self._open(old_path)
        new_path, new_mesh = self._open(new_path)
        if path != new_path:
            await self._move(path, mesh, new_path, new_mesh)

    async def _move(self, path: str, mesh: str, new_path: str, new_mesh: str) -> Resource:
        self._below_root(path, "renamed")
        self._below_root(new_path, "overwritten")
        await self.mounted.flush(mesh, new_mesh)
        await self.savelocks.release(mesh)
        try:
            resource = await self.client.move(mesh, new_mesh)
        except BaseException:
            # It may have happened all the same.
            self._memory.doubt(mesh)
            self._memory.doubt(new_mesh)
            raise
        self._memory.moved(mesh, resource)
        self.save_errors.moved(path, new_path)
        return resource

    @answers
    async def copy(
        self, from_path: str, to_path: str | None = None, progress: CopyProgress | None = None
    ) -> Model:
        """Copy a file or a folder with all it holds, into a folder or to a full path.

        ``progress`` hears how many bytes are written, and of how many (None until that is known). A cancelled
        copy leaves nothing behind.
        """
        path, mesh = self._open(from_path)
        self._below_root(path, "copied")
        target, target_mesh = self._open(parent_of(path) if to_path is None else to_path)
        if await self._is_present_folder(target_mesh):
            name = await self._free_name(copy_name(name_of(path)), target_mesh, "-Copy")
            target, target_mesh = join(target, name), join(target_mesh, name)
        if is_within(target_mesh, mesh):
            await self._stat(mesh)
            raise InvalidRequest(f'"{path}" cannot be copied into itself.')
        await self.mounted.flush(mesh)
        try:
            resource = await self.client.copy(mesh, target_mesh, progress=progress)
        finally:
            self._memory.forget(target_mesh)
        self.emit(data={"action": "copy", "path": target, "source_path": path})
        return model_of(resource, target)

    async def _is_present_folder(self, mesh: str) -> bool:
        found = await self._find(mesh)
        return found is not None and found.is_directory

    @answers
    async def delete(self, path: str) -> None:
        """Delete a file or folder: it goes to the bin of the site."""
        await self.delete_file(path)
        self.emit(data={"action": "delete", "path": clean(path)})

    @answers
    async def delete_file(self, path: str) -> None:
        """Delete without an event."""
        path, mesh = self._open(path)
        self._below_root(path, "deleted")
        await self.mounted.flush(mesh)
        if (
            not (self.delete_to_trash or self.always_delete_dir)
            and await self._is_folder(mesh)
            and (await self._children(mesh)).children
        ):
            raise InvalidRequest(f"Directory {path} not empty")
        await self.savelocks.release(mesh)
        try:
            await self.client.delete(mesh)
        finally:
            self._memory.forget(mesh)
        self.save_errors.forget(path)

    def _os_path(self, path: str, mesh: str) -> str:
        """What post-save hooks get: the file below the mount if there is one, else the API path."""
        mount = os.environ.get("MESH_MOUNT", "")
        return os.path.join(mount, mesh) if mount else path
