"""The data gateway: bytes in and out over HTTP, streamed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from aiohttp import ClientPayloadError, web

from jupyter_mesh.node.flavours import HTTP_STATUS
from jupyter_mesh.node.refusal import Reason, Refused, refusal_from
from jupyter_mesh.node.uploads import Upload, Uploads
from jupyter_mesh.node.wire import mime_type

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from aiohttp.typedefs import Middleware

    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tokens import Transfer
    from jupyter_mesh.node.tree import Entry, Place

__all__ = ["data_app"]

CHUNK = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def data_app(site: Site, middlewares: Sequence[Middleware]) -> web.Application:
    """The web application of a site: ``/data`` and ``/health``."""
    data = DataGateway(site)
    app = web.Application(middlewares=middlewares)
    app.router.add_get("/health", data.health)
    app.router.add_route("*", "/data", data.handle)
    return app


class DataGateway:
    """Serves the bytes of one site. A body is never whole in memory."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._uploads = Uploads(site)
        self._busy: set[str] = set()
        """Ids of the uploads that a request is filling just now."""

    async def health(self, _: web.Request) -> web.Response:
        """200 while the site answers."""
        await self._site.run(lambda: self._site.index.value("SELECT 1"))
        return web.json_response({"name": self._site.name, "status": "ok"})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request with a transfer token. Refusals are a status with an empty body, as at real sites."""
        methods: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
            "PUT": self._put,
            "GET": self._get,
            "HEAD": self._head,
        }
        handler = methods.get(request.method)
        if handler is None:
            return web.Response(status=501)
        try:
            return await handler(request)
        except Refused as error:
            return web.Response(status=HTTP_STATUS.get(error.reason, 500))

    async def _user(self, request: web.Request) -> str:
        token = request.headers.get("x-access-token") or request.headers.get(
            "Authorization", ""
        ).removeprefix("Bearer ")
        user, _scope = await self._site.run(lambda: self._site.user_of(token))
        return user.id

    def _transfer(self, request: web.Request) -> Transfer:
        return self._site.tokens.read_transfer(request.headers.get("X-Reva-Transfer", ""))

    async def _simple(self, request: web.Request) -> Transfer:
        """The transfer of a request that must show who it comes from as well."""
        user = await self._user(request)
        transfer = self._transfer(request)
        if transfer.user != user:
            raise Refused(Reason.MISSING, "This transfer was given to somebody else.")
        return transfer

    async def _put(self, request: web.Request) -> web.Response:
        transfer = await self._simple(request)
        upload = await self._site.run(lambda: self._uploads.get(transfer.upload))
        size = request.content_length
        if self._site.flavour.compares:
            if size is None:
                raise Refused(Reason.WRONG_LENGTH, "A PUT needs a Content-Length.")
            if upload.size is not None and size != upload.size:
                raise Refused(
                    Reason.WRONG_LENGTH, f"{upload.size} bytes were announced, not {size}."
                )
        await self._site.run(lambda: self._uploads.check_room(upload, size or 0))
        path = self._uploads.path(upload)
        with _Busy(self._busy, upload.id):
            try:
                with await asyncio.to_thread(path.open, "wb") as file:
                    await self._receive(request, file, None)
                place = await self._finish(upload, path, request.headers.get("Upload-Checksum", ""))
            except (OSError, ClientPayloadError) as error:
                await self._site.run(lambda: self._uploads.drop(upload))
                if isinstance(error, ConnectionError | ClientPayloadError):
                    raise Refused(Reason.BROKEN, "The connection was cut.") from None
                raise refusal_from(error) from error
            except Refused:
                await self._site.run(lambda: self._uploads.drop(upload))
                raise
        return web.Response(headers=self._described(place))

    async def _receive(self, request: web.Request, file: BinaryIO, limit: int | None) -> None:
        """Write the body to a file, in large pieces and outside the event loop."""
        piece = bytearray()
        async for chunk in request.content.iter_any():
            piece += chunk
            if limit is not None and file.tell() + len(piece) > limit:
                raise Refused(Reason.WRONG_LENGTH, "More bytes came than were announced.")
            if len(piece) >= CHUNK:
                await asyncio.to_thread(file.write, piece)
                piece = bytearray()
        await asyncio.to_thread(file.write, piece)

    async def _finish(self, upload: Upload, path: Path, checksum: str) -> Place:
        sha1 = await asyncio.to_thread(
            _seal,
            path,
            [text for text in (upload.checksum, checksum) if text],
            self._site.flavour.compares,
        )
        return await self._site.run(lambda: self._uploads.finish(upload, sha1))

    def _described(self, place: Place) -> dict[str, str]:
        if not self._site.flavour.describes:
            return {}
        return _entry_headers(self._site, place.entry)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        transfer = await self._simple(request)
        place, file, size = await self._site.run(partial(self._open, transfer))
        try:
            return await self._send(request, place, file, size)
        finally:
            file.close()

    async def _head(self, request: web.Request) -> web.StreamResponse:
        return await self._get(request)

    def _open(self, transfer: Transfer) -> tuple[Entry, BinaryIO, int]:
        """Open what a download token allows to read; the etag and the bytes belong together."""
        space = self._site.people.space(transfer.space)
        place = self._site.tree.find(
            space, transfer.node, tuple(name for name in transfer.path.split("/") if name)
        )
        if place.entry.folder:
            raise Refused(Reason.IS_FOLDER, f'"{place.entry.name}" is a folder.')
        # O_NOFOLLOW: not even a link that was made since we looked.
        file = os.fdopen(os.open(place.disk, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        return place.entry, file, os.fstat(file.fileno()).st_size

    async def _send(
        self, request: web.Request, entry: Entry, file: BinaryIO, size: int
    ) -> web.StreamResponse:
        flavour = self._site.flavour
        headers = {"Content-Type": mime_type(entry.name)}
        if flavour.describes:
            headers |= _entry_headers(self._site, entry)
            headers["Accept-Ranges"] = "bytes"
            headers["Content-Disposition"] = (
                f"attachment; filename*=UTF-8''{quote(entry.name, safe='')}"
            )
            known = request.headers.get("If-None-Match", "")
            if entry.etag in {
                tag.strip().removeprefix("W/").strip('"') for tag in known.split(",")
            }:
                return web.Response(status=304, headers={"ETag": headers["ETag"]})
        start, stop, status = 0, size, 200
        wanted = request.headers.get("Range", "")
        if wanted and not flavour.ranges:
            return web.Response(status=416, headers={"Accept-Ranges": "bytes"})
        if (found := _RANGE.fullmatch(wanted.strip())) and found[0] != "bytes=-":
            first, last = found[1], found[2]
            start = int(first) if first else max(0, size - int(last))
            stop = min(size, int(last) + 1) if first and last else size
            if start >= stop:
                return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
            status, headers["Content-Range"] = 206, f"bytes {start}-{stop - 1}/{size}"
        headers["Content-Length"] = str(stop - start)
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        if request.method == "GET":
            file.seek(start)
            left = stop - start
            while left:
                piece = await asyncio.to_thread(file.read, min(CHUNK, left))
                if not piece:
                    # Cut short by hand meanwhile: a broken connection tells the client, an end would not.
                    raise ConnectionResetError
                await response.write(piece)
                left -= len(piece)
        await response.write_eof()
        return response


class _Busy:
    """Holds an upload for one request; a second one at the same time is refused."""

    def __init__(self, busy: set[str], upload: str) -> None:
        self._busy, self._upload = busy, upload

    def __enter__(self) -> None:
        if self._upload in self._busy:
            raise Refused(Reason.USED, "This upload is being filled by another request.")
        self._busy.add(self._upload)

    def __exit__(self, *_: object) -> None:
        self._busy.discard(self._upload)


def _seal(path: Path, checksums: Sequence[str], hashed: bool) -> str:
    """Sync a complete temporary file and compare checksums; returns its SHA1, or "" where none is kept."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        if not hashed:
            return ""
        sha1 = hashlib.file_digest(file, "sha1").hexdigest()
        for text in checksums:
            algorithm, _, expected = text.strip().partition(" ")
            if algorithm.lower() in ("sha1", "md5"):
                file.seek(0)
                found = (
                    sha1
                    if algorithm.lower() == "sha1"
                    else hashlib.file_digest(file, "md5").hexdigest()
                )
                if found != expected.strip().lower():
                    raise Refused(
                        Reason.BAD_CHECKSUM,
                        "The bytes that came do not have the checksum announced.",
                    )
        return sha1


def _entry_headers(site: Site, entry: Entry) -> dict[str, str]:
    etag = f'"{entry.etag}"'
    changed = datetime.fromtimestamp(entry.mtime // 10**9, UTC)
    headers = {
        "ETag": etag,
        "OC-ETag": etag,
        "OC-FileId": f"{site.storage_id}${entry.space}!{entry.id}",
        "Last-Modified": format_datetime(changed, usegmt=True),
    }
    if entry.sha1:
        headers["OC-Checksum"] = f"SHA1:{entry.sha1}"
    return headers
