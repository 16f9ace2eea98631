"""Locks on files: those of others, as they are shown, and ours while files are being saved from here.

Rules: ``facts/collaboration.md`` §9. A lock keeps others out for the time being; that nothing is lost without
one is the task of the conditions of every save.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jupyter_mesh.cs3.locks import lock_id_of
from jupyter_mesh.cs3.writing import APP_NAME
from jupyter_mesh.errors import Conflict, Locked, MeshError, NotFound
from jupyter_mesh.paths import is_within

if TYPE_CHECKING:
    from jupyter_mesh.contents.authors import Authors
    from jupyter_mesh.contents.mesh import MeshContents
    from jupyter_mesh.contents.models import Model
    from jupyter_mesh.models import Lock, Resource, User

__all__ = ["SaveLocks"]

REFRESH = 100.0
"""Seconds after which a lock is prolonged: a third of its life."""

QUIET = 300.0
"""Seconds without a save or a look after which a lock is given back."""

LAST_WORDS = 5.0
"""Seconds that the end of the server waits for locks to be given back; they end by themselves a little later."""


@dataclass(slots=True)
class _Held:
    id: str
    used: float = field(default_factory=time.monotonic)
    keeper: asyncio.Task[None] | None = None


class SaveLocks:
    """The locks that this server holds, and what it tells of the locks of others. Lives in the loop of its manager.

    The id of a lock follows from the user and the file: after a restart, and on another server of the same
    user, it is the same lock.
    """

    def __init__(self, manager: MeshContents, authors: Authors) -> None:
        self._manager = manager
        self._authors = authors
        self._held: dict[str, _Held] = {}
        self._names: dict[str, str] = {}
        self._me: User | None = None

    # What is told

    def told(self, resource: Resource) -> Model | None:
        """The lock of a file as models carry it; None without one. The site is not asked."""
        lock = resource.lock
        if lock is None:
            return None
        holder = lock.holder or self._names.get(lock.user, "")
        if not holder and lock.app != APP_NAME:
            holder = lock.app
        until = lock.expires.isoformat() if lock.expires else None
        return {"holder": holder, "mine": self.is_mine(resource), "until": until}

    def is_mine(self, resource: Resource) -> bool:
        """True if saves from here may go through the lock of a file."""
        lock, held = resource.lock, self._held.get(resource.path)
        if lock is None:
            return False
        if held is not None and held.id == lock.id:
            return True
        return self._me is not None and lock.id == lock_id_of(self._me, resource)

    async def learn(self, resource: Resource) -> None:
        """Find out who holds the lock of a file, where its lock does not say it. Asks once for each holder."""
        lock = resource.lock
        if lock is None:
            return
        with suppress(MeshError):
            self._me = await self._authors.me()
            if lock.user and not lock.holder and lock.user not in self._names:
                self._names[lock.user] = await self._manager.client.name_of(lock.user)

    # What is held

    async def take(self, resource: Resource | None, wanted: bool) -> str:
        """The id that the next save of a file has to carry; "" if it is not locked by us.

        With ``wanted`` a file that nobody has locked is locked. What cannot be locked is saved without: the site
        refuses it if another one holds the lock.
        """
        if resource is None or resource.id is None:
            return ""
        held = self._held.get(resource.path)
        if held is not None:
            held.used = time.monotonic()
            return held.id
        if not wanted and resource.lock is None:
            return ""
        try:
            self._me = await self._authors.me()
            lock_id = lock_id_of(self._me, resource)
            if not wanted:
                return lock_id if resource.lock and resource.lock.id == lock_id else ""
            await self._lock(resource.path, lock_id, self._me.display_name)
        except MeshError as error:
            self._manager.log.debug("%s is not locked: %s", resource.path, error)
            return ""
        held = self._held[resource.path] = _Held(lock_id)
        held.keeper = asyncio.create_task(self._keep(resource.path, held))
        return lock_id

    async def _lock(self, mesh: str, lock_id: str, holder: str) -> Lock:
        client = self._manager.client
        try:
            return await client.lock(mesh, lock_id, holder=holder)
        except Locked:
            # Perhaps by an earlier server of the same user.
            return await client.refresh_lock(mesh, lock_id, holder=holder)

    async def _keep(self, mesh: str, held: _Held) -> None:
        """Prolong a lock as long as the file is looked at or saved; then give it back."""
        holder = (await self._authors.me()).display_name
        while time.monotonic() - held.used < QUIET:
            await asyncio.sleep(REFRESH)
            try:
                await self._manager.client.refresh_lock(mesh, held.id, holder=holder)
            except (Conflict, NotFound):
                self.lost(mesh)
                return
            except MeshError as error:
                self._manager.log.debug("The lock of %s was not prolonged: %s", mesh, error)
        await self.release(mesh)

    def used(self, mesh: str) -> None:
        """Somebody here looks at a file: its lock is kept."""
        if held := self._held.get(mesh):
            held.used = time.monotonic()

    def lost(self, mesh: str) -> None:
        """A lock has ended without us: the next save takes it anew, and meets what was saved meanwhile."""
        held = self._held.pop(mesh, None)
        if (
            held is not None
            and held.keeper is not None
            and held.keeper is not asyncio.current_task()
        ):
            held.keeper.cancel()

    async def release(self, mesh: str) -> None:
        """Give back the locks of ``mesh`` and of what is below."""
        for path in [each for each in self._held if is_within(each, mesh)]:
            lock_id = self._held[path].id
            self.lost(path)
            with suppress(MeshError):
                await self._manager.client.unlock(path, lock_id)

    async def close(self) -> None:
        """Give all locks back, if the site answers soon."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await asyncio.gather(*(self.release(path) for path in list(self._held)))
        for path in list(self._held):
            self.lost(path)
