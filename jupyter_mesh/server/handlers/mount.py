"""``<base>/api/mesh/mount``: how the mount of this server is, what waits in it, and what it had to keep twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.errors import NotFound
from jupyter_mesh.server.handlers.base import MeshHandler

if TYPE_CHECKING:
    from jupyter_mesh.contents import MeshContentsManager

__all__ = ["ConflictsHandler", "FlushHandler", "MountHandler"]

SHOWN = 100
"""Things in the queue that are named; of thousands of files the rest is counted."""


class MountHandler(MeshHandler):
    """How it is."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The state in about two seconds, whatever the mount does; ``{"state": "none", "message"}`` without one.

        Paths are API paths. ``waiting`` counts all of ``pending``, of which the first are told.
        """
        files = self.mesh.files
        state = await files.mounted.state()
        pending, conflicts = state["pending"], state["conflicts"]
        self.finish(
            state
            | {
                "waiting": len(pending),
                "pending": [_at(each, files, "path") for each in pending[:SHOWN]],
                "conflicts": [_at(each, files, "path", "copy") for each in conflicts[:SHOWN]],
            }
        )


class FlushHandler(MeshHandler):
    """Up with it."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Upload what waits at or below ``{"path"}`` now, within a minute; ``{"left": [paths]}``."""
        (path,) = self.body(path=str)
        files = self.mesh.files
        left = await files.mounted.bring(files.mesh_path(path or files.prefix))
        self.finish({"left": [_api_path(files, each) for each in left]})


class ConflictsHandler(MeshHandler):
    """Read and understood."""

    @web.authenticated
    @authorized
    async def delete(self) -> None:
        """Forget the conflicts: both files stay where they are."""
        await self.mesh.files.mounted.seen()
        self.set_status(204)
        self.finish()


def _at(entry: dict[str, Any], files: MeshContentsManager, *names: str) -> dict[str, Any]:
    return entry | {name: _api_path(files, entry[name]) for name in names}


def _api_path(files: MeshContentsManager, path: str) -> str:
    """The API path; the mesh path of what this server does not show."""
    try:
        return files.api_path(path)
    except NotFound:
        return path
