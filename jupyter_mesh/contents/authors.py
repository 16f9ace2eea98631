"""Who saved a file last, for those who work on it together: CS3 itself names no editor.

A save where several people write leaves a small metadata entry with the name and the etag that it made. While
the etag is still that one, nobody has saved since, and the entry is believed. Reva, OpenCloud and the node keep
etag and time of a file whose metadata changes, and tell it with every Stat (measured, ``docs/sites.md``).
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from jupyter_mesh.cs3.locks import SAVED
from jupyter_mesh.cs3.wire import clean_name
from jupyter_mesh.errors import MeshError
from jupyter_mesh.paths import HOME, is_within

if TYPE_CHECKING:
    from jupyter_mesh.contents.mesh import MeshContents
    from jupyter_mesh.models import Resource, User

__all__ = ["SAVED", "Author", "Authors"]

LAST_WORDS = 2.0
"""Seconds that the end of the server waits for entries that are being written."""


class Author(NamedTuple):
    """Who saved a file last."""

    name: str
    mine: bool
    """True for the user of this server, who was in another place then."""


class Authors:
    """Signs what is saved from here, and reads the signatures of others. Lives in the loop of its manager."""

    def __init__(self, manager: MeshContents) -> None:
        self._manager = manager
        self._me: User | None = None
        self._unsigned: dict[str, tuple[Resource, str]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def me(self) -> User:
        """The user of this server. Asked for once."""
        if self._me is None:
            self._me = await self._manager.client.whoami()
        return self._me

    def sign(self, resource: Resource, lock_id: str = "") -> None:
        """Leave our name at what we saved, unless nobody else writes there. Does not wait, and cannot fail."""
        path = resource.path
        if is_within(path, HOME) or not resource.etag:
            return
        self._unsigned[path] = resource, lock_id
        if path not in self._tasks:
            self._tasks[path] = asyncio.create_task(self._sign(path))

    async def _sign(self, path: str) -> None:
        try:
            while path in self._unsigned:
                resource, lock_id = self._unsigned.pop(path)
                me = await self.me()
                entry = {"name": me.display_name, "user": _who(me), "etag": resource.etag}
                await self._manager.client.set_metadata(
                    path, {SAVED: json.dumps(entry, ensure_ascii=False)}, lock_id=lock_id
                )
        except MeshError as error:
            # Sites without metadata, and files that are gone again: the name is not worth a failure.
            self._manager.log.debug("%s was not signed: %s", path, error)
        finally:
            del self._tasks[path]

    async def of(self, resource: Resource) -> Author | None:
        """Who made the present content; None where nobody told."""
        entry = _read(resource.metadata.get(SAVED, ""))
        if not resource.etag or entry.get("etag") != resource.etag:
            return None
        name, user = entry.get("name"), entry.get("user")
        if not isinstance(name, str) or not clean_name(name):
            return None
        return Author(clean_name(name), user == _who(await self.me()))

    async def close(self) -> None:
        """Wait a moment for what is being written."""
        if self._tasks:
            tasks = list(self._tasks.values())
            _, late = await asyncio.wait(tasks, timeout=LAST_WORDS)
            for task in late:
                task.cancel()


def _who(user: User) -> str:
    return f"{user.id}@{user.idp}"


def _read(text: str) -> dict[str, Any]:
    try:
        entry = json.loads(text) if text else {}
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
