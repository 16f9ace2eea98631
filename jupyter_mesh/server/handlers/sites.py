"""``GET <base>/api/mesh/sites``: the institutions that one can work with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.server.handlers.sharing import SharingHandler

if TYPE_CHECKING:
    from jupyter_mesh.models import Site

__all__ = ["SitesHandler"]


class SitesHandler(SharingHandler):
    """All of them."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """A part of the sites by title; of those that match ``?q=`` where it is given."""
        sites = self.sharing.sites
        part = self.part_of(await sites.listed(self.search_text()), _domain_of)
        own, telling = await sites.own(), await self.telling()
        self.tell_part(part, [telling.site(site, own=own) for site in part.items])


def _domain_of(site: Site) -> str:
    return site.domain
