"""Received shares of the own site as places: which ones open, and how their end is noticed."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as sharing
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as shares
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider

from jupyter_mesh.cs3.flavour import Feature, Flavour
from jupyter_mesh.cs3.place import Entry
from jupyter_mesh.cs3.wire import reference, resource_id_of, time_of, told_name
from jupyter_mesh.errors import (
    MeshError,
    NotAllowed,
    NotFound,
    NotSupported,
    SiteError,
    Withdrawn,
)
from jupyter_mesh.models import Space, SpaceKind
from jupyter_mesh.paths import SHARES, join, name_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_mesh.cs3.gateway import Gateway

__all__ = ["LocalShares"]

UNSURE_LASTS = 300.0
"""Seconds for which a share that cannot be looked at, for no reason that says anything, is still one."""

STATS_AT_ONCE = 8


class LocalShares:
    """What others of the site share with one user. Does no I/O before the first question."""

    def __init__(
        self, gateway: Gateway, pages: Callable[[str, Any, str, str], Awaitable[list[Any]]]
    ) -> None:
        self.name_of: Callable[[str], Awaitable[str]] | None = None
        """Tells the display name of a user by id, for what is said about shares."""
        self.told: list[tuple[Any, Any]] = []
        """What was listed last: the site's ReceivedShares, each with its ResourceInfo or None."""
        self._gateway = gateway
        self._pages = pages
        self._shown: dict[str, tuple[str, str]] = {}
        """The ids of shares and of their owners by the paths under which they were shown."""
        self._were: dict[str, Entry] = {}
        """Shares that were looked at, by id, as they were then."""
        self._unsure: dict[str, float] = {}
        """Since when shares could not be looked at, though nothing says that they are gone."""

    async def entries(self, flavour: Flavour) -> list[Entry]:
        """Accepted shares. They are opened by the id of the shared resource on every kind of site."""
        self.told = received = await self._received(flavour)
        accepted = [pair for pair in received if _is_open(pair[0])]
        gate = asyncio.Semaphore(STATS_AT_ONCE)
        named = await asyncio.gather(
            *(self._share_entry(share, info, gate) for share, info in accepted)
        )
        return [entry for entry in named if entry is not None]

    def is_unsure(self, share: str) -> bool:
        """True if a share of this site could not be looked at for some time, which may pass."""
        since = self._unsure.get(share)
        return since is not None and time.monotonic() - since < UNSURE_LASTS

    def note(self, entries: list[Entry]) -> None:
        """These are shown now, under the names that they have."""
        self._shown |= {
            entry.space.path: (entry.share_id, entry.space.owner)
            for entry in entries
            if entry.share_id and not entry.is_remote
        }

    def has_shown(self, path: str) -> bool:
        """True if a share was shown at this path, lately or earlier."""
        return path in self._shown

    async def must_be_told(self, path: str) -> None:
        """Raise Withdrawn for a share that was shown at a path and was not in the last list."""
        id, owner = self._shown[path]
        if any(received.share.id.opaque_id == id for received, _ in self.told):
            return
        name = ""
        if self.name_of is not None:
            with suppress(MeshError):
                name = await self.name_of(owner)
        raise Withdrawn(f'{name or "Its owner"} stopped sharing "{name_of(path)}".')

    async def _received(self, flavour: Flavour) -> list[tuple[Any, Any]]:
        """What the site lists as received: its ReceivedShares, with ResourceInfos where it tells them."""
        known = flavour.can(Feature.RECEIVED_INFOS)
        if known is not False:
            try:
                listed = await self._pages(
                    "ListExistingReceivedShares",
                    sharing.ListReceivedSharesRequest(),
                    "share_infos",
                    "list your shares",
                )
            except (NotSupported, SiteError):
                listed, known = [], False
            if listed or known:
                flavour.learn(Feature.RECEIVED_INFOS, True)
                return [(item.received_share, item.resource_info) for item in listed]
        try:
            listed = await self._pages(
                "ListReceivedShares",
                sharing.ListReceivedSharesRequest(),
                "shares",
                "list your shares",
            )
        except NotSupported:
            return []
        if listed or known is False:
            # Reva leaves out what its receiver cannot look at, and some sites cannot list in that way at all.
            flavour.learn(Feature.RECEIVED_INFOS, False)
        return [(share, None) for share in listed]

    async def _share_entry(self, received: Any, info: Any, gate: asyncio.Semaphore) -> Entry | None:
        """None for a share whose resource is gone. Asks for the name where the site did not tell one."""
        root = resource_id_of(received.share.resource_id)
        if root is None:
            return None
        name = received.alias or name_of(received.mount_point.path)
        if info is not None and info.type:
            name = name or told_name(info)
        elif not name:
            try:
                async with gate:
                    reply = await self._gateway.call(
                        "Stat",
                        provider.StatRequest(ref=reference(root, "")),
                        doing="look at a share",
                        repeat=True,
                    )
            except (NotFound, NotAllowed):
                return None
            except SiteError:
                return self._not_seen(received)
            self._unsure.pop(received.share.id.opaque_id, None)
            info = reply.info
            name = told_name(info)
        space = Space(
            path=join(SHARES, name),
            name=name,
            kind=SpaceKind.SHARE,
            root=root,
            owner=received.share.owner.opaque_id,
            modified=time_of(received.share.mtime if info is None else info.mtime),
        )
        entry = Entry(space=space, share_id=received.share.id.opaque_id, info=info)
        self._were[entry.share_id] = entry
        return entry

    def _not_seen(self, received: Any) -> Entry | None:
        """The entry of a share that cannot be looked at just now, as it was; None without an earlier one."""
        share = received.share.id.opaque_id
        self._unsure.setdefault(share, time.monotonic())
        return self._were.get(share) if self.is_unsure(share) else None


def _is_open(received: Any) -> bool:
    """True for a share that was accepted and has not ended: not every site ends it by itself."""
    share = received.share
    ended = share.HasField("expiration") and time_of(share.expiration) <= datetime.now(UTC)
    return received.state == shares.SHARE_STATE_ACCEPTED and not ended
