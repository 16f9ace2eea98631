"""Uploads that come in pieces: collected on this server's disk, sent to the site in one go.

Lab cuts files over 1 MiB into requests with ``chunk`` 1, 2, …, and -1 for the last. They name neither the
upload nor its size, so the order of the numbers is all there is to check.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import tempfile
import time
from dataclasses import dataclass, field
from typing import BinaryIO

from jupyter_mesh.contents.answers import Refusal
from jupyter_mesh.errors import QuotaExceeded

__all__ = ["LAST", "Spool", "Spools"]

LAST = -1

BUSY = 30.0
"""Seconds after a piece during which another upload to the same place would mix with this one."""

STALE = 3600.0
"""Seconds without a piece after which an upload counts as abandoned."""


@dataclass(slots=True)
class Spool:
    """The pieces so far. The file has no name on the disk: whatever ends the server, nothing is left."""

    file: BinaryIO
    first: bytes
    """Digest of the first piece: who sends the same one again starts over after a broken connection."""
    if_match: str = ""
    if_absent: bool = False
    size: int = 0
    next: int = 1
    touched: float = field(default_factory=time.monotonic)
    expiry: asyncio.TimerHandle | None = None

    async def add(self, data: bytes) -> None:
        """Append one piece; raises QuotaExceeded when the disk of the server is full."""
        try:
            await asyncio.to_thread(self.file.write, data)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise QuotaExceeded(
                    "The Jupyter server has no room left for uploads. Free some of its disk and upload again."
                ) from error
            raise
        self.size += len(data)
        self.next += 1
        self.touched = time.monotonic()

    def close(self) -> None:
        """Drop the pieces."""
        if self.expiry is not None:
            self.expiry.cancel()
        self.file.close()


class Spools:
    """The uploads under way, one per mesh path. One request at a time per path: the caller sees to that."""

    def __init__(self) -> None:
        self._spools: dict[str, Spool] = {}

    def get(self, path: str) -> Spool | None:
        """The upload under way to ``path``."""
        return self._spools.get(path)

    async def begin(
        self, path: str, data: bytes, *, if_match: str = "", if_absent: bool = False
    ) -> Spool:
        """Start an upload with its first piece; 409 while another one to the same place is active."""
        first = hashlib.blake2b(data).digest()
        old = self._spools.get(path)
        if old and old.first != first and time.monotonic() - old.touched < BUSY:
            raise Refusal(
                409, f'Another upload to "{path}" is under way. Try again in half a minute.'
            )
        self.drop(path)
        file = await asyncio.to_thread(tempfile.TemporaryFile, buffering=0)
        spool = Spool(file, first, if_match=if_match, if_absent=if_absent)  # type: ignore[arg-type]  # a wrapped file
        self._spools[path] = spool
        await self._add(path, spool, data)
        return spool

    async def add(self, path: str, number: int, data: bytes) -> Spool:
        """Add piece ``number``; 400 without a first piece, 409 (and the end of the upload) out of order."""
        spool = self._spools.get(path)
        if spool is None:
            raise Refusal(400, f'The upload of "{path}" was interrupted. Upload the file again.')
        if number not in (spool.next, LAST):
            self.drop(path)
            raise Refusal(
                409,
                f'The upload of "{path}" got out of order: piece {number} came instead of {spool.next}. '
                "Nothing was stored. Upload the file again.",
            )
        await self._add(path, spool, data)
        return spool

    async def finish(self, path: str, data: bytes) -> Spool:
        """Add the last piece and hand the whole over; the caller closes it."""
        spool = await self.add(path, LAST, data)
        del self._spools[path]
        spool.file.seek(0)
        return spool

    async def _add(self, path: str, spool: Spool, data: bytes) -> None:
        try:
            await spool.add(data)
        except BaseException:
            self.drop(path)
            raise
        if spool.expiry is not None:
            spool.expiry.cancel()
        spool.expiry = asyncio.get_running_loop().call_later(STALE, self.drop, path)

    def drop(self, path: str) -> None:
        """Forget the upload to ``path``, if there is one."""
        spool = self._spools.pop(path, None)
        if spool is not None:
            spool.close()

    def close(self) -> None:
        """Drop all uploads."""
        for path in list(self._spools):
            self.drop(path)
