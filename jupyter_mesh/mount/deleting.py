"""Files are deleted late: what rclone deletes may be the first half of a replacement."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from jupyter_mesh.cs3.locks import lock_id_of
from jupyter_mesh.errors import Conflict as Changed
from jupyter_mesh.errors import Locked, MeshError, NotAllowed, NotFound
from jupyter_mesh.mount.memory import state_of
from jupyter_mesh.paths import is_within

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_mesh.models import Resource
    from jupyter_mesh.mount.memory import Memory
    from jupyter_mesh.mount.saving import Saving
    from jupyter_mesh.mount.spool import Spool

__all__ = ["Deleting"]

log = logging.getLogger(__name__)

HELD = 2.0
"""Seconds for which a DELETE waits for the MOVE that makes it a replacement."""


class Deleting:
    """Deletes for one adapter, those that are held among them. Used in one loop."""

    def __init__(self, saving: Saving, memory: Memory, spool: Spool) -> None:
        self.on_changed: Callable[[str], None] = lambda _: None
        """Told of a file that is still there, although rclone was told that it is deleted."""
        self._saving = saving
        self._client = saving.client
        self._memory = memory
        self._spool = spool
        self._holding: dict[str, asyncio.Task[None]] = {}
        self._under_way: dict[str, asyncio.Event] = {}

    async def now(self, path: str) -> None:
        """Delete a file or an empty folder, also one that this user's own programs have locked."""
        with suppress(NotFound):
            try:
                await self._client.delete(path)
            except (Locked, Changed):
                lock_id = await self.lock_id(await self._client.stat(path))
                if not lock_id:
                    raise
                await self._client.delete(path, lock_id=lock_id)
        self._spool.drop(path)
        self._memory.forget(path)
        await self._memory.settled()

    async def later(self, path: str, seen: Resource) -> None:
        """A DELETE right after a look at the file: perhaps a MOVE onto it follows. What is refused is so at once."""
        if not seen.permissions.delete:
            raise NotAllowed(f"{path} cannot be deleted: you do not have the permission.")
        if seen.lock is not None and not await self.lock_id(seen):
            raise Locked(f"{path} cannot be deleted: somebody else is editing it.")
        self._memory.hold(path, state_of(seen))
        await self._memory.settled()
        self.hold(path, HELD)

    def hold(self, path: str, seconds: float) -> None:
        """Carry out a DELETE that was noted, after a while."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            await self._carry_out(path)

        self._holding[path] = asyncio.create_task(wait())

    def take_back(self, path: str) -> str | None:
        """A DELETE that is held is not carried out: the state of its file, or None if there is none."""
        task = self._holding.pop(path, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
        return self._memory.release(path)

    async def let_go(self, folder: str) -> None:
        """Carry out what is held at or below a path."""
        for path in [each for each in self._memory.held if is_within(each, folder)]:
            await self._carry_out(path)
        for event in [done for path, done in self._under_way.items() if is_within(path, folder)]:
            await event.wait()

    async def lock_id(self, resource: Resource) -> str:
        """The id of the lock of a file if it is of this user's own programs, else ""."""
        if resource.lock is None:
            return ""
        mine = lock_id_of(await self._saving.me(), resource)
        return mine if resource.lock.id == mine else ""

    async def _carry_out(self, path: str) -> None:
        """Delete what was deleted; what somebody else has saved under its name since then stays."""
        state = self.take_back(path)
        if state is None:
            return
        done = self._under_way[path] = asyncio.Event()
        try:
            with suppress(NotFound):
                there = await self._client.stat(path)
                if state_of(there) != state:
                    log.warning("%s was not deleted: somebody has just saved it", path)
                    self.on_changed(path)
                    return
            await self.now(path)
        except MeshError as error:
            log.warning("%s was not deleted: %s", path, error)
            self.on_changed(path)
        finally:
            del self._under_way[path]
            done.set()
