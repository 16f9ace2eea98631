"""Downloads over HTTP: whole files, and single ranges where the flavour has them."""

from __future__ import annotations

import asyncio
import os
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from urllib.parse import quote

from aiohttp import web

from jupyter_mesh.node.address import reach
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.wire import mime_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_mesh.node.address import Address
    from jupyter_mesh.node.entries import Entry
    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tokens import Transfer

__all__ = ["Outgoing", "entry_headers"]

_LOOK_AGAIN = 2.0
"""Seconds after which a download that runs is asked again whether it may."""

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class _Opened(NamedTuple):
    entry: Entry
    file: BinaryIO
    size: int


def entry_headers(site: Site, entry: Entry) -> dict[str, str]:
    """What the data gateway tells of a file beside its bytes."""
    changed = datetime.fromtimestamp(entry.mtime // 10**9, UTC)
    headers = {
        "ETag": f'"{entry.etag}"',
        "OC-ETag": f'"{entry.etag}"',
        "OC-FileId": f"{site.storage_id}${entry.space}!{entry.id}",
        "Last-Modified": format_datetime(changed, usegmt=True),
    }
    if entry.sha1:
        headers["OC-Checksum"] = f"SHA1:{entry.sha1}"
    return headers


class Outgoing:
    """Sends the bytes of files."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def get(
        self, request: web.Request, transfer: Transfer, extra: Mapping[str, str] | None = None
    ) -> web.StreamResponse:
        """GET or HEAD of what a transfer token names. A save meanwhile does not disturb it; the end of a share ends it.

        With ``extra`` headers the file is for a browser, and to be kept there under its name.
        """
        opened = await self._site.run(lambda: self._open(transfer))
        try:
            return await self._send(request, transfer, opened, extra)
        finally:
            opened.file.close()

    def _allowed(self, transfer: Transfer) -> Address:
        """Where a transfer reads; raises Refused when its user may not, or no longer."""
        address = reach(self._site, transfer, transfer.space, transfer.node, _names_of(transfer))
        address.require("initiate_file_download")
        return address

    def _open(self, transfer: Transfer) -> _Opened:
        """Open the file, so that the etag told and the bytes sent belong together."""
        space = self._allowed(transfer).space
        place = self._site.tree.find(space, transfer.node, _names_of(transfer))
        entry, path = place.entry, place.disk
        if entry.folder:
            raise Refused(Reason.IS_FOLDER, f'"{entry.name}" is a folder.')
        if transfer.version:
            entry, path = self._version(entry, transfer.version)
        try:
            # O_NOFOLLOW: not even a link that somebody made since we looked.
            file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        except FileNotFoundError:
            raise Refused(Reason.MISSING, f'"{entry.name}" is gone.') from None
        return _Opened(entry, file, os.fstat(file.fileno()).st_size)

    def _version(self, entry: Entry, key: str) -> tuple[Entry, str]:
        row = self._site.index.row(
            "SELECT * FROM versions WHERE node = ? AND key = ?", entry.id, key
        )
        if row is None or not self._site.flavour.spaces:
            raise Refused(Reason.MISSING, f'"{entry.name}" has no such version.')
        then = entry._replace(
            etag=row["etag"], size=row["size"], mtime=row["mtime"], sha1=row["sha1"]
        )
        return then, os.fspath(self._site.store.versions / key)

    async def _send(
        self,
        request: web.Request,
        transfer: Transfer,
        opened: _Opened,
        extra: Mapping[str, str] | None,
    ) -> web.StreamResponse:
        flavour = self._site.flavour
        headers = {"Content-Type": mime_type(opened.entry.name)}
        if flavour.describes or extra is not None:
            headers["Content-Disposition"] = (
                f"attachment; filename*=UTF-8''{quote(opened.entry.name, safe='')}"
            )
        if extra is not None:
            headers |= extra
        elif flavour.describes:
            headers |= entry_headers(self._site, opened.entry)
            headers["Accept-Ranges"] = "bytes"
            known = request.headers.get("If-None-Match", "").split(",")
            if opened.entry.etag in {tag.strip().removeprefix("W/").strip('"') for tag in known}:
                return web.Response(status=304, headers={"ETag": headers["ETag"]})
        start, stop = 0, opened.size
        status = 200
        if (wanted := request.headers.get("Range", "")) and extra is None:
            if not flavour.ranges:
                return web.Response(status=416, headers={"Accept-Ranges": "bytes"})
            found = _range(wanted, opened.size)
            if found is not None:
                start, stop = found
                if start >= stop:
                    return web.Response(
                        status=416, headers={"Content-Range": f"bytes */{opened.size}"}
                    )
                status, headers["Content-Range"] = 206, f"bytes {start}-{stop - 1}/{opened.size}"
        headers["Content-Length"] = str(stop - start)
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        try:
            if request.method == "GET":
                await self._pour_while_allowed(request, transfer, opened.file, start, stop)
            await response.write_eof()
        except (ConnectionError, Refused):
            # The reader has left, or may not read on, or the file was cut short by hand: a broken connection says
            # so, an error page in the middle of the content would not.
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _pour_while_allowed(
        self, request: web.Request, transfer: Transfer, file: BinaryIO, start: int, stop: int
    ) -> None:
        """Send bytes [start, stop); raises Refused once the user may not read them any more, however slowly he reads."""
        pouring = asyncio.ensure_future(_pour(file, start, stop, request))
        try:
            while not (await asyncio.wait({pouring}, timeout=_LOOK_AGAIN))[0]:
                await self._site.run(lambda: self._allowed(transfer))
            await pouring
        finally:
            pouring.cancel()
            # The file is not closed under the kernel that reads it.
            await asyncio.wait({pouring})


def _names_of(transfer: Transfer) -> tuple[str, ...]:
    return tuple(name for name in transfer.path.split("/") if name)


def _range(header: str, size: int) -> tuple[int, int] | None:
    """Start and stop of a single range; None for a header that is to be ignored (RFC 9110: send it all)."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if not first:
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    return int(first), min(size, int(last) + 1) if last else size


async def _pour(file: BinaryIO, start: int, stop: int, request: web.Request) -> None:
    """From the disk to the connection, inside the kernel where there is no TLS between them."""
    if request.transport is None:
        raise ConnectionResetError("The reader has left.")
    loop = asyncio.get_running_loop()
    if (
        start < stop
        and await loop.sendfile(request.transport, file, start, stop - start) < stop - start
    ):
        raise ConnectionResetError("The file was cut short by hand.")
