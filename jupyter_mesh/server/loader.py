"""MeshLoader: reads and stores one file for the rooms in which it is edited."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from jupyter_server_ydoc.loaders import FileLoader
from tornado.web import HTTPError

from jupyter_mesh.contents import CompositeContentsManager, MeshContentsManager
from jupyter_mesh.errors import Conflict, Locked, MeshError, NotAllowed
from jupyter_mesh.paths import is_within, name_of

if TYPE_CHECKING:
    from jupyter_mesh.server.room import MeshRoom

__all__ = ["MeshLoader"]


class MeshLoader(FileLoader):
    """Reads and stores one file for its rooms.

    ``last_modified`` is the state that their text is based on: it changes only when they load or store, not
    when a poll looks. So a save between a look and the loading of what was found there cannot win.
    """

    _current_path: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.rooms: WeakSet[MeshRoom] = WeakSet()
        super().__init__(*args, **kwargs)

    @property
    def mesh(self) -> MeshContentsManager | None:
        """Our manager, if the file is one of the mesh."""
        manager = self._contents_manager
        if isinstance(manager, CompositeContentsManager):
            manager = manager.mesh
        if isinstance(manager, MeshContentsManager) and is_within(self.path, manager.prefix):
            return manager
        return None

    async def maybe_notify(self) -> None:
        """Look at the file; tell the rooms if it changed, to an older state too, or that the site is there."""
        if self.mesh is None:
            await super().maybe_notify()
            return
        async with self._lock:
            path = self.path
            moved, self._current_path = path != self._current_path, path
            model = await self._contents_manager.get(path, content=False)
            changed = self.last_modified not in (None, model["last_modified"])
        if moved:
            for tell in self._filepath_subscriptions.values():
                tell()
        if changed:
            await asyncio.gather(*(tell() for tell in self._subscriptions.values()))
        else:
            await asyncio.gather(*(room.look_again() for room in self.rooms))

    async def overwrite(self, model: dict[str, Any], seen: str) -> dict[str, Any]:
        """Store over what others stored, if that is what the user has ``seen`` (its hash); raises Conflict if not."""
        async with self._lock:
            path = self.path
            try:
                now = await self._contents_manager.get(path, content=False, require_hash=True)
            except HTTPError as error:
                if error.status_code != 404:
                    raise
            else:
                if seen != now["hash"]:
                    raise Conflict(f'"{name_of(path)}" was changed once more by somebody else.')
            return await self._save_content_at_path(model, path)  # type: ignore[no-any-return]  # untyped there

    async def changed_by(self) -> str:
        """Who changed the file last; "" where the site does not tell."""
        with suppress(HTTPError):
            model = await self._contents_manager.get(self.path, content=False, require_hash=True)
            return str(model.get("mesh", {}).get("changedBy", ""))
        return ""

    async def why_read_only(self) -> MeshError:
        """Why the file cannot be written now."""
        path = self.path
        model = await self._contents_manager.get(path, content=False)
        lock = model.get("mesh", {}).get("lock")
        if lock and not lock.get("mine"):
            holder = lock.get("holder") or "somebody else"
            return Locked(f'"{name_of(path)}" is locked by {holder}. Your changes are kept here.')
        return NotAllowed(f'You can view "{name_of(path)}" but not change it.')
