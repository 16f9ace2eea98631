"""Carrier: the transfers of one server, joined with the contents manager that they end in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError

from jupyter_mesh.contents.uploads import SiteUploads
from jupyter_mesh.errors import MeshError
from jupyter_mesh.models import Transfer, TransferKind
from jupyter_mesh.server.elsewhere import Elsewhere
from jupyter_mesh.transfers.registry import Transfers
from jupyter_mesh.transfers.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from jupyter_mesh.contents import CompositeContentsManager, MeshContentsManager
    from jupyter_mesh.transfers.registry import Progress

__all__ = ["Carrier"]


class Carrier:
    """Uploads and copies that go on while nobody looks. Whoever builds it awaits ``close()``."""

    def __init__(
        self, contents: CompositeContentsManager | MeshContentsManager, mesh: MeshContentsManager
    ) -> None:
        self.contents = contents
        self.mesh = mesh
        self._background: set[asyncio.Task[Any]] = set()
        self.transfers = Transfers()
        self.elsewhere = Elsewhere(mesh)
        self.uploads = Uploads(mesh.spools, self.transfers, SiteUploads(mesh))

    async def copy(self, source: str, target: str) -> Transfer:
        """Start to copy a file or folder to a free path, or into a folder."""

        async def work(progress: Progress) -> None:
            try:
                copied = await self.contents.copy(source, target, progress)
            except HTTPError as error:
                # What the managers answer was a MeshError a moment ago.
                if isinstance(error.__cause__, MeshError):
                    raise error.__cause__ from None
                failure = MeshError(error.get_message() or str(error))
                failure.status = error.status_code
                raise failure from error
            self.transfers.note(transfer.id, path=copied["path"])

        transfer = self.transfers.add(
            TransferKind.COPY, target.strip("/"), source=source.strip("/")
        )
        return self.transfers.run(transfer.id, work)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that a request began after the request is gone."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """Stop all transfers. Uploads stay on the disk for the next server."""
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.elsewhere.close()
        await self.transfers.close()
