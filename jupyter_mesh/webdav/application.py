"""WebDAV (RFC 4918, class 1 and 2) over a tree of files, as ``rclone`` and clients of ownCloud speak it."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    InvalidRequest,
    IsADirectory,
    MeshError,
    NotADirectory,
    NotFound,
    NotSupported,
    RangeNotSatisfiable,
    TransferFailed,
)
from jupyter_mesh.models import Checksum, Kind, Permissions, Resource
from jupyter_mesh.paths import name_of, parent_of
from jupyter_mesh.webdav.addresses import destination_of, path_of
from jupyter_mesh.webdav.answers import MultiStatus, error_answer, stream
from jupyter_mesh.webdav.bodies import read_xml
from jupyter_mesh.webdav.finding import Asked, asked_of, changes_of, described
from jupyter_mesh.webdav.locking import Locking
from jupyter_mesh.webdav.locks import SUPPORTED
from jupyter_mesh.webdav.properties import dead_key, href_of, prop_xml
from jupyter_mesh.webdav.ranges import Wanted, entity_tag, matches, range_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from jupyter_mesh.models import Quota
    from jupyter_mesh.webdav.locks import LockTable
    from jupyter_mesh.webdav.tree import Opened, Tree

__all__ = ["WebDAV"]

log = logging.getLogger(__name__)

LONGEST_CHECKSUM = 200


class WebDAV:
    """Answers the requests below ``prefix`` out of a tree. Holds no connection and no task of its own.

    ``sparing`` answers without asking the tree what rclone does not need to know: whether a PUT made or replaced
    a file, and how the folder itself is that is listed. With a table of ``locks`` it is of class 2, and clients
    can keep each other out.
    """

    def __init__(
        self,
        tree: Tree,
        *,
        prefix: str = "",
        sparing: bool = False,
        locks: LockTable | None = None,
    ) -> None:
        self.tree = tree
        self._locking = None if locks is None else Locking(tree, locks, prefix)
        self._prefix = prefix
        self._sparing = sparing
        self._answers: dict[
            str, Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]
        ] = {
            "OPTIONS": self._options,
            "GET": self._get,
            "HEAD": self._get,
            "PUT": self._put,
            "DELETE": self._delete,
            "MKCOL": self._mkcol,
            "COPY": self._copy_or_move,
            "MOVE": self._copy_or_move,
            "PROPFIND": self._propfind,
            "PROPPATCH": self._proppatch,
        }
        if self._locking is not None:
            self._answers |= {"LOCK": self._locking.lock, "UNLOCK": self._locking.unlock}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to one request; an error is told as a sentence, with the status WebDAV has for it."""
        try:
            answer = self._answers.get(request.method)
            if answer is None:
                raise NotSupported(f"{request.method} is not known here.")
            path = path_of(request.raw_path, self._prefix)
            if self._locking is not None:
                await self._locking.check(request, path)
            return await answer(request, path)
        except MeshError as error:
            log.debug("%s: %s", request.method, error)
            return error_answer(error, request.method)

    async def _options(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        return web.Response(
            headers={
                "DAV": "1" if self._locking is None else "1, 2",
                "Allow": ", ".join(self._answers),
                "MS-Author-Via": "DAV",
            }
        )

    # Content

    async def _get(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        wanted = range_of(request.headers.get("Range", ""))
        condition = request.headers.get("If-Range", "")
        known = request.headers.get("If-None-Match", "")
        if request.method == "HEAD" or known or condition or (wanted and wanted.last_bytes):
            resource = await self.tree.stat(path)
            if resource.is_directory:
                raise IsADirectory(f"/{path} is a folder.")
            if known and matches(known, resource.etag):
                return web.Response(status=304, headers={"ETag": entity_tag(resource.etag)})
            if request.method == "HEAD":
                headers = _headers(resource) | {"Content-Length": str(resource.size)}
                return web.Response(headers=headers)
            if condition and condition != entity_tag(resource.etag):
                wanted = None
            if wanted and wanted.last_bytes:
                wanted = Wanted(max(0, resource.size - wanted.last_bytes), None)
        start, stop = (wanted.start, wanted.stop) if wanted else (0, None)
        try:
            async with self.tree.download(path, start=start, stop=stop) as download:
                if not wanted or download.start < download.resource.size:
                    return await _send(request, download, partial=wanted is not None)
                size = download.resource.size
        except RangeNotSatisfiable:
            size = (await self.tree.stat(path)).size
        return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})

    async def _put(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        if "Content-Range" in request.headers:
            raise InvalidRequest("Parts of a file cannot be written; send all of it.")
        if path and request.path.endswith("/"):
            # The top itself may be a file: a share of one.
            raise IsADirectory(f"/{path} is a folder.")
        if_absent = request.headers.get("If-None-Match", "").strip() == "*"
        if_match, there = "", None
        if not self._sparing or "If-Match" in request.headers:
            there = await self._there(path)
        if condition := request.headers.get("If-Match", ""):
            if not matches(condition, there.etag if there else ""):
                raise Conflict(f"/{path} is not what the request names.")
            if_match = there.etag if there else ""
        try:
            stored = await self.tree.upload(
                path,
                _pieces(request),
                size=request.content_length,
                checksum=_checksum_of(request.headers.get("OC-Checksum", "")),
                if_match=if_match,
                if_absent=if_absent,
                modified=_time_of(request.headers.get("X-OC-Mtime", "")),
            )
        except AlreadyExists as error:
            return error_answer(error, "PUT", 412 if if_absent else 0)
        headers = {"X-OC-Mtime": "accepted"} if "X-OC-Mtime" in request.headers else {}
        if stored.etag:
            headers |= {"ETag": entity_tag(stored.etag), "OC-ETag": entity_tag(stored.etag)}
        return web.Response(status=204 if there else 201, headers=headers)

    # Names

    async def _delete(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        if "#" in request.raw_path:
            raise InvalidRequest("An address with a fragment names nothing that can be deleted.")
        await self.tree.delete(path)
        if self._locking is not None:
            self._locking.table.forget(path)
        return web.Response(status=204)

    async def _mkcol(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        if request.body_exists:
            return web.Response(status=415)
        await self.tree.mkdir(path)
        return web.Response(status=201)

    async def _copy_or_move(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        target = destination_of(request, self._prefix)
        moves = request.method == "MOVE"
        if target == path:
            return web.Response(status=403)
        overwrite = request.headers.get("Overwrite", "T").upper() != "F"
        there = None
        if not (self._sparing and moves):
            source = await self.tree.stat(path)
            there = await self._there(target)
            if there is None and await self._there(parent_of(target)) is None:
                return web.Response(status=409)
            if there is not None and not overwrite:
                return web.Response(status=412)
            if there is not None and (not moves or there.is_directory or source.is_directory):
                await self.tree.delete(target)
        try:
            if moves:
                await self.tree.move(path, target, replace=overwrite)
                if self._locking is not None:
                    self._locking.table.forget(path)
            elif source.is_directory and request.headers.get("Depth") == "0":
                await self.tree.mkdir(target)
            else:
                await self.tree.copy(path, target)
        except AlreadyExists as error:
            return error_answer(error, request.method, 412)
        return web.Response(status=204 if there else 201)

    # Properties

    async def _propfind(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        depth = request.headers.get("Depth", "infinity").lower()
        asked = asked_of(await read_xml(request.content))
        if depth not in ("0", "1"):
            body = (
                '<?xml version="1.0"?><d:error xmlns:d="DAV:"><d:propfind-finite-depth/></d:error>'
            )
            return web.Response(status=403, text=body, content_type="application/xml")
        resource, listed = await self._found(path, with_children=depth == "1")
        quota = await self._quota(path) if asked.about_quota and resource.is_directory else None
        return await stream(request, self._told([resource, *listed], asked, quota))

    async def _found(self, path: str, *, with_children: bool) -> tuple[Resource, list[Resource]]:
        if not with_children:
            return await self.tree.stat(path), []
        if self._sparing:
            try:
                return _folder(path), await self.tree.list_folder(path)
            except NotADirectory:
                return await self.tree.stat(path), []
        resource = await self.tree.stat(path)
        return resource, await self.tree.list_folder(path) if resource.is_directory else []

    def _told(self, resources: list[Resource], asked: Asked, quota: Quota | None) -> Iterator[str]:
        for resource in resources:
            yield described(resource, asked, self._prefix, quota, self._lock_property)

    def _lock_property(self, name: str, path: str) -> str:
        if self._locking is None:
            return ""
        return SUPPORTED if name.endswith("}supportedlock") else self._locking.discovery(path)

    async def _quota(self, path: str) -> Quota | None:
        try:
            return await self.tree.quota(path)
        except (NotSupported, InvalidRequest):
            return None

    async def _proppatch(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        changes = changes_of(await read_xml(request.content))
        resource = await self.tree.stat(path)
        answer = MultiStatus()
        href = self._prefix + href_of(path, resource.is_directory)
        if any(change.is_refused for change in changes):
            refused = [prop_xml(change.name) for change in changes if change.is_refused]
            others = [prop_xml(change.name) for change in changes if not change.is_refused]
            answer.add(href, (403, "".join(refused)), (424, "".join(others)))
            return answer.answer()
        values: dict[str, str | None] = {}
        for change in changes:
            seconds = change.seconds
            key = "mtime" if seconds is not None else dead_key(change.name)
            values.pop(key, None)
            values[key] = f"{seconds:f}" if seconds is not None else change.value
        texts = {key: value for key, value in values.items() if value is not None}
        gone = [key for key, value in values.items() if value is None]
        if texts:
            await self.tree.set_metadata(path, texts)
        if gone:
            await self.tree.unset_metadata(path, gone)
        answer.add(href, (200, "".join(prop_xml(change.name) for change in changes)))
        return answer.answer()

    async def _there(self, path: str) -> Resource | None:
        try:
            return await self.tree.stat(path)
        except NotFound:
            return None


async def _pieces(request: web.BaseRequest) -> AsyncIterator[bytes]:
    """The body as it comes; raises TransferFailed when the client goes away in the middle of it."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        # Only now: what is refused before is not sent at all.
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    try:
        async for piece in request.content.iter_any():
            yield piece
    except (
        aiohttp.ClientError,
        ConnectionError,
        web.RequestPayloadError,
        asyncio.IncompleteReadError,
    ):
        raise TransferFailed("The upload broke off before its end. Nothing was saved.") from None


async def _send(request: web.BaseRequest, download: Opened, *, partial: bool) -> web.StreamResponse:
    resource = download.resource
    response = web.StreamResponse(headers=_headers(resource))
    if partial:
        response.set_status(206)
        response.headers["Content-Range"] = (
            f"bytes {download.start}-{download.stop - 1}/{resource.size}"
        )
    response.content_length = download.stop - download.start
    await response.prepare(request)
    try:
        async for piece in download:
            await response.write(piece)
        await response.write_eof()
    except ConnectionError:
        log.debug("The client took no more of %s", resource.path)
    except MeshError as error:
        # Half the answer is on its way: a broken connection is the only thing left to say.
        log.warning("Reading %s ended early: %s", resource.path, error)
        if request.transport is not None:
            request.transport.abort()
    return response


def _folder(path: str) -> Resource:
    """A folder of which no more is told than that it is one."""
    return Resource(
        path=path,
        name=name_of(path),
        kind=Kind.DIRECTORY,
        modified=datetime.now(UTC),
        etag="",
        permissions=Permissions(create=True),
    )


def _headers(resource: Resource) -> dict[str, str]:
    headers = {
        "Content-Type": resource.mimetype or "application/octet-stream",
        "Last-Modified": format_datetime(resource.modified, usegmt=True),
        "Accept-Ranges": "bytes",
    }
    if resource.etag:
        headers["ETag"] = headers["OC-ETag"] = entity_tag(resource.etag)
    if resource.checksum:
        headers["OC-Checksum"] = f"{resource.checksum.algorithm.upper()}:{resource.checksum.value}"
    return headers


def _checksum_of(header: str) -> Checksum | None:
    algorithm, colon, value = header.strip().partition(":")
    if not colon or len(header) > LONGEST_CHECKSUM or not value.isalnum():
        return None
    return Checksum(algorithm.lower(), value.lower())


def _time_of(header: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(header), UTC) if header else None
    except (ValueError, OverflowError, OSError):
        return None
