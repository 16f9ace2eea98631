"""Uploads over HTTP: one simple PUT, or tus (HEAD and PATCH), which can be resumed."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import OrderedDict
from contextlib import contextmanager
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from aiohttp import ClientPayloadError, web

from jupyter_mesh.node.outgoing import entry_headers
from jupyter_mesh.node.refusal import Reason, Refused, refusal_from
from jupyter_mesh.node.uploads import Upload, Uploads
from jupyter_mesh.node.wire import read_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tokens import Transfer
    from jupyter_mesh.node.tree import Place

__all__ = ["Incoming"]

_PIECE = 1 << 20
_TUS = "1.0.0"
_DIGESTS = 1000
"""Unfinished uploads whose checksum is kept as far as it is known."""

_SILENCE = 20.0
"""Seconds without a byte after which a request has been cut off, though nobody told: another one may go on."""
T = TypeVar("T")


class _Digest:
    """The SHA1 of an upload while it comes: of its first ``count`` bytes."""

    def __init__(self) -> None:
        self.count = 0
        self._sha1 = hashlib.sha1(usedforsecurity=False)

    def update(self, piece: bytes | bytearray) -> None:
        self._sha1.update(piece)
        self.count += len(piece)

    def of(self, size: int) -> str:
        """The SHA1 of all bytes, or "" if not all of them passed here."""
        return self._sha1.hexdigest() if self.count == size else ""


class Incoming:
    """Takes the bytes of uploads into temporary files, and has them put in their place."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._uploads = Uploads(site)
        self._busy: set[str] = set()
        self._digests: OrderedDict[str, _Digest] = OrderedDict()
        """Of tus uploads, between their requests; without one the file is read at the end."""

    async def put(self, request: web.Request, transfer: Transfer) -> web.Response:
        """All bytes at once. Whatever goes wrong, the old content stays and the upload is given up."""
        upload = await self._site.run(lambda: self._uploads.get(transfer.upload))
        size = request.content_length
        if self._site.flavour.compares and size is None:
            raise Refused(Reason.WRONG_LENGTH, "A PUT needs a Content-Length.")
        if self._site.flavour.compares and upload.size not in (None, size):
            raise Refused(Reason.WRONG_LENGTH, f"{upload.size} bytes were announced, not {size}.")
        with self._filling(upload):
            try:
                await self._site.run(lambda: self._uploads.check(upload, size or 0, transfer))
                digest = _Digest() if self._site.flavour.compares else None
                await _receive(request, self._uploads.path(upload), "wb", None, digest)
                place = await self._finish(upload, request, digest, transfer)
            except Refused:
                await self._site.run(lambda: self._uploads.drop(upload))
                raise
        return web.Response(headers=self._described(place))

    async def head(self, transfer: Transfer) -> web.Response:
        """How much of a tus upload has come; 404 once it is finished."""
        upload = await self._tus_upload(transfer)
        if upload is None:
            return web.Response(status=404)
        headers = self._tus_headers(upload, await self._offset(upload))
        return web.Response(headers=headers | {"Cache-Control": "no-store"})

    async def patch(self, request: web.Request, transfer: Transfer) -> web.Response:
        """More bytes of a tus upload. After a cut connection exactly those that came are kept."""
        if request.headers.get("Tus-Resumable") != _TUS:
            return web.Response(status=412, headers={"Tus-Version": _TUS})
        if request.content_type != "application/offset+octet-stream":
            return web.Response(status=400)
        upload = await self._tus_upload(transfer)
        if upload is None or upload.size is None:
            return web.Response(status=404)
        with self._filling(upload):
            await self._site.run(lambda: self._uploads.require(upload, transfer))
            offset = await self._offset(upload)
            if request.headers.get("Upload-Offset") != str(offset):
                return web.Response(status=409)
            if offset + (request.content_length or 0) > upload.size:
                return web.Response(status=413)
            digest = self._digest(upload, offset)
            await _receive(request, self._uploads.path(upload), "ab", upload.size, digest)
            offset = await self._offset(upload)
            headers = self._tus_headers(upload, offset)
            if offset == upload.size:
                try:
                    headers |= self._described(
                        await self._finish(upload, request, digest, transfer)
                    )
                except Refused:
                    await self._site.run(lambda: self._uploads.drop(upload))
                    raise
        return web.Response(status=204, headers=headers)

    async def delete(self, transfer: Transfer) -> web.Response:
        """Give a tus upload up."""
        upload = await self._tus_upload(transfer)
        if upload is None:
            return web.Response(status=404)
        with self._filling(upload):
            await self._site.run(lambda: self._uploads.drop(upload))
        return web.Response(status=204)

    def options(self) -> web.Response:
        """What of tus is spoken here."""
        headers = {
            "Tus-Resumable": _TUS,
            "Tus-Version": _TUS,
            "Tus-Extension": "termination,expiration",
        }
        return web.Response(headers=headers)

    async def _tus_upload(self, transfer: Transfer) -> Upload | None:
        try:
            return await self._site.run(lambda: self._uploads.get(transfer.upload))
        except Refused as error:
            if error.reason is not Reason.USED:
                raise
            return None

    async def _offset(self, upload: Upload) -> int:
        return (await asyncio.to_thread(self._uploads.path(upload).stat)).st_size

    def _tus_headers(self, upload: Upload, offset: int) -> dict[str, str]:
        return {
            "Tus-Resumable": _TUS,
            "Upload-Offset": str(offset),
            "Upload-Length": str(upload.size or 0),
            "Upload-Expires": formatdate(upload.expires, usegmt=True),
        }

    @contextmanager
    def _filling(self, upload: Upload) -> Iterator[None]:
        """Hold an upload for one request; a second one meanwhile is refused."""
        if upload.id in self._busy:
            raise Refused(Reason.LOCKED, "Another request fills this upload.")
        self._busy.add(upload.id)
        try:
            yield
        finally:
            self._busy.discard(upload.id)

    def _digest(self, upload: Upload, offset: int) -> _Digest | None:
        """What is known of the checksum of the first ``offset`` bytes; kept for the next request."""
        if not self._site.flavour.compares:
            return None
        digest = self._digests.pop(upload.id, None)
        if digest is None or digest.count != offset:
            digest = _Digest()
        self._digests[upload.id] = digest
        while len(self._digests) > _DIGESTS:
            self._digests.popitem(last=False)
        return digest

    async def _finish(
        self, upload: Upload, request: web.Request, digest: _Digest | None, transfer: Transfer
    ) -> Place:
        flavour = self._site.flavour
        checksums = [
            text for text in (upload.checksum, request.headers.get("Upload-Checksum", "")) if text
        ]
        path = self._uploads.path(upload)
        self._digests.pop(upload.id, None)
        sha1 = await _in_thread(
            lambda: _seal(path, checksums if flavour.compares else None, digest)
        )
        mtime = read_seconds(request.headers.get("X-OC-Mtime", "")) if flavour.describes else None
        return await self._site.run(lambda: self._uploads.finish(upload, sha1, mtime, transfer))

    def _described(self, place: Place) -> dict[str, str]:
        return entry_headers(self._site, place.entry) if self._site.flavour.describes else {}


