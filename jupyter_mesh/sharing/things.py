"""What is shared, by name and place: sites tell ids."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from jupyter_mesh.errors import LoginEnded, MeshError

if TYPE_CHECKING:
    from jupyter_mesh.cs3.client import MeshClient
    from jupyter_mesh.models import Kind, Link, ReceivedShare, ResourceId, Share

__all__ = ["Thing", "Things"]

LASTS = 60.0
"""Seconds for which a name is shown again: somebody else may rename or move it."""

KEPT_AT_MOST = 10_000
ASKED_AT_ONCE = 8


class Thing(NamedTuple):
    """A file or folder by the name that it has, and where."""

    name: str
    kind: Kind
    path: str


class Things:
    """Names of what is shared, asked for once each."""

    def __init__(self, client: MeshClient) -> None:
        self._client = client
        self._kept: OrderedDict[ResourceId, tuple[float, Thing | None]] = OrderedDict()
        self._moves = client.moves
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)

    async def find(self, share: Share) -> Thing | None:
        """What a share of the user is about; None if it is gone."""
        if share.name and share.kind and share.path:
            return Thing(share.name, share.kind, share.path)
        return await self._of(share.resource)

    async def path_of(self, shared: Share | Link) -> str:
        """Where that lies which is shared, or to which a link of the user leads; "" if it is gone."""
        if shared.path:
            return shared.path
        thing = await self._of(shared.resource)
        return thing.path if thing is not None else ""

    def known_path(self, resource: ResourceId) -> str:
        """Where something lies that was asked for before; "" else."""
        _, thing = self._known(resource)
        return thing.path if thing is not None else ""

    async def of_received(self, share: ReceivedShare) -> dict[str, Any]:
        """Name and kind of a received share as far as they are missing, and the site lets one look at it."""
        if (share.name and share.kind) or share.resource is None:
            return {}
        thing = await self._of(share.resource)
        if thing is None:
            return {}
        return {"name": share.name or thing.name, "kind": share.kind or thing.kind}

    async def _of(self, resource: ResourceId) -> Thing | None:
        until, thing = self._known(resource)
        if until > time.monotonic() or not resource.opaque:
            return thing
        async with self._asking:
            until, thing = self._known(resource)
            if until > time.monotonic():
                return thing
            moves = self._moves
            try:
                found = await self._client.locate(resource)
                thing = Thing(found.name, found.kind, found.path)
            except LoginEnded:
                raise
            except MeshError:
                # Gone, or not to be seen: a name is not worth an error.
                thing = None
        if moves != self._client.moves:
            return thing
        self._kept[resource] = (time.monotonic() + LASTS, thing)
        while len(self._kept) > KEPT_AT_MOST:
            self._kept.popitem(last=False)
        return thing

    def _known(self, resource: ResourceId) -> tuple[float, Thing | None]:
        """What was found, and until when it is believed; nothing from before something was moved here."""
        if self._moves != self._client.moves:
            self._kept.clear()
            self._moves = self._client.moves
        return self._kept.get(resource, (0.0, None))
