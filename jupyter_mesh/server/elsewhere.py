"""Elsewhere: transfers that other programs of this user run, in a terminal or a notebook, for the one list."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_mesh.errors import MeshError
from jupyter_mesh.paths import from_url
from jupyter_mesh.transfers.jobs import run_job
from jupyter_mesh.transfers.journal import Journal
from jupyter_mesh.transfers.plans import Job

if TYPE_CHECKING:
    from jupyter_mesh.contents import MeshContentsManager
    from jupyter_mesh.transfers.journal import Record

__all__ = ["Elsewhere"]

PREFIX = "journal-"
"""What tells their ids from those of this server."""

REFUSED_WITHIN = 1.0
"""Seconds in which a retry that cannot be begun says so."""


class Elsewhere:
    """The journal of transfers, as far as it is about the site of this server. Whoever builds it awaits ``close()``."""

    def __init__(self, mesh: MeshContentsManager) -> None:
        self._mesh = mesh
        self.journal = Journal()
        self._retries: set[asyncio.Task[None]] = set()

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

    async def retry(self, id: str) -> Record:
        """Go on here with one that has ended, where it stopped; it as it is then.

        Raises NotFound, OutOfOrder for one that runs or cannot be retried, and what keeps it from being begun.
        """

        async def again(record: Record) -> None:
            job = Job.from_json(record.resume)
            client, own = self._mesh.client, record.transfer.id
            await run_job(client, job, self.journal, id=own, program=record.program)

        task = asyncio.create_task(self.journal.retry(id.removeprefix(PREFIX), again))
        self._retries.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait({task}, timeout=REFUSED_WITHIN)
        if task.done():
            await task
        return await self.get(id)

    async def close(self) -> None:
        """Stop what was retried here: it counts as interrupted, and can be retried again."""
        for task in self._retries:
            task.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._retries.discard(task)
        if not task.cancelled():
            # What went wrong is in the journal.
            task.exception()

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
        """The API path of a path or URL of the site; a local path and anything else stays as it is."""
        if path.startswith("/"):
            return path
        try:
            site, mesh = from_url(path) if "://" in path else (self._mesh.client.site, path)
            return self._mesh.api_path(mesh) if site == self._mesh.client.site else path
        except MeshError:
            return path