async def _receive(
    request: web.Request, path: Path, mode: str, limit: int | None, digest: _Digest | None
) -> None:
    """Write the body to a file, in large pieces and outside the event loop: one is written while the next one comes.

    Raises Refused for a full disk, more bytes than ``limit``, or a body cut short; what came is in the file.
    ``digest`` goes on with what is written.
    """
    file: BinaryIO = await _in_thread(lambda: path.open(mode))  # type: ignore[arg-type, return-value]  # the mode is no literal
    room = None if limit is None else limit - file.tell()
    writing: asyncio.Future[None] | None = None

    def write(piece: bytearray) -> None:
        file.write(piece)
        if digest is not None:
            digest.update(piece)

    try:
        piece = bytearray()
        try:
            while chunk := await _next(request):
                piece += chunk
                if room is not None:
                    room -= len(chunk)
                    if room < 0:
                        raise Refused(Reason.WRONG_LENGTH, "More bytes came than were announced.")
                if len(piece) >= _PIECE:
                    full, piece = piece, bytearray()
                    if writing is not None:
                        await asyncio.shield(writing)
                    writing = asyncio.ensure_future(_in_thread(partial(write, full)))
        except (ConnectionError, ClientPayloadError, TimeoutError):
            broken = True
        else:
            broken = False
        if writing is not None:
            await asyncio.shield(writing)
        await _in_thread(partial(write, piece))
        if broken:
            raise Refused(Reason.BROKEN, "The connection was cut.")
    finally:
        if writing is not None:
            # Whatever ended it: the file is not closed under a thread that writes.
            await asyncio.wait({writing})
            writing.exception()
        # Closing writes what is still buffered, and that can fail as any write can.
        await _in_thread(file.close)


async def _next(request: web.Request) -> bytes:
    """What came of the body; empty at its end. Raises TimeoutError when nothing comes."""
    async with asyncio.timeout(_SILENCE):
        return await request.content.readany()


async def _in_thread(work: Callable[[], T]) -> T:
    """Run disk work in a thread; a failure of the disk is raised as Refused."""
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise refusal_from(error) from error


def _seal(path: Path, checksums: Sequence[str] | None, digest: _Digest | None) -> str:
    """Sync a complete temporary file; returns its SHA1, or "" where checksums are not kept (None).

    It is read only where ``digest`` does not know it. Raises Refused when one of ``checksums`` ("<algorithm> <hex digits>") is another.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())
        if checksums is None:
            return ""
        known = digest.of(os.fstat(file.fileno()).st_size) if digest else ""
        sha1 = known or hashlib.file_digest(file, "sha1").hexdigest()
        for text in checksums:
            algorithm, _, expected = text.strip().lower().partition(" ")
            found = sha1
            if algorithm == "md5":
                file.seek(0)
                found = hashlib.file_digest(file, "md5").hexdigest()
            if algorithm in ("sha1", "md5") and found != expected.strip():
                raise Refused(
                    Reason.BAD_CHECKSUM, "The bytes that came do not have the checksum announced."
                )
        return sha1
