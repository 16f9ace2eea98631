"""``POST /api/terminals``: a terminal that is asked for in a folder of the mesh opens in the mount."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from jupyter_server_terminals.api_handlers import TerminalRootHandler
from tornado import web

if TYPE_CHECKING:
    from jupyter_mesh.server.app import MeshExtension
    from jupyter_mesh.server.mounted import MountedFolders

__all__ = ["TerminalsHandler"]


class TerminalsHandler(TerminalRootHandler):
    """As Jupyter's own, except that a mount which hangs or is gone neither stops the server nor the terminal."""

    @property
    def _folders(self) -> MountedFolders:
        folders = cast("MeshExtension", self.extensionapp).mounted
        assert folders is not None  # noqa: S101  without a mount this handler is not there
        return folders

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Make a terminal in the folder ``cwd``; in the server's own where that is not mounted now."""
        asked: dict[str, Any] = self.get_json_body() or {}
        where = self._where(asked.get("cwd"))
        if where is None:
            # Looks at the disk, but not at the mount.
            await ensure_async(super().post())
            return
        del asked["cwd"]
        if await self._folders.is_folder(where):
            asked["cwd"] = where
        else:
            self.log.warning(
                "%s is not mounted or does not answer: a terminal opens elsewhere.", where
            )
        self.finish(json.dumps(self.terminal_manager.create(**asked)))

    def _where(self, cwd: Any) -> str | None:
        """The folder of the mount that is meant, by its path of the API or on the disk; None for any other."""
        if not isinstance(cwd, str):
            return None
        return cwd if self._folders.holds(cwd) else self._folders.where(cwd)
