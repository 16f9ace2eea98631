"""Transfers: what this server carries right now, and what came of it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jupyter_mesh.errors import MeshError, NotFound
from jupyter_mesh.models import Transfer, TransferKind, TransferState

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Progress", "Transfers", "Work"]

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Transfers that run at the same time; further ones wait for their turn."""

REMEMBERED = 200
"""Ended transfers that are kept until they are forgotten."""

Progress = Callable[[int, int | None], None]
"""Told how many bytes have arrived, and of how many, if that is known by now."""

Work = Callable[[Progress], Awaitable[None]]
"""What a transfer does. When cancelled it leaves nothing half done."""

Release = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class _Entry:
    transfer: Transfer
    release: Release | None
    """Gives back what the transfer holds; awaited once it was done, was cancelled or is forgotten."""
    task: asyncio.Task[None] | None = None
    arrived: bool = False
    """True once its work was done: it is too late to cancel."""


class Transfers:
    """The transfers of one server, oldest first. Whoever builds it awaits ``close()``."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    def __iter__(self) -> Iterator[Transfer]:
        return iter([entry.transfer for entry in self._entries.values()])

    def get(self, id: str) -> Transfer:
        """The transfer as it is now; raises NotFound."""
        return self._entry(id).transfer

    def add(
        self,
        kind: TransferKind,
        path: str,
        *,
        id: str = "",
        state: TransferState = TransferState.RUNNING,
        release: Release | None = None,
        **facts: Any,
    ) -> Transfer:
        """List a transfer; ``run`` starts it."""
        facts.setdefault("started", datetime.now(UTC))
        transfer = Transfer(
            id=id or secrets.token_urlsafe(12), kind=kind, path=path, state=state, **facts
        )
        self._entries[transfer.id] = _Entry(transfer, release)
        return transfer

    def note(self, id: str, **changes: Any) -> Transfer:
        """Change what is told of a transfer."""
        entry = self._entry(id)
        entry.transfer = replace(entry.transfer, **changes)
        return entry.transfer

    def run(self, id: str, work: Work) -> Transfer:
        """Start the work of a listed transfer, or start it again after it failed."""
        entry = self._entry(id)
        started = self.note(id, state=TransferState.RUNNING, done=0, message="", status=0)
        entry.task = asyncio.create_task(self._run(entry, work), name=f"transfer-{id}")
        return started

    async def cancel(self, id: str) -> Transfer:
        """Stop a transfer and give back what it holds; nothing happens to one that has ended."""
        entry = self._entry(id)
        if not entry.transfer.has_ended:
            await _stop(entry)
        if not entry.transfer.has_ended:
            self._end(entry, TransferState.CANCELLED)
            await _release(entry)
        return entry.transfer

    async def remove(self, id: str) -> None:
        """Cancel what runs; forget what has ended."""
        entry = self._entry(id)
        if entry.transfer.has_ended:
            self._entries.pop(id, None)
            await _release(entry)
        else:
            await self.cancel(id)

    async def close(self) -> None:
        """Stop everything and forget it. What the transfers hold stays where it is."""
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._entries.clear()

    def _entry(self, id: str) -> _Entry:
        try:
            return self._entries[id]
        except KeyError:
            raise NotFound("There is no such transfer: it has ended, or was forgotten.") from None

    async def _run(self, entry: _Entry, work: Work) -> None:
        def progress(done: int, total: int | None) -> None:
            entry.transfer = replace(entry.transfer, done=done, total=total)

        try:
            async with self._turns:
                await work(progress)
        except MeshError as error:
            log.warning("The transfer to %s failed: %s", entry.transfer.path, error)
            self._end(entry, TransferState.FAILED, message=str(error), status=error.status)
        except Exception:
            # Nobody awaits this task: what is not told here is lost.
            log.exception("Our own mistake in the transfer to %s", entry.transfer.path)
            message = "Something went wrong in jupyter-mesh. The log of the server has details."
            self._end(entry, TransferState.FAILED, message=message, status=500)
        else:
            entry.arrived = True
            try:
                await _release(entry)
            finally:
                self._end(entry, TransferState.DONE)

    def _end(self, entry: _Entry, state: TransferState, **changes: Any) -> None:
        entry.transfer = replace(entry.transfer, state=state, **changes)
        # What still holds something, a failed upload, is not dropped behind the user's back.
        ended = [
            id
            for id, each in self._entries.items()
            if each.transfer.has_ended and each.release is None
        ]
        for id in ended[:-REMEMBERED]:
            del self._entries[id]


async def _stop(entry: _Entry) -> None:
    if entry.task is not None and not entry.task.done():
        if not entry.arrived:
            entry.task.cancel()
        await asyncio.wait({entry.task})


async def _release(entry: _Entry) -> None:
    release, entry.release = entry.release, None
    if release is not None:
        await release()
