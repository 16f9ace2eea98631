"""Reading on: one request for all that is read in a row."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from jupyter_mesh.cs3.reader import Reader

__all__ = ["Onward"]

AHEAD = 4 << 20
"""Bytes up to which a step forward reads on instead of asking again."""


class Onward:
    """A download of a file that stays open between two reads, and waits there. Close it with ``stop``."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._views: AsyncGenerator[memoryview, None] | None = None
        self._left = memoryview(b"")
        self._at = 0
        # Caches that read ahead do so in threads of their own.
        self._turn = asyncio.Lock()

    async def take(self, start: int, end: int) -> bytes:
        """The bytes [start, end), which must be there. Raises FileExpired where it has to ask again."""
        async with self._turn:
            try:
                return await self._take(start, end)
            except BaseException:
                # What has failed gives nothing more: the next one asks again.
                await self._end()
                raise

    async def _take(self, start: int, end: int) -> bytes:
        if self._views is None or not self._at <= start <= self._at + AHEAD:
            await self._end()
            self._views, self._at = self._reader.views(start), start
        found = io.BytesIO()
        while self._at < end:
            piece = self._left or await anext(self._views)
            begin, stop = max(0, start - self._at), end - self._at
            found.write(piece[begin:stop])
            self._at += min(len(piece), stop)
            # A piece is good until the next one is asked for, and that is after this one has been used up.
            self._left = piece[stop:]
        return found.getvalue()  # Without another copy.

    async def stop(self) -> None:
        """Close the download. May be awaited twice."""
        async with self._turn:
            await self._end()

    async def _end(self) -> None:
        views, self._views, self._left = self._views, None, memoryview(b"")
        if views is not None:
            await views.aclose()
