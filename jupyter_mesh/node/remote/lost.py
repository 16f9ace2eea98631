"""Received shares that their sites have stopped opening: some come back, so they are looked at again.

A site that has ended a share and one that is in trouble give the same answers (``facts/ocm-wire.md`` §6). Such a
share is not listed, and keeps the answer of its receiver until it opens again.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from jupyter_mesh.errors import MeshError
from jupyter_mesh.node.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from jupyter_mesh.node.ocm.wanted import Received
    from jupyter_mesh.node.remote.files import PeerFiles

__all__ = ["LostShares"]

_PAUSE = 30.0
"""Seconds until the first look; each look that finds nothing doubles them."""

_LONGEST_PAUSE = 3600.0
_AT_ONCE = 8
_REMEMBERED = 10_000


class LostShares:
    """Looks again in the background when somebody asks, and not often. Used on the event loop.

    ``files`` opens a share; ``found`` notes that it opens. ``close`` ends what runs.
    """

    def __init__(
        self,
        files: Callable[[Received], PeerFiles],
        found: Callable[[Received], Awaitable[None]],
    ) -> None:
        self._files = files
        self._found = found
        self._next: dict[str, tuple[float, float]] = {}
        self._looking: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End all looks. May be repeated."""
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)

    def lost(self, share: Received) -> None:
        """Begin to wait: its site has just said no."""
        self._wait(share, _PAUSE)

    def look(self, shares: Iterable[Received]) -> None:
        """Look at those whose pause is over."""
        for share in shares:
            when, pause = self._next.get(share.id, (0.0, _PAUSE))
            if time.monotonic() < when or len(self._looking) >= _AT_ONCE:
                continue
            self._wait(share, min(2 * pause, _LONGEST_PAUSE))
            task = asyncio.ensure_future(self._look(share))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    def _wait(self, share: Received, pause: float) -> None:
        self._next.pop(share.id, None)
        self._next[share.id] = time.monotonic() + pause, pause
        while len(self._next) > _REMEMBERED:
            del self._next[next(iter(self._next))]

    async def _look(self, share: Received) -> None:
        try:
            await self._files(share).find(())
            await self._found(share)
        except (MeshError, Refused):
            return
        self._next.pop(share.id, None)
