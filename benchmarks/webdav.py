"""The site as plain WebDAV on a unix socket, without the rules of the mount: ``python -m benchmarks.webdav SOCKET``.

The site comes from the environment. Prints one line when it answers, and ends with SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from aiohttp import web

from jupyter_mesh.cs3 import connect
from jupyter_mesh.webdav import WebDAV


async def serve(socket: str) -> None:
    """Serve until SIGTERM."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with connect() as client:
        server = web.Server(WebDAV(client).handle, access_log=None, read_bufsize=1 << 20)
        runner = web.ServerRunner(server)
        await runner.setup()
        await web.UnixSite(runner, socket).start()
        print("ready", flush=True)
        await ended.wait()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
