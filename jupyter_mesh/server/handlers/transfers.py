"""``<base>/api/mesh/transfers``: what this server and other programs carry, how far it is, and how to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.server.handlers.base import MeshHandler

if TYPE_CHECKING:
    from jupyter_mesh.models import Transfer
    from jupyter_mesh.transfers.journal import Record

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
        "elsewhere": None,
    }


def record_as_json(record: Record) -> dict[str, Any]:
    """A transfer of another program: which one, where its file is on this machine, and whether it can go on."""
    elsewhere = {"program": record.program, "local": record.local, "canRetry": record.can_retry}
    return as_json(record.transfer) | {"elsewhere": elsewhere}


class TransfersHandler(MeshHandler):
    """All transfers."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """``{"transfers": […]}``, oldest first; those of other programs say so under ``elsewhere``."""
        carrier = self.mesh.carrier
        await carrier.uploads.open()
        told = [as_json(transfer) for transfer in carrier.transfers]
        told += [record_as_json(record) for record in await carrier.elsewhere.list()]
        self.finish({"transfers": sorted(told, key=lambda each: each["started"])})

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
        if carrier.elsewhere.is_ours(id):
            self.finish(record_as_json(await carrier.elsewhere.get(id)))
            return
        await carrier.uploads.open()
        self.finish(as_json(carrier.transfers.get(id)))

    @web.authenticated
    @authorized
    async def delete(self, id: str) -> None:
        """Cancel it while it runs; forget it when it has ended."""
        carrier = self.mesh.carrier
        if carrier.elsewhere.is_ours(id):
            await carrier.elsewhere.remove(id)
        else:
            await carrier.uploads.open()
            await carrier.transfers.remove(id)
        self.set_status(204)
        self.finish()


class RetryHandler(MeshHandler):
    """An upload that failed at the site, or a transfer of another program, once more."""

    @web.authenticated
    @authorized
    async def post(self, id: str) -> None:
        """``{"replace": hash | null}`` says what may be overwritten now; 202 and the transfer."""
        (replace,) = self.body(replace=str | None)
        elsewhere = self.mesh.carrier.elsewhere
        if elsewhere.is_ours(id):
            self.set_status(202)
            self.finish(record_as_json(await elsewhere.retry(id)))
            return
        transfer = await self.mesh.carrier.uploads.retry(id, replace)
        self.set_status(202)
        self.finish(as_json(transfer))
