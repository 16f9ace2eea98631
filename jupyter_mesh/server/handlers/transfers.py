"""``<base>/api/mesh/transfers``: what this server carries, how far it is, and how to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.server.handlers.base import MeshHandler

if TYPE_CHECKING:
    from jupyter_mesh.models import Transfer

__all__ = ["RetryHandler", "TransferHandler", "TransfersHandler"]


def as_json(transfer: Transfer) -> dict[str, Any]:
    """A transfer as the browser gets it."""
    return {
        "id": transfer.id,
        "kind": transfer.kind,
        "path": transfer.path,
        "source": transfer.source,
        "state": transfer.state,
        "done": transfer.done,
        "total": transfer.total,
        "message": transfer.message,
        "status": transfer.status,
        "started": transfer.started.isoformat(),
    }


class TransfersHandler(MeshHandler):
    """All transfers."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """``{"transfers": […]}``, oldest first."""
        carrier = self.mesh.carrier
        await carrier.uploads.open()
        self.set_header("Cache-Control", "no-store")
        self.finish({"transfers": [as_json(transfer) for transfer in carrier.transfers]})

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Start a copy: ``{"kind": "copy", "source", "target"}`` → 202 and the transfer."""
        kind, source, target = self.body(kind=str, source=str, target=str)
        if kind != "copy":
            raise InvalidRequest("Say what to copy: kind, source and target.")
        self.set_status(202)
        self.finish(as_json(await self.mesh.carrier.copy(source, target)))


class TransferHandler(MeshHandler):
    """One transfer."""

    @web.authenticated
    @authorized
    async def get(self, id: str) -> None:
        """The transfer as it is now; 404 once it is forgotten."""
        carrier = self.mesh.carrier
        await carrier.uploads.open()
        self.set_header("Cache-Control", "no-store")
        self.finish(as_json(carrier.transfers.get(id)))

    @web.authenticated
    @authorized
    async def delete(self, id: str) -> None:
        """Cancel it while it runs; forget it when it has ended."""
        carrier = self.mesh.carrier
        await carrier.uploads.open()
        await carrier.transfers.remove(id)
        self.set_status(204)
        self.finish()


class RetryHandler(MeshHandler):
    """An upload that failed at the site, once more."""

    @web.authenticated
    @authorized
    async def post(self, id: str) -> None:
        """``{"replace": hash | null}`` says what may be overwritten now; 202 and the transfer."""
        (replace,) = self.body(replace=str | None)
        transfer = await self.mesh.carrier.uploads.retry(id, replace)
        self.set_status(202)
        self.finish(as_json(transfer))
