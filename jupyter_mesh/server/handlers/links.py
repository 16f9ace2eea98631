"""``<base>/api/mesh/links``: links that let in whoever has them. Those of one thing come with who has access."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.models import UNCHANGED
from jupyter_mesh.server.handlers.sharing import SharingHandler

if TYPE_CHECKING:
    from jupyter_mesh.models import Link

__all__ = ["LinkHandler", "LinksHandler"]


class LinksHandler(SharingHandler):
    """All of them, and a new one."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """A part of the user's links, latest first, with what they lead to."""
        part = self.part_of(await self.sharing.links(age=self.age), _id_of)
        telling = await self.telling()
        links = await self.sharing.located(part.items)
        self.tell_part(part, [telling.link(link) for link in links])

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Make a link to ``path``; 201 and the link."""
        form = self.form("path", "role", "password", "expires", "name")
        path = self.mesh_path(form.line("path"))
        link = await self.sharing.create_link(
            path,
            form.role("role"),
            password=form.line("password", ""),
            expires=form.time("expires"),
            name=form.line("name", ""),
        )
        self.live.tell("links", path)
        self.set_status(201)
        self.finish((await self.telling()).link(link))


class LinkHandler(SharingHandler):
    """One of them."""

    @web.authenticated
    @authorized
    async def patch(self, id: str) -> None:
        """Change ``role``, ``password`` ("" for none), ``expires`` (``null`` for no end) or ``name``; the link."""
        form = self.form("role", "password", "expires", "name")
        link = await self.sharing.update_link(
            id,
            role=form.role("role") if form.has("role") else UNCHANGED,
            password=form.line("password") if form.has("password") else UNCHANGED,
            expires=form.time("expires") if form.has("expires") else UNCHANGED,
            name=form.line("name") if form.has("name") else UNCHANGED,
        )
        self.live.tell("links", link.path)
        self.finish((await self.telling()).link(link))

    @web.authenticated
    @authorized
    async def delete(self, id: str) -> None:
        """End it."""
        await self.sharing.remove_link(id)
        self.live.tell("links")
        self.done()


def _id_of(link: Link) -> str:
    return link.id
