"""Bytes between our users and peers: the data gateway passes them through, and keeps none."""

from __future__ import annotations

import asyncio
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import ClientPayloadError, web

from jupyter_mesh.errors import MeshError, Withdrawn
from jupyter_mesh.node.address import Caller
from jupyter_mesh.node.entries import new_id
from jupyter_mesh.node.ocm.access_spool import Spooled
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.remote.mounts import OCM_STORAGE, Mounted
from jupyter_mesh.node.tokens import Transfer
from jupyter_mesh.node.wire import mime_type
from jupyter_mesh.webdav.ranges import entity_tag, matches, range_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from jupyter_mesh.node.remote.files import PeerFiles
    from jupyter_mesh.node.remote.mounts import Mounts
    from jupyter_mesh.node.remote.multistatus import Found
    from jupyter_mesh.node.site import Site

__all__ = ["RemoteTransfers"]

_UPLOADS_AT_MOST = 10_000
_OF_ONE_USER = 500
"""Announced uploads that are kept: nobody's push out those of others."""

_SILENCE = 20.0
"""Seconds without a byte after which our user has been cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    user: str
    share: str
    names: tuple[str, ...]
    size: int | None
    if_match: str
    if_absent: bool
    mtime: int | None
    until: float


class RemoteTransfers:
    """Uploads and downloads of received shares. What was announced is kept in memory: nothing of it is ours."""

    def __init__(self, site: Site, mounts: Mounts) -> None:
        self._site = site
        self._mounts = mounts
        self._uploads: dict[str, _Upload] = {}

    # Tokens

    def may_read(self, caller: Caller, at: Mounted) -> str:
        """A transfer token to read what is at ``at``."""
        return self._site.tokens.transfer(
            Transfer(
                user=caller.user.id,
                space=OCM_STORAGE,
                node=at.share.id,
                path="/".join(at.names),
            )
        )

    def may_write(
        self,
        caller: Caller,
        at: Mounted,
        *,
        size: int | None,
        if_match: str,
        if_absent: bool,
        mtime: int | None,
    ) -> str:
        """A transfer token for one PUT."""
        now, upload = time.monotonic(), new_id()
        self._uploads[upload] = _Upload(
            user=caller.user.id,
            share=at.share.id,
            names=at.names,
            size=size,
            if_match=if_match,
            if_absent=if_absent,
            mtime=mtime,
            until=now + self._site.tokens.transfer_life,
        )
        mine = [key for key, one in self._uploads.items() if one.user == caller.user.id]
        if len(mine) > _OF_ONE_USER:
            del self._uploads[mine[0]]
        while (
            len(self._uploads) > _UPLOADS_AT_MOST or next(iter(self._uploads.values())).until < now
        ):
            del self._uploads[next(iter(self._uploads))]
        return self._site.tokens.transfer(
            Transfer(user=caller.user.id, space=OCM_STORAGE, upload=upload)
        )

    # Requests

    async def put(self, request: web.Request, transfer: Transfer) -> web.Response:
        """Pass a body on. Whatever goes wrong, the old content stays at the peer."""
        upload = self._uploads.pop(transfer.upload, None)
        if upload is None or upload.user != transfer.user:
            raise Refused(Reason.USED, "This upload is finished, or was given up.")
        size, compares = request.content_length, self._site.flavour.compares
        if compares and (size is None or upload.size not in (None, size)):
            raise Refused(Reason.WRONG_LENGTH, f"{upload.size} bytes were announced, not {size}.")
        at, files = await self._open(transfer.user, upload.share, upload.names)
        try:
            if size is None:
                found = await self._spooled(request, files, upload)
            else:
                found = await self._passed(files, upload, _body(request), size)
        except MeshError as error:
            raise _refused(error) from error
        return web.Response(headers=self._headers(at, found))

    async def _passed(
        self, files: PeerFiles, upload: _Upload, body: AsyncIterator[bytes], size: int
    ) -> Found:
        there = await files.agree(
            upload.names, if_match=upload.if_match, if_absent=upload.if_absent
        )
        # What a peer is told as an etag must be its own.
        etag = upload.if_match if there is not None and there.told else ""
        return await files.save(
            upload.names,
            body,
            size,
            if_match=etag,
            if_absent=upload.if_absent,
            mtime=upload.mtime,
        )

    async def _spooled(self, request: web.Request, files: PeerFiles, upload: _Upload) -> Found:
        """As ``_passed``, for a body whose length nobody told: OpenCloud stores nothing of such a one."""
        path = await asyncio.to_thread(self._site.store.new_upload)
        try:
            room = (await asyncio.to_thread(shutil.disk_usage, path.parent)).free // 2

            async def check() -> None:
                await self._open(upload.user, upload.share, upload.names)

            await Spooled(path, room).fill(_body(request), None, check)
            size = (await asyncio.to_thread(path.stat)).st_size
            return await self._passed(files, upload, _read(path), size)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def get(self, request: web.Request, transfer: Transfer) -> web.StreamResponse:
        """GET or HEAD. Of a folder there is nothing to read, whatever the peer answers."""
        names = tuple(name for name in transfer.path.split("/") if name)
        at, files = await self._open(transfer.user, transfer.node, names)
        try:
            found = await files.settled(names)
        except MeshError as error:
            raise _refused(error) from error
        if found.folder:
            raise Refused(Reason.IS_FOLDER, f'"{at.name}" is a folder.')
        flavour = self._site.flavour
        headers = {"Content-Type": mime_type(at.name), **self._headers(at, found)}
        known = request.headers.get("If-None-Match", "")
        if flavour.describes and known and matches(known, found.etag):
            return web.Response(status=304, headers={"ETag": headers["ETag"]})
        start, stop, status = 0, found.size, 200
        if wanted := request.headers.get("Range", ""):
            if not flavour.ranges:
                return web.Response(status=416, headers={"Accept-Ranges": "bytes"})
            asked = range_of(wanted)
            if asked is not None:
                start, stop = asked.start, min(found.size, asked.stop or found.size)
                if asked.last_bytes:
                    start = max(0, found.size - asked.last_bytes)
                if start >= stop:
                    told = {"Content-Range": f"bytes */{found.size}"}
                    return web.Response(status=416, headers=told)
                status, headers["Content-Range"] = 206, f"bytes {start}-{stop - 1}/{found.size}"
        headers["Content-Length"] = str(stop - start)
        response = web.StreamResponse(status=status, headers=headers)
        if request.method == "HEAD":
            await response.prepare(request)
            return response
        return await self._poured(request, response, files, found, (start, stop))

    async def _poured(
        self,
        request: web.Request,
        response: web.StreamResponse,
        files: PeerFiles,
        found: Found,
        part: tuple[int, int],
    ) -> web.StreamResponse:
        try:
            async with files.content(found, *part) as pieces:
                await response.prepare(request)
                async for piece in pieces:
                    await response.write(piece)
                await response.write_eof()
        except MeshError as error:
            raise _refused(error) from error
        except (Refused, ConnectionError):
            if not response.prepared:
                raise
            # A broken connection says that the content is not whole; an error page in the middle of it would not.
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _open(
        self, user: str, share: str, names: tuple[str, ...]
    ) -> tuple[Mounted, PeerFiles]:
        """The share as it is now; raises Refused(MISSING) if it does not open any more."""
        try:
            caller = Caller(await self._site.run(lambda: self._site.people.by_id(user)))
            received = await self._site.run(lambda: self._mounts.open(caller, share))
        except (MeshError, Refused):
            raise Refused(Reason.MISSING, "There is nothing to transfer any more.") from None
        return Mounted(received, names, "id"), self._mounts.files(received)

    def _headers(self, at: Mounted, found: Found) -> dict[str, str]:
        if not self._site.flavour.describes:
            return {}
        opaque = self._mounts.id(at.share, at.names)
        changed = datetime.fromtimestamp(found.mtime // 10**9, UTC)
        return {
            "ETag": entity_tag(found.etag),
            "OC-ETag": entity_tag(found.etag),
            "OC-FileId": f"{opaque.storage_id}${opaque.space_id}!{opaque.opaque_id}",
            "Last-Modified": format_datetime(changed, usegmt=True),
            "Accept-Ranges": "bytes",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(at.name, safe='')}",
        }


def _refused(error: MeshError) -> Refused:
    """An error of the way to a peer, as the data gateway answers it."""
    gone = isinstance(error, Withdrawn)
    return Refused(Reason.MISSING if gone else Reason.BROKEN, str(error))


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    """What comes of a body; raises Refused(BROKEN) where it is cut short or falls silent."""
    left = request.content_length
    while True:
        try:
            async with asyncio.timeout(_SILENCE):
                piece = await request.content.readany()
        except (ConnectionError, ClientPayloadError, TimeoutError):
            raise Refused(Reason.BROKEN, "The connection was cut.") from None
        if not piece:
            break
        if left is not None:
            left -= len(piece)
        yield piece
    if left:
        raise Refused(Reason.BROKEN, "The connection was cut.")


async def _read(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, 1 << 20):
            yield piece
    finally:
        with suppress(OSError):
            await asyncio.to_thread(file.close)
