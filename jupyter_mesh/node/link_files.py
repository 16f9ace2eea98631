"""Public links over WebDAV: ``/dav/public-files/<token>[/rel]``, for programs that read what a link shows.

Real sites have it there, too, OpenCloud and Reva also below ``/remote.php``. Here it only reads, and a link with a
password is not opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from jupyter_mesh.errors import LoginEnded
from jupyter_mesh.node.address import reach
from jupyter_mesh.node.ocm.access_tree import ShareTree
from jupyter_mesh.node.ocm.rows import Given
from jupyter_mesh.node.refusal import Refused
from jupyter_mesh.node.tokens import Transfer
from jupyter_mesh.webdav import WebDAV

if TYPE_CHECKING:
    from jupyter_mesh.node.site import Site

__all__ = ["LinkFiles"]

PREFIXES = ("/dav/public-files", "/remote.php/dav/public-files")
READS = ("GET", "HEAD", "OPTIONS", "PROPFIND")
NEEDED = {"initiate_file_download", "list_container"}


class LinkFiles:
    """Answers requests for the files behind links. Every step of each asks anew what the link allows."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def add_routes(self, app: web.Application) -> None:
        """Serve the links in ``app``."""
        for prefix in PREFIXES:
            app.router.add_route("*", prefix + r"/{token:[^/]+}{rest:[\s\S]*}", self.handle)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request: 404 for no link, 401 for one with a password, 403 for one that shows nothing."""
        if request.method not in READS:
            return web.Response(status=405, headers={"Allow": ", ".join(READS)})
        token = request.match_info["token"]
        link = await self._site.run(lambda: self._site.links.open(token))
        if link is None:
            return web.Response(status=404, text="There is no such link, or it has ended.")
        if link.password:
            headers = {"WWW-Authenticate": 'Basic realm="Public link"'}
            return web.Response(status=401, text="This link has a password.", headers=headers)
        try:
            await self._site.run(lambda: self._standing(token))
        except LoginEnded:
            return web.Response(status=403, text="This link shows no files.")
        tree = ShareTree(self._site, lambda: self._standing(token))
        prefix = next(
            f"{prefix}/{token}"
            for prefix in PREFIXES
            if request.path.startswith(f"{prefix}/{token}")
        )
        return await WebDAV(tree, prefix=prefix).handle(request)

    def _standing(self, token: str) -> Given:
        """What the link gives now; raises LoginEnded when that is nothing."""
        link = self._site.links.open(token)
        if link is None or link.password:
            raise LoginEnded("This link has ended.")
        space = self._site.space_of(link.node).id
        try:
            by = Transfer(user=link.creator, link=link.id)
            address = reach(self._site, by, space, link.node, ())
        except Refused:
            raise LoginEnded("This link has ended.") from None
        if not address.rights >= NEEDED:
            raise LoginEnded("This link shows no files.")
        return Given(
            id=link.id, space=space, entry=link.node, owner=link.creator, editor=False, secret=""
        )
