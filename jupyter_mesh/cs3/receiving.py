"""The rest of an HTTP body straight from its connection into one buffer, for bytes that are only handed on.

aiohttp gives every piece of a body an object of its own, after two copies; that is half of what passing on a
gigabyte costs. Here the kernel writes into the same megabyte again and again.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import aiohttp

__all__ = ["received"]

SIZE = 1 << 20

WORTH_IT = 4 << 20
"""Bytes from which on it is worth a connection, which serves nobody else afterwards."""


async def received(
    reply: aiohttp.ClientResponse, count: int, patience: float
) -> AsyncGenerator[memoryview, None]:
    """``count`` bytes of a body that nobody has read from; a view is good until the next one is asked for.

    Takes the connection over when much is still to come; the caller closes the reply. Raises TimeoutError when
    nothing comes for ``patience`` seconds, and ConnectionError or aiohttp.ClientError when the body ends early.
    """
    # A body without length comes in chunks, each in a frame that aiohttp alone takes off.
    plain = reply.content_length is not None and "Transfer-Encoding" not in reply.headers
    while count:
        # What aiohttp has received already comes first.
        piece = reply.content.read_nowait(count)
        connection = reply.connection
        if not piece and plain and count > WORTH_IT and connection and connection.transport:
            async with aclosing(_take_over(connection.transport, count, patience)) as views:
                async for view in views:
                    count -= len(view)
                    yield view
            break
        piece = piece or await reply.content.readany()
        if not piece:
            break
        view = memoryview(piece)[:count]
        count -= len(view)
        yield view
    if count:
        raise ConnectionResetError("The body ended early.")


async def _take_over(
    transport: asyncio.Transport, count: int, patience: float
) -> AsyncGenerator[memoryview, None]:
    before = transport.get_protocol()
    receiver = _Receiver(transport, before)
    transport.set_protocol(receiver)
    try:
        while count:
            async with asyncio.timeout(patience):
                view = await receiver.next()
            if not view:
                return
            yield view[:count]
            count -= min(count, len(view))
    finally:
        transport.pause_reading()
        # aiohttp has to hear that the connection ends.
        transport.set_protocol(before)


class _Receiver(asyncio.BufferedProtocol):
    """Fills its buffer once for every call of ``next``, and lets the connection wait in between."""

    def __init__(self, transport: asyncio.Transport, before: asyncio.BaseProtocol) -> None:
        self._transport = transport
        self._before = before
        self._buffer = memoryview(bytearray(SIZE))
        self._came: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        transport.pause_reading()

    async def next(self) -> memoryview:
        """What came next; empty at the end of the connection."""
        self._came = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():
            return self._buffer[:0]
        self._transport.resume_reading()
        return self._buffer[: await self._came]

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._transport.pause_reading()
        self._tell(nbytes)

    def eof_received(self) -> None:
        self._tell(0)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tell(0)
        self._before.connection_lost(exc)

    def _tell(self, count: int) -> None:
        if not self._came.done():
            self._came.set_result(count)
