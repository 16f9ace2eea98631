"""``/files/…``: the bytes of a file, streamed, with ranges, for downloads, images and pages."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import stat
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from io import FileIO
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_mesh.contents.answers import Refusal, answers
from jupyter_mesh.contents.copies import disk_failures
from jupyter_mesh.contents.models import hash_of
from jupyter_mesh.errors import IsADirectory, NotAllowed, RangeNotSatisfiable
from jupyter_mesh.paths import name_of
from jupyter_mesh.webdav.ranges import Wanted, matches, range_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator
    from pathlib import Path

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import Resource

__all__ = ["FileSource", "FilesHandler", "LocalSource", "MeshSource"]

BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the headers of an answer are made of."""

    size: int
    modified: datetime
    etag: str


class Body(NamedTuple):
    """Bytes [start, stop) of a file, about to come."""

    facts: FileFacts
    start: int
    stop: int
    views: AsyncIterable[memoryview]
    """Each is good until the next one is asked for."""


class FileSource(Protocol):
    """One file that can be looked at and read; both raise MeshError, IsADirectory for a folder."""

    async def look(self) -> FileFacts: ...
    def read(self, start: int, stop: int | None) -> AbstractAsyncContextManager[Body]:
        """Bytes from ``start`` up to ``stop``, clipped to the size; RangeNotSatisfiable beyond the end."""


class MeshSource:
    """A file of the site."""

    def __init__(self, client: MeshClient, mesh: str) -> None:
        self._client = client
        self._mesh = mesh

    async def look(self) -> FileFacts:
        """One Stat."""
        return _facts_of(await self._client.stat(self._mesh))

    @asynccontextmanager
    async def read(self, start: int, stop: int | None) -> AsyncIterator[Body]:
        """One Stat and one download."""
        async with self._client.download(self._mesh, start=start, stop=stop) as download:
            yield Body(_facts_of(download.resource), download.start, download.stop, download.views)


class LocalSource:
    """A file on this server's disk."""

    def __init__(self, path: str, where: Path) -> None:
        self._path = path
        self._where = where

    async def look(self) -> FileFacts:
        """Size and time from the disk."""
        async with self.read(0, None) as body:
            return body.facts

    @asynccontextmanager
    async def read(self, start: int, stop: int | None) -> AsyncIterator[Body]:
        """Read in threads, in blocks."""
        with disk_failures(self._path):
            file, facts = await asyncio.to_thread(self._open)
        try:
            end = max(start, facts.size if stop is None else min(stop, facts.size))

            async def blocks() -> AsyncIterator[memoryview]:
                await asyncio.to_thread(file.seek, start)
                buffer = memoryview(bytearray(min(BLOCK, end - start)))
                left = end - start
                while left and (count := await asyncio.to_thread(file.readinto, buffer[:left])):
                    left -= count
                    yield buffer[:count]

            yield Body(facts, start, end, blocks())
        finally:
            await asyncio.to_thread(file.close)

    def _open(self) -> tuple[FileIO, FileFacts]:
        if not stat.S_ISREG(os.stat(self._where).st_mode) and not self._where.is_dir():
            # Opening a pipe would wait for somebody to write into it.
            raise NotAllowed(f'"{self._path}" is not an ordinary file.')
        file = FileIO(self._where)
        status = os.fstat(file.fileno())
        etag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        return file, FileFacts(status.st_size, modified, etag)


def _facts_of(resource: Resource) -> FileFacts:
    if resource.is_directory:
        raise IsADirectory(f'"{resource.path}" is a folder.')
    return FileFacts(resource.size, resource.modified, hash_of(resource))


class FilesHandler(JupyterHandler):
    """Serves the bytes of files to the browser. Memory stays flat: the site sends as fast as the browser takes."""

    auth_resource = "contents"

    @property
    def content_security_policy(self) -> str:
        """Scripts of users' pages run in an origin of their own, away from this server's."""
        return f"{super().content_security_policy}; sandbox allow-scripts"

    @web.authenticated
    @authorized
    @answers
    async def head(self, path: str) -> None:
        """The headers of the whole file."""
        source = await self._source(path)
        facts = await source.look()
        self._describe(path, facts)
        self.set_header("Content-Length", facts.size)

    @web.authenticated
    @authorized
    @answers
    async def get(self, path: str) -> None:
        """The file, or the one range of it that was asked for."""
        source = await self._source(path)
        wanted = range_of(self.request.headers.get("Range", ""))
        condition = self.request.headers.get("If-Range", "")
        known = self.request.headers.get("If-None-Match", "")
        if known or (wanted and (condition or wanted.last_bytes)):
            facts = await source.look()
            if known and matches(known, facts.etag):
                self._describe(path, facts)
                self.set_status(HTTPStatus.NOT_MODIFIED)
                return
            if condition and condition != f'"{facts.etag}"':
                wanted = None
            if wanted and wanted.last_bytes:
                wanted = Wanted(max(0, facts.size - wanted.last_bytes), None)
        start, stop = (wanted.start, wanted.stop) if wanted else (0, None)
        try:
            async with source.read(start, stop) as body:
                await self._send(path, body, partial=wanted is not None)
        except RangeNotSatisfiable:
            facts = await source.look()
            self.set_header("Content-Range", f"bytes */{facts.size}")
            self.set_status(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        except StreamClosedError:
            self.log.debug("The browser ended the download of %s", path)

    async def _source(self, path: str) -> FileSource:
        # Pages of other sites must not read files through the user's cookies.
        self.check_xsrf_cookie()
        manager: Any = self.contents_manager
        if not manager.allow_hidden and await manager.is_hidden(path):
            raise Refusal(404, "")
        if part := manager.site_part(path):
            await part.flush(path)
        source: FileSource = manager.file_source(path)
        return source

    async def _send(self, path: str, body: Body, *, partial: bool) -> None:
        if partial and body.start >= body.facts.size:
            raise RangeNotSatisfiable(f'"{path}" has only {body.facts.size} bytes.')
        self._describe(path, body.facts)
        self.set_header("Content-Length", body.stop - body.start)
        if partial:
            self.set_status(HTTPStatus.PARTIAL_CONTENT)
            self.set_header(
                "Content-Range", f"bytes {body.start}-{body.stop - 1}/{body.facts.size}"
            )
        # Past the handler, which takes bytes alone and may pack them: what comes is handed on without a copy.
        self._transforms = []
        await self.flush()
        connection: Any = self.request.connection
        async for view in body.views:
            await connection.write(view)

    def _describe(self, path: str, facts: FileFacts) -> None:
        name = name_of(path.strip("/"))
        self.set_header("Content-Type", _content_type(name))
        self.set_header("ETag", f'"{facts.etag}"')
        self.set_header("Last-Modified", facts.modified)
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Cache-Control", "no-cache")
        if self.get_argument("download", ""):
            self.set_attachment_header(name)

    def compute_etag(self) -> None:
        """No etag over the body: the file's own is set."""


def _content_type(name: str) -> str:
    if name.lower().endswith(".ipynb"):
        return "application/x-ipynb+json"
    kind, encoding = mimetypes.guess_type(name)
    if encoding == "gzip":
        return "application/gzip"
    if encoding is not None or kind is None:
        return "application/octet-stream"
    return "text/plain; charset=UTF-8" if kind == "text/plain" else kind
