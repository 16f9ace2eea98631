"""``GET <base>/api/mesh/access``: who has access to one thing, and why."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.server.handlers.sharing import SharingHandler

__all__ = ["AccessHandler"]


class AccessHandler(SharingHandler):
    """Everything that the share dialog shows, in one answer."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Access to ``?path=``. What the site did not tell stands in ``problems``."""
        path = self.mesh_path(self.get_query_argument("path", strip=False))
        access = await self.sharing.access(path)
        telling = await self.telling(row.who for row in access.rows)
        self.finish(telling.access(access))
