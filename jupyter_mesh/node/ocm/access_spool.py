"""The bytes of an upload from another site, on their way into a temporary file."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from jupyter_mesh.errors import InvalidRequest, QuotaExceeded, TransferFailed
from jupyter_mesh.node.refusal import error_of, refusal_from

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from jupyter_mesh.models import Checksum

__all__ = ["Spooled"]

T = TypeVar("T")

_PIECE = 1 << 20

_SILENCE = 60.0
"""Seconds without a byte after which an upload is given up."""

_LOOK_AGAIN = 2.0


class Spooled:
    """A temporary file that takes at most ``room`` bytes."""

    def __init__(self, path: Path, room: int) -> None:
        self._path = path
        self._room = room
        self._sha1 = hashlib.sha1(usedforsecurity=False)

    async def fill(
        self,
        content: AsyncIterable[bytes],
        checksum: Checksum | None,
        check: Callable[[], Awaitable[None]],
    ) -> str:
        """Write all of ``content``, sync it, and return its SHA1. ``check`` is awaited now and then.

        Raises QuotaExceeded for more than there is room for, InvalidRequest for other bytes than ``checksum``
        says, TransferFailed for none for a minute; whatever ``content`` raises goes on.
        """
        file: BinaryIO = await _in_thread(lambda: self._path.open("wb"))
        try:
            piece, total, until = bytearray(), 0, time.monotonic() + _LOOK_AGAIN
            async for chunk in _awake(content):
                piece += chunk
                total += len(chunk)
                if total > self._room:
                    raise QuotaExceeded("There is no room for this file.")
                if len(piece) >= _PIECE:
                    await self._write(file, piece)
                    piece = bytearray()
                if time.monotonic() > until:
                    await check()
                    until = time.monotonic() + _LOOK_AGAIN
            await self._write(file, piece)
            await _in_thread(lambda: os.fsync(file.fileno()))
        finally:
            await _in_thread(file.close)
        return await self._proven(checksum)

    async def _write(self, file: BinaryIO, piece: bytearray) -> None:
        def work() -> None:
            file.write(piece)
            file.flush()
            self._sha1.update(piece)

        # A thread that writes is not left alone with the file: it would be closed under it.
        writing = asyncio.ensure_future(_in_thread(work))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait({writing})
            raise

    async def _proven(self, checksum: Checksum | None) -> str:
        sha1 = self._sha1.hexdigest()
        if checksum is None or checksum.algorithm not in ("sha1", "md5"):
            return sha1
        found = sha1
        if checksum.algorithm == "md5":
            found = await _in_thread(lambda: _md5(self._path))
        if found != checksum.value.lower():
            raise InvalidRequest("The bytes that came do not have the checksum announced.")
        return sha1


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


async def _awake(content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    pieces = aiter(content)
    while True:
        try:
            async with asyncio.timeout(_SILENCE):
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise TransferFailed("The upload fell silent. Nothing was saved.") from None
        yield piece


async def _in_thread(work: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise error_of(refusal_from(error)) from error
