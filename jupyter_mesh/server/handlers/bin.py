"""``<base>/api/mesh/bin``: what was deleted in a space, put back or deleted for ever."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.contents.models import model_of
from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.paths import name_of
from jupyter_mesh.server.handlers.base import MeshHandler

if TYPE_CHECKING:
    from jupyter_mesh.models import BinItem

__all__ = ["BinHandler", "BinPurgeHandler", "BinRestoreHandler"]

PIECE = 500
"""Items that are written at once: more would hold up the event loop."""


class BinHandler(MeshHandler):
    """The list."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What was deleted in the space that holds ``?path=``, latest first."""
        files = self.mesh.files
        items = await files.bin(self.get_query_argument("path"))
        self.set_header("Content-Type", "application/json")
        self.write('{"items": [')
        for start in range(0, len(items), PIECE):
            told = [self._told(item, files.api_path(item.path)) for item in items[start:][:PIECE]]
            self.write(("," if start else "") + json.dumps(told)[1:-1])
            await asyncio.sleep(0)
        self.finish("]}")

    @staticmethod
    def _told(item: BinItem, path: str) -> dict[str, Any]:
        return {
            "key": item.key,
            "path": path,
            "name": name_of(path),
            "kind": item.kind.value,
            "size": item.size,
            "deleted": item.deleted.isoformat(),
        }


class BinRestoreHandler(MeshHandler):
    """Back to where it was, or elsewhere."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Restore ``{"path", "key", "to"?}``: 409 if the place is taken, 404 if its folder is gone. The model."""
        path, key, to = self.body(path=str, key=str, to=str | None)
        files = self.mesh.files
        resource = await files.restore_from_bin(path, key, to or "")
        model = model_of(resource, files.api_path(resource.path))
        times = {name: model[name].isoformat() for name in ("created", "last_modified")}
        self.finish(model | times)


class BinPurgeHandler(MeshHandler):
    """For ever."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Delete ``{"path", "keys"}`` for ever, never without keys; what could not be deleted, and why."""
        path, keys = self.body(path=str, keys=list)
        if not keys or not all(isinstance(key, str) and key for key in keys):
            raise InvalidRequest("Nothing in the bin was named: say what is to be deleted.")
        failures = await self.mesh.files.purge_from_bin(path, keys)
        failed = [{"key": key, "message": str(error)} for key, error in failures.items()]
        self.finish({"purged": len(set(keys)) - len(failed), "failed": failed})
