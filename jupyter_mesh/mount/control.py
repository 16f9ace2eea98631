"""HTTP on a socket that the user alone can reach: how others ask the mount (``jupyter_mesh.mount.client``)."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from jupyter_mesh.errors import InvalidRequest, MeshError
from jupyter_mesh.paths import normalise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp.typedefs import Handler

__all__ = ["Controlled", "control"]

log = logging.getLogger(__name__)


class Controlled(Protocol):
    """What can be asked of a mount."""

    async def status(self) -> dict[str, Any]:
        """How it is, at once."""

    async def flush(self, path: str) -> list[str]:
        """Upload what is at or below a mesh path; returns what is left."""

    async def refresh(self, path: str) -> None:
        """Look again at a mesh path."""

    async def finish(self, grace: float) -> list[str]:
        """Stop; returns what is left once the folder is unmounted."""

    async def seen(self) -> None:
        """Forget the conflicts."""


@asynccontextmanager
async def control(mount: Controlled, socket: Path) -> AsyncIterator[None]:
    """Answer at ``socket`` until the end of the block; answers that were begun are finished."""
    application = web.Application(middlewares=[_one_sentence])
    routes = _Routes(mount)
    application.add_routes(
        [
            web.get("/status", routes.status),
            web.post("/flush", routes.flush),
            web.post("/refresh", routes.refresh),
            web.post("/stop", routes.stop),
            web.delete("/conflicts", routes.seen),
        ]
    )
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(socket)).start()
        yield
    finally:
        await runner.cleanup()


class _Routes:
    def __init__(self, mount: Controlled) -> None:
        self._mount = mount

    async def status(self, request: web.Request) -> web.Response:
        return web.json_response(await self._mount.status())

    async def flush(self, request: web.Request) -> web.Response:
        path = normalise(str((await _body(request)).get("path", "")))
        return web.json_response({"left": await self._mount.flush(path)})

    async def refresh(self, request: web.Request) -> web.Response:
        await self._mount.refresh(normalise(str((await _body(request)).get("path", ""))))
        return web.json_response({})

    async def stop(self, request: web.Request) -> web.Response:
        grace = (await _body(request)).get("grace", 0)
        if not isinstance(grace, (int, float)) or not 0 <= grace <= 86400:
            raise InvalidRequest("The grace period is a number of seconds, at most a day.")
        return web.json_response({"left": await self._mount.finish(float(grace))})

    async def seen(self, request: web.Request) -> web.Response:
        await self._mount.seen()
        return web.json_response({})


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise InvalidRequest("The request needs a JSON object.")
    return body


@web.middleware
async def _one_sentence(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except MeshError as error:
        log.info("%s: %s", request.path, error)
        return web.json_response({"message": str(error)}, status=error.status)
