"""What stands between rclone and the site: WebDAV on a unix socket, the site's client behind it.

rclone never sees a token, and its address never changes: uploads that wait in its cache survive both.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Self

from aiohttp import web

from jupyter_mesh.mount.conflicts import Conflict
from jupyter_mesh.mount.guards import GuardedTree
from jupyter_mesh.mount.memory import Memory
from jupyter_mesh.mount.notes import Notes
from jupyter_mesh.mount.saving import Saving
from jupyter_mesh.mount.spool import Spool
from jupyter_mesh.webdav import WebDAV

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.mount.saving import Upload

__all__ = ["Adapter", "Conflict"]

PIECE = 1 << 20
"""Bytes of a body that are read ahead."""

PATIENCE = 120.0
"""Seconds for which a PUT waits for a site that is down, or for a new login; then rclone waits, and sends again."""

AFTER_RECEIPT = 1.0

LAST_WORDS = 2.0
"""Seconds that requests under way may take when the adapter stops."""


class Adapter:
    """The files of a site for one rclone. ``state`` is a folder of its own, kept between runs.

    The client stays the caller's, who closes it after ``stop()``. Lives in the loop of ``start()``.
    """

    def __init__(self, client: MeshClient, state: Path, *, patience: float = PATIENCE) -> None:
        self._memory = Memory(state / "adapter.sqlite")
        self._spool = Spool(state)
        self._saving = Saving(client, self._memory, patience=patience)
        self._tree = GuardedTree(self._saving, self._memory, self._spool, Notes(state / "cache"))
        self._dav = WebDAV(self._tree, sparing=True)
        self._runner: web.ServerRunner | None = None
        self._later: set[asyncio.TimerHandle] = set()
        self._saving.on_conflict = self._tell_conflict
        self._tree.on_changed = lambda path: self._soon(0, lambda: self.on_changed(path))
        self.on_conflict: Callable[[Conflict], None] = lambda _: None
        """Called once for each save that would have replaced what somebody else saved, when rclone has its answer.
        The folder has to be listed again then (``vfs/refresh``): it shows both."""
        self.on_changed: Callable[[str], None] = lambda _: None
        """Called with the mesh path of a file that is not what rclone was told: list its folder again."""

    @property
    def uploads(self) -> list[Upload]:
        """What rclone is sending, or the site is being asked to take, at this moment."""
        return list(self._saving.uploads.values())

    @property
    def failing_since(self) -> datetime | None:
        """Since when no upload has succeeded, from the first failure on; None while all is well."""
        return self._saving.failing_since

    @property
    def message(self) -> str:
        """Why the last upload failed, as a sentence; "" while all is well."""
        return self._saving.message

    def why(self, path: str) -> str:
        """Why the last upload of a path failed; "" if it did not."""
        return self._saving.troubles.get(path, "")

    async def start(self, socket: Path) -> None:
        """Listen on a unix socket that only this user can open; an old one of that name is replaced."""
        await self._memory.open()
        self._tree.resume()
        # A request whose client is gone is ended: nothing is read or stored for nobody.
        server = web.Server(
            self._dav.handle, access_log=None, read_bufsize=PIECE, handler_cancellation=True
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=LAST_WORDS)
        await self._runner.setup()
        await web.SockSite(self._runner, await asyncio.to_thread(_bound, socket)).start()

    async def stop(self) -> None:
        """Stop listening, give requests under way a moment, and end. May be awaited twice."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._tree.stopping = True
            await runner.cleanup()
            await self._tree.close()
            await self._memory.close()
            self._spool.close()
            for timer in self._later:
                timer.cancel()

    def _tell_conflict(self, conflict: Conflict) -> None:
        # rclone asks once more for the file that it sent, and must not hear of the other one before.
        self._soon(AFTER_RECEIPT, lambda: self.on_conflict(conflict))

    def _soon(self, seconds: float, call: Callable[[], None]) -> None:
        def run() -> None:
            self._later.discard(timer)
            call()

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._later.add(timer)

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
