"""``<base>/api/mesh/shares``: what the user shares, with whom, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.models import UNCHANGED
from jupyter_mesh.server.handlers.sharing import SharingHandler

if TYPE_CHECKING:
    from jupyter_mesh.models import Share

__all__ = ["ShareHandler", "SharesHandler"]


class SharesHandler(SharingHandler):
    """All of them, and a new one."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """A part of the user's shares, latest first; of ``?path=`` alone where it is given."""
        path = self.query("path")
        shares = await self.sharing.by_me(self.mesh_path(path) if path else "", age=self.age)
        part = self.part_of(shares, _id_of)
        told = await self.sharing.described(part.items)
        telling = await self.telling(share.grantee for share in told)
        self.tell_part(part, [telling.share(share) for share in told])

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Share ``path`` ``with`` the one whom a key names; 201 and the share.

        409 with ``conflict`` where other shares are in the way: ``force`` replaces them if it may.
        """
        form = self.form("path", "with", "role", "expires", "note", "force")
        path = self.mesh_path(form.line("path"))
        share = await self.sharing.share(
            path,
            form.person("with"),
            form.role("role"),
            expires=form.time("expires"),
            note=form.text("note", ""),
            force=form.flag("force", False),
        )
        self.live.tell("shares", path)
        self.set_status(201)
        self.finish((await self.telling([share.grantee])).share(share))


class ShareHandler(SharingHandler):
    """One of them."""

    @web.authenticated
    @authorized
    async def patch(self, id: str) -> None:
        """Change ``role`` and ``expires`` (``null`` for no end); the share, whose id may be another one now."""
        form = self.form("role", "expires")
        share = await self.sharing.update(
            id,
            role=form.role("role") if form.has("role") else UNCHANGED,
            expires=form.time("expires") if form.has("expires") else UNCHANGED,
        )
        self.live.tell("shares", share.path)
        self.finish((await self.telling([share.grantee])).share(share))

    @web.authenticated
    @authorized
    async def delete(self, id: str) -> None:
        """Stop sharing; what the share was, so that it can be made again."""
        share = await self.sharing.remove(id)
        self.live.tell("shares", share.path)
        self.finish((await self.telling([share.grantee])).share(share))


def _id_of(share: Share) -> str:
    return share.id
