"""The reading half of the manager: models and content."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from jupyter_mesh.contents.answers import Refusal, answers
from jupyter_mesh.contents.archive import MeshTree, Tree
from jupyter_mesh.contents.documents import LIGHT, encode
from jupyter_mesh.contents.files import FileSource, MeshSource
from jupyter_mesh.contents.folders import Folders
from jupyter_mesh.contents.large import (
    LIGHT_TEXT,
    Inline,
    as_base64,
    as_is,
    as_text,
    is_light,
    received,
    scratch,
)
from jupyter_mesh.contents.models import Model, clean, model_of
from jupyter_mesh.contents.questions import RECENT
from jupyter_mesh.errors import (
    IsADirectory,
    NotADirectory,
    TooLarge,
)
from jupyter_mesh.paths import is_within

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jupyter_mesh.contents.large import Received
    from jupyter_mesh.cs3.client import Download
    from jupyter_mesh.models import Child, Resource

__all__ = ["MeshReader"]

MAX_INLINE = 256 << 20
"""Bytes of a file that travel inside JSON at most: it costs several times as much memory on both sides."""


class MeshReader(Folders):
    """Shows the files of one site. MeshContentsManager adds what changes them.

    Every failure is an HTTPError with one sentence.
    """

    def site_part(self, path: str) -> MeshReader | None:
        """This manager: all it holds is from the site."""
        return self

    @answers
    async def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,
        format: str | None = None,
        require_hash: bool = False,
    ) -> Model:
        """The model of a file or folder, with its content if that is asked for."""
        path, mesh = self._open(path, 404)
        with self._reading(mesh, path, type):
            if not content:
                model = await self._look(mesh, path, type, bool(require_hash))
            elif type == "directory" or (type is None and await self._is_folder(mesh)):
                model = await self._list(mesh, path, bool(require_hash))
            else:
                model = await self._read(mesh, path, type, format, bool(require_hash))
        self.emit(data={"action": "get", "path": path})
        return model

    async def look(self, path: str) -> Model:
        """The model of a file or folder as it is now, without an event."""
        path, mesh = self._open(path, 404)
        return model_of(await self._stat(mesh), path)

    def changed(self, path: str) -> None:
        """Whatever was at an API path may be different now. Paths of others are passed over."""
        if is_within(path, self.prefix):
            self._memory.forget(self.mesh_path(path))
            self.mounted.changed(self.mesh_path(path))

    async def _look(self, mesh: str, path: str, type: str | None, hashed: bool) -> Model:
        # Lab takes what it hears right after a save for its own text, also if somebody else was as quick.
        resource = self._memory.just_written(mesh, RECENT) or await self._stat(mesh)
        if resource.is_directory and type not in (None, "directory"):
            raise IsADirectory(path)
        if type == "directory" and not resource.is_directory:
            raise NotADirectory(path)
        self._memory.read(resource)
        return await self._told(resource, path, type, hashed)

    async def _told(self, resource: Resource, path: str, type: str | None, hashed: bool) -> Model:
        """The model of one file or folder: with its lock, and for who compares, with who changed it last."""
        self.savelocks.used(resource.path)
        await self.savelocks.learn(resource)
        lock = self.savelocks.told(resource)
        model = model_of(resource, path, type=type, hashed=hashed, lock=lock)
        author = await self.authors.of(resource) if hashed else None
        if author is not None:
            model["mesh"] = model.get("mesh", {}) | {"changedBy": author.name}
        return model

    async def _read(
        self, mesh: str, path: str, type: str | None, format: str | None, hashed: bool
    ) -> Model:
        resource, data = await self._download(mesh, path)
        return await self._model_of(resource, data, path, type, format, hashed)

    async def _model_of(
        self,
        resource: Resource,
        data: bytes,
        path: str,
        type: str | None,
        format: str | None,
        hashed: bool,
    ) -> Model:
        self._memory.read(resource)
        model = await self._told(resource, path, type, hashed)
        if model["type"] == "notebook":
            return model | await self._notebooks.read(data, path)
        content, form = await encode(data, path, format)
        plain = "text/plain" if form == "text" else "application/octet-stream"
        return model | {
            "content": content,
            "format": form,
            "mimetype": model["mimetype"] or plain,
        }

    async def _download(self, mesh: str, path: str) -> tuple[Resource, bytes]:
        async with self._opened(mesh, path) as download:
            return download.resource, await download.read()

    @asynccontextmanager
    async def _opened(self, mesh: str, path: str) -> AsyncIterator[Download]:
        # What cannot be uploaded now does not keep the user from what is at the site.
        await self.mounted.flush(mesh, must=False)
        async with self.client.download(mesh) as download:
            if download.resource.size > MAX_INLINE:
                raise TooLarge(
                    f'"{path}" is too large to open here ({download.resource.size >> 20} MiB). '
                    "Download it, or read it in a notebook."
                )
            yield download

    @asynccontextmanager
    async def document(
        self, path: str, type: str | None, format: str | None, require_hash: bool
    ) -> AsyncIterator[Model | Inline]:
        """A file with its content, for the REST: as a model, or with the content in pieces if it is large."""
        async with AsyncExitStack() as stack:
            answer = await self._document(stack, path, type, format, require_hash)
            self.emit(data={"action": "get", "path": clean(path)})
            yield answer

    @answers
    async def _document(
        self,
        stack: AsyncExitStack,
        path: str,
        type: str | None,
        format: str | None,
        hashed: bool,
    ) -> Model | Inline:
        path, mesh = self._open(path, 404)
        with self._reading(mesh, path, type):
            async with self._opened(mesh, path) as download:
                resource = download.resource
                model = await self._told(resource, path, type, hashed)
                is_notebook = model["type"] == "notebook"
                pieces = download.views
                if resource.size <= (LIGHT_TEXT if is_notebook else LIGHT):
                    data = await download.read()
                    if not is_notebook or is_light(data):
                        return await self._model_of(resource, data, path, type, format, hashed)
                    pieces = _once(data)
                source = await stack.enter_async_context(scratch())
                have = await received(pieces, source, may_be_text=not is_notebook)
            self._memory.read(resource)
            if is_notebook:
                return await self._large_notebook(stack, model, have, path)
            if format == "text" and not have.is_text:
                raise Refusal(400, f'"{path}" is not UTF-8 encoded text.', reason="bad format")
            if format != "base64" and have.is_text:
                model |= {"format": "text", "mimetype": model["mimetype"] or "text/plain"}
                return Inline(model, as_text(source, have.size), have.sha1)
            plain = "application/octet-stream"
            model |= {"format": "base64", "mimetype": model["mimetype"] or plain}
            return Inline(model, as_base64(source, have.size), have.sha1)

    async def _large_notebook(
        self, stack: AsyncExitStack, model: Model, have: Received, path: str
    ) -> Model | Inline:
        target = await stack.enter_async_context(scratch())
        made = await self._notebooks.convert("read", have.file, target, path)
        if made is None:
            data = await asyncio.to_thread(os.pread, have.file.fileno(), have.size, 0)
            return model | await self._notebooks.read(data, path)
        if made["message"]:
            model["message"] = made["message"]
        return Inline(model | {"format": "json"}, as_is(target, made["size"]), made["sha1"])

    @answers
    async def trust_notebook(self, path: str) -> None:
        """Sign the notebook as it is stored: its outputs may run scripts from now on."""
        path, mesh = self._open(path, 404)
        _, data = await self._download(mesh, path)
        await self._notebooks.trust(data, path)

    def tree(self, path: str) -> Tree:
        """The folders of this manager, for an archive."""

        async def stat(path: str) -> Resource:
            return await self._stat(self._open(path, 404)[1])

        async def children(path: str) -> list[Child]:
            return (await self._children(self._open(path, 404)[1])).children

        return MeshTree(stat, children, self.file_source)

    def file_source(self, path: str) -> FileSource:
        """The bytes behind an API path, for the files handler."""
        path, mesh = self._open(path, 404)
        return MeshSource(self.client, mesh)


async def _once(data: bytes) -> AsyncIterator[memoryview]:
    yield memoryview(data)
