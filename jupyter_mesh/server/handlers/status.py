"""``GET <base>/api/mesh/status``: who, where, and how the site is."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.server.handlers.base import MeshHandler

__all__ = ["StatusHandler"]


class StatusHandler(MeshHandler):
    """Answers in about three seconds, whatever the site does."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The status as JSON; ``?fresh=1`` asks the site and no cache."""
        fresh = self.get_query_argument("fresh", "") == "1"
        status = await self.mesh.watch.status(fresh=fresh)
        user, quota = status.user, status.quota
        self.finish(
            {
                "site": self.mesh.site,
                "user": user and {"username": user.username, "displayName": user.display_name},
                "state": status.state,
                "since": status.since.isoformat(),
                "message": status.message,
                "trace": status.trace,
                "quota": quota and {"used": quota.used, "total": quota.total},
                "areas": self.mesh.areas,
                "features": status.features,
                "signIn": self.mesh.sign_in,
            }
        )
