"""Uploads in pieces (tus): they go on after a break, and after the end of the process that began them.

What sites answer, and when: ``facts/cs3.md`` §10.7.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from jupyter_mesh.cs3.failures import Refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from jupyter_mesh.cs3.body import Body
    from jupyter_mesh.cs3.data import DataGateway, Transfer, UploadKey
    from jupyter_mesh.cs3.gateway import Gateway

__all__ = ["BREAKS", "Pieces", "Resumption", "told"]

CHUNK = 16 << 20
STALLS = 3
PAUSE = 0.3

BREAKS = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "LOCKED", "INTERNAL")
"""What can be over in a moment: the site is asked how much it has, and gets the rest."""


class Resumption(Protocol):
    """Where an upload is noted while it is under way, so that another process can go on with it."""

    async def begun(self) -> UploadKey | None:
        """The upload that an earlier process began, if there is one."""

    async def begin(self, key: UploadKey) -> None:
        """An upload begins: the key is kept where nobody else can read it. Whatever was begun before is lost."""

    async def lost(self) -> None:
        """The site does not know the upload any more: it starts again."""


class Pieces:
    """The pieces of uploads on their way to the data gateway."""

    def __init__(self, data: DataGateway, gateway: Gateway) -> None:
        self.reached = 0
        """How much the site has taken."""
        self._data = data
        self._gateway = gateway

    async def send(
        self,
        transfer: Transfer,
        body: Body,
        offset: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        """Send what follows on ``offset``; after a break, or with another token after the first has ended, go on.

        Raises Refusal when the site takes nothing more for a while, or has lost the upload. If it does not know it
        after the last piece, it was finished, or was lost: the Stat decides.
        """
        stalls = 0
        renewed = False
        while offset < body.size:
            stop = min(body.size, offset + CHUNK)
            try:
                pieces = told(body.chunks(offset, stop), progress, offset)
                reached = await self._data.patch(transfer, pieces, stop - offset, offset)
            except Refusal as refusal:
                if body.failure is not None:
                    raise
                if refusal.code == "UNAUTHENTICATED" and not renewed:
                    renewed = True
                    transfer = transfer.renewed(await self._gateway.renew(transfer.access_token))
                elif refusal.code not in BREAKS:
                    raise
                await asyncio.sleep(PAUSE * stalls)
                try:
                    reached = await self._data.offset(transfer)
                except Refusal as gone:
                    if gone.code == "NOT_FOUND" and stop == body.size:
                        return
                    if gone.code == "NOT_FOUND":
                        raise refusal from gone
                    reached = offset
                if reached <= offset:
                    stalls += 1
                    if stalls > STALLS:
                        raise
            if reached > offset:
                stalls = 0
            offset = self.reached = reached

    async def offset(self, transfer: Transfer) -> int | None:
        """How much the site has of an upload that was begun earlier; None if it cannot be gone on with.

        Raises Refusal if the site does not answer.
        """
        for _ in range(2):
            try:
                return await self._data.offset(transfer)
            except Refusal as refusal:
                if refusal.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                    raise
                if refusal.code != "UNAUTHENTICATED":
                    break
                transfer = transfer.renewed(await self._gateway.renew(transfer.access_token))
        return None


async def told(
    chunks: AsyncIterator[bytes], progress: Callable[[int], None] | None, sent: int = 0
) -> AsyncIterator[bytes]:
    """The chunks; ``progress`` hears of each one that was taken."""
    async for chunk in chunks:
        yield chunk
        sent += len(chunk)
        if progress is not None:
            progress(sent)
