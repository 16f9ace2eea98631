"""The data gateway: bytes in and out over HTTP. ``incoming.py`` takes them, ``outgoing.py`` sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from jupyter_mesh.node.flavours import HTTP_STATUS
from jupyter_mesh.node.incoming import Incoming
from jupyter_mesh.node.link_files import LinkFiles
from jupyter_mesh.node.link_web import add_link_routes
from jupyter_mesh.node.ocm.access import RemoteAccess
from jupyter_mesh.node.ocm.routes import add_routes
from jupyter_mesh.node.outgoing import Outgoing
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.remote.mounts import OCM_STORAGE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aiohttp.typedefs import Middleware

    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tokens import Transfer

__all__ = ["data_app"]


def data_app(site: Site, middlewares: Sequence[Middleware]) -> web.Application:
    """The web application of a site: ``/data``, ``/health``, public links, and what peers ask for."""
    data = _DataGateway(site)
    app = web.Application(middlewares=middlewares)
    app.router.add_get("/health", data.health)
    app.router.add_route("*", "/data", data.handle)
    add_link_routes(app, site)
    LinkFiles(site).add_routes(app)
    add_routes(app, site.federation)
    RemoteAccess(site, site.federation.store).add_routes(app)
    return app


class _DataGateway:
    """Finds out what a request may do, and hands it on. A body is never whole in memory."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._incoming = Incoming(site)
        self._outgoing = Outgoing(site)

    async def health(self, _: web.Request) -> web.Response:
        """200 while the site answers."""
        await self._site.run(lambda: self._site.index.value("SELECT 1"))
        return web.json_response({"name": self._site.name, "status": "ok"})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request. A refusal is a status with an empty body, as at real sites."""
        methods: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
            "PUT": self._put,
            "GET": self._get,
            "HEAD": self._head,
            "PATCH": self._patch,
        }
        if self._site.flavour.spaces:
            methods |= {"DELETE": self._delete, "OPTIONS": self._options}
        handler = methods.get(request.method)
        if handler is None:
            return web.Response(
                status=400 if self._site.flavour.spaces and request.method == "POST" else 501
            )
        try:
            return await handler(request)
        except Refused as error:
            return web.Response(status=HTTP_STATUS.get(error.reason, 500))

    async def _put(self, request: web.Request) -> web.StreamResponse:
        transfer = await self._simple(request)
        if transfer.space == OCM_STORAGE:
            return await self._site.transfers.put(request, transfer)
        return await self._incoming.put(request, transfer)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        transfer = await self._simple(request)
        if transfer.space == OCM_STORAGE:
            return await self._site.transfers.get(request, transfer)
        return await self._outgoing.get(request, transfer)

    async def _head(self, request: web.Request) -> web.StreamResponse:
        transfer = self._transfer(request)
        if transfer.upload:
            return await self._incoming.head(transfer)
        return await self._get(request)

    async def _patch(self, request: web.Request) -> web.StreamResponse:
        return await self._incoming.patch(request, self._transfer(request))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        return await self._incoming.delete(self._transfer(request))

    async def _options(self, _: web.Request) -> web.StreamResponse:
        return self._incoming.options()

    def _transfer(self, request: web.Request) -> Transfer:
        return self._site.tokens.read_transfer(request.headers.get("X-Reva-Transfer", ""))

    async def _simple(self, request: web.Request) -> Transfer:
        """The transfer of a request that has to show who it comes from as well."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = request.headers.get("x-access-token", "") or bearer
        user, _, link = await self._site.run(lambda: self._site.user_of(token))
        transfer = self._transfer(request)
        if (transfer.user, transfer.link) != (user.id, link):
            raise Refused(Reason.MISSING, "This transfer was given to somebody else.")
        return transfer
