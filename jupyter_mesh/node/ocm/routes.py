"""The addresses under which peers reach the node, and what all their handlers have in common."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from jupyter_mesh.errors import MeshError
from jupyter_mesh.node.ocm.discovery import describe
from jupyter_mesh.node.ocm.reading import NotTaken, read_body
from jupyter_mesh.node.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp.typedefs import Handler

    from jupyter_mesh.node.ocm.federation import Federation

__all__ = ["Message", "add_routes"]

log = logging.getLogger(__name__)
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Message:
    """A POST of a peer, read whole: what a signature covers."""

    url: str
    """The address as the peer wrote it, below the public URL of this node."""
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    method: str = "POST"


def add_routes(app: web.Application, federation: Federation) -> None:
    """Serve everything that peers ask for."""

    def takes(answer: Callable[[Message], Awaitable[tuple[int, Any]]], kind: str = JSON) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            federation.limits.admit(request.remote or "")
            body = await read_body(request, kind)
            url = federation.origin + request.raw_path
            status, reply = await answer(Message(url, request.headers, body))
            return web.json_response(reply, status=status, headers={"Cache-Control": "no-store"})

        return _guarded(handle)

    async def discovery(_: web.Request) -> web.StreamResponse:
        settings = federation.settings
        document = describe(
            federation.origin,
            title=federation.title,
            flavour=federation.site.flavour.name,
            accept_url=settings.accept_url,
        )
        return web.json_response(document)

    async def keys(_: web.Request) -> web.StreamResponse:
        return web.json_response(federation.key.jwks(federation.domain))

    async def directory(request: web.Request) -> web.StreamResponse:
        federation.limits.admit(f"page {request.remote}")
        return web.json_response(await federation.directories.served())

    app.router.add_get("/.well-known/ocm", discovery)
    app.router.add_get("/ocm/directory", _guarded(directory))
    # The second is where OpenCloud and CERNBox have theirs: who only knows a domain tries it.
    for path in ("/ocm/wayf", "/open-cloud-mesh/wayf"):
        app.router.add_get(path, federation.where_from.page)
    app.router.add_get("/ocm/accept", federation.where_from.accept)
    app.router.add_get("/.well-known/jwks.json", keys)
    app.router.add_post("/ocm/token", takes(federation.code_flow.asked, FORM))
    app.router.add_post("/ocm/invite-accepted", takes(federation.invites.accepted))
    app.router.add_post("/ocm/shares", takes(federation.shares.arrived))
    app.router.add_post("/ocm/notifications", takes(federation.notifications.arrived))


def _guarded(handler: Handler) -> Handler:
    """Answer refusals as OCM words them; nothing of what was sent gets into the log."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except NotTaken as error:
            return web.json_response(error.body, status=error.status)
        except web.HTTPException:
            raise
        except (MeshError, Refused) as error:
            log.warning("%s was not answered: %s", request.path, type(error).__name__)
            refused = NotTaken(503, "This site cannot answer now. Try again later.")
            return web.json_response(refused.body, status=503, headers={"Retry-After": "30"})
        except (
            Exception
        ):  # A bug of ours must reach the peer as a status, and the log with its cause.
            trace = secrets.token_hex(8)
            log.exception("%s failed (trace %s)", request.path, trace)
            refused = NotTaken(500, f"This site failed inside (trace {trace}).")
            return web.json_response(refused.body, status=500)

    return handle
