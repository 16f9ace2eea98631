"""A TCP proxy that makes a connection long: every byte arrives later, in order, and none is lost."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BLOCK = 1 << 16


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float
) -> None:
    """Hand on what comes, each piece ``delay`` seconds after it came."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def write() -> None:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - loop.time())
            writer.write(piece)
            await writer.drain()
            if not piece:
                return

    task = asyncio.create_task(write())
    try:
        piece = b"x"
        while piece:
            piece = await reader.read(BLOCK)
            await pieces.put((loop.time() + delay, piece))
        await task
    finally:
        task.cancel()
        writer.close()


@asynccontextmanager
async def delayed(address: str, round_trip: float) -> AsyncIterator[str]:
    """The address of a proxy in front of ``address`` that adds ``round_trip`` seconds to every question."""
    host, _, port = address.rpartition(":")
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs_in, theirs_out = await asyncio.open_connection(host, int(port))
        running.add(asyncio.current_task())  # type: ignore[arg-type]
        with suppress(ConnectionError, asyncio.CancelledError):
            await asyncio.gather(
                _pass_on(reader, theirs_out, round_trip), _pass_on(theirs_in, writer, 0)
            )

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in running:
            task.cancel()
