"""What stands between rclone and the site: WebDAV on a unix socket, the site's client behind it.

rclone never sees a token, and its address never changes: uploads that wait in its cache survive both.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Self

from aiohttp import web

from jupyter_mesh.webdav import WebDAV

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from jupyter_mesh.cs3.client import MeshClient

__all__ = ["Adapter"]

PIECE = 1 << 20
"""Bytes of a body that are read ahead."""

LAST_WORDS = 2.0
"""Seconds that requests under way may take when the adapter stops."""


class Adapter:
    """The files of a site for one rclone. ``state`` is a folder of its own, kept between runs.

    The client stays the caller's, who closes it after ``stop()``. Lives in the loop of ``start()``.
    """

    def __init__(self, client: MeshClient, state: Path) -> None:
        self._state = state
        self._dav = WebDAV(client, sparing=True)
        self._runner: web.ServerRunner | None = None

    async def start(self, socket: Path) -> None:
        """Listen on a unix socket that only this user can open; an old one of that name is replaced."""
        server = web.Server(self._dav.handle, access_log=None, read_bufsize=PIECE)
        self._runner = web.ServerRunner(server, shutdown_timeout=LAST_WORDS)
        await self._runner.setup()
        await web.SockSite(self._runner, _bound(socket)).start()

    async def stop(self) -> None:
        """Stop listening, give requests under way a moment, and end. May be awaited twice."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.stop()


def _bound(path: Path) -> socket.socket:
    """A unix socket bound at ``path``, through its folder: the name of a socket has at most 107 bytes."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        path.unlink(missing_ok=True)
        bound = socket.socket(socket.AF_UNIX)
        try:
            bound.bind(f"/proc/self/fd/{folder}/{path.name}")
            path.chmod(0o600)
        except BaseException:
            bound.close()
            raise
        return bound
    finally:
        os.close(folder)
