"""Elsewhere: transfers that other programs of this user run, in a terminal or a notebook, for the one list."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_mesh.errors import MeshError
from jupyter_mesh.paths import from_url
from jupyter_mesh.transfers.journal import Journal

if TYPE_CHECKING:
    from jupyter_mesh.contents import MeshContentsManager
    from jupyter_mesh.transfers.journal import Record

__all__ = ["Elsewhere"]

PREFIX = "journal-"
"""What tells their ids from those of this server."""


class Elsewhere:
    """The journal of transfers, as far as it is about the site of this server."""

    def __init__(self, mesh: MeshContentsManager) -> None:
        self._mesh = mesh
        self.journal = Journal()

    @staticmethod
    def is_ours(id: str) -> bool:
        """True for an id that was told here."""
        return id.startswith(PREFIX)

    async def list(self) -> list[Record]:
        """All of them, oldest first, with API paths and with ids of the one list."""
        records = await self.journal.list()
        site = self._mesh.client.site
        return [self._told(record) for record in records if record.site == site]

    async def get(self, id: str) -> Record:
        """One of them; raises NotFound."""
        return self._told(await self.journal.get(id.removeprefix(PREFIX)))

    async def remove(self, id: str) -> None:
        """Have its program stop it while it runs; forget it when it has ended. Raises NotFound."""
        own = id.removeprefix(PREFIX)
        record = await self.journal.get(own)
        if record.alive:
            await self.journal.cancel(own)
        else:
            await self.journal.forget(own)

    def _told(self, record: Record) -> Record:
        transfer = record.transfer
        return replace(
            record,
            transfer=replace(
                transfer,
                id=PREFIX + transfer.id,
                path=self._api_path(transfer.path),
                source=self._api_path(transfer.source) if transfer.source else "",
            ),
        )

    def _api_path(self, path: str) -> str:
        """The API path of a path or URL of the site; anything else stays as it is."""
        try:
            site, mesh = from_url(path) if "://" in path else (self._mesh.client.site, path)
            return self._mesh.api_path(mesh) if site == self._mesh.client.site else path
        except MeshError:
            return path
