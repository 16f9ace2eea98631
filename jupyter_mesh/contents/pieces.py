"""Uploads of Lab that come in pieces: collected in spools, sent to the site in one go.

Lab cuts files over 1 MiB into requests with ``chunk`` 1, 2, …, and -1 for the last. They name neither the
upload nor its size, so the order of the numbers and the front end that sends them are all there is to check.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_mesh.contents.bases import front_end
from jupyter_mesh.errors import InvalidRequest, MeshError, OutOfOrder

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_mesh.transfers.spools import Spool, SpoolFolder

__all__ = ["LAST", "Pieces"]

log = logging.getLogger(__name__)

KIND = "pieces"

LAST = -1

BUSY = 30.0
"""Seconds after a piece during which another upload to the same place would mix with this one."""

STALE = 3600.0
"""Seconds without a piece after which an upload counts as abandoned."""


@dataclass(slots=True)
class _Upload:
    spool: Spool
    next: int


class Pieces:
    """The uploads in pieces, one per mesh path. One request at a time per path: the caller sees to that.

    A restart of the server does not end them as long as their pieces are of one size, as Lab's are: that size
    and the number of bytes tell which piece comes next.
    """

    def __init__(self, folder: Callable[[], SpoolFolder]) -> None:
        self._folder = folder
        self._uploads: dict[str, _Upload] = {}
        self._adopted = False

    async def size(self, path: str) -> int | None:
        """Bytes of the upload to ``path`` so far; None without one."""
        if not self._adopted:
            await self._adopt()
        upload = self._uploads.get(path)
        return None if upload is None or upload.spool.closed else upload.spool.size

    async def begin(
        self, path: str, data: bytes, *, if_match: str = "", if_absent: bool = False
    ) -> None:
        """Start an upload with its first piece; OutOfOrder while another one to the same place is active.

        Its other pieces have to come from the same front end.
        """
        first = hashlib.blake2b(data).hexdigest()
        if await self.size(path) is not None:
            old = self._uploads[path].spool
            # Who sends the same piece again starts over after a broken connection.
            same = old.facts["first"] == first and not _is_of_another(old)
            if not same and time.time() - old.touched < BUSY:
                raise OutOfOrder(
                    f'Another upload to "{path}" is under way. Try again in half a minute.'
                )
        await self.drop(path)
        spool = await self._folder().create(
            KIND,
            path=path,
            front_end=front_end.get(),
            first=first,
            piece=len(data),
            keep=STALE,
            if_match=if_match,
            if_absent=if_absent,
        )
        self._uploads[path] = _Upload(spool, 1)
        await self._append(path, data)

    async def add(self, path: str, number: int, data: bytes) -> None:
        """Add a piece; refused without a first piece, from another front end, and out of order, which ends the upload."""
        if await self.size(path) is None:
            raise InvalidRequest(f'The upload of "{path}" was interrupted. Upload the file again.')
        upload = self._uploads[path]
        if _is_of_another(upload.spool):
            raise OutOfOrder(
                f'Another window or program uploads to "{path}" as well. Nothing of this file was stored. '
                "Upload it again in half a minute, or under another name."
            )
        if number not in (upload.next, LAST):
            await self.drop(path)
            raise OutOfOrder(
                f'The upload of "{path}" got out of order: piece {number} came instead of {upload.next}. '
                "Nothing was stored. Upload the file again."
            )
        if upload.spool.facts["piece"] not in (0, len(data)):
            # From here on, the size does not tell the number of pieces.
            await upload.spool.note(piece=0)
        await self._append(path, data)

    async def finish(self, path: str, data: bytes) -> Spool:
        """Add the last piece and hand the whole over; the caller drops it."""
        await self.add(path, LAST, data)
        return self._uploads.pop(path).spool

    async def drop(self, path: str) -> None:
        """Forget the upload to ``path``, if there is one."""
        upload = self._uploads.pop(path, None)
        if upload is not None:
            await upload.spool.drop()

    async def _append(self, path: str, data: bytes) -> None:
        upload = self._uploads[path]
        try:
            await upload.spool.append(data)
        except BaseException:
            await self.drop(path)
            raise
        upload.next += 1

    async def _adopt(self) -> None:
        """Go on with what an earlier server left."""
        try:
            # Where it is may be asked of the system, which blocks.
            folder = await asyncio.to_thread(self._folder)
            spools = await folder.spools(KIND)
        except MeshError:
            # Whoever uploads is told so; to others it means that there are no uploads.
            log.warning("Unfinished uploads cannot be looked for", exc_info=True)
            spools = []
        if self._adopted:
            return
        self._adopted = True
        for spool in spools:
            piece, path = int(spool.facts["piece"]), str(spool.facts["path"])
            whole = spool.size // piece if piece else 0
            if not whole or path in self._uploads:
                await spool.drop()
                continue
            if spool.size % piece:
                # The end of a piece was lost with the server.
                await spool.cut(whole * piece)
            self._uploads[path] = _Upload(spool, whole + 1)


def _is_of_another(spool: Spool) -> bool:
    """Whether another front end sent what is in ``spool``, as far as both can be told."""
    its, present = spool.facts.get("front_end"), front_end.get()
    return bool(its and present and its != present)
