"""Received shares of other sites as places: where they open, which ones do, and how their end is noticed.

Real sites serve what they should not (pending, declined and expired shares) and list for ever what the
other side has ended (``facts/ocm.md`` §22): both is put right here.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from cs3.sharing.ocm.v1beta1 import ocm_api_pb2 as ocm_api
from cs3.sharing.ocm.v1beta1 import resources_pb2 as ocm
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as rs
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces_api

from jupyter_mesh.cs3.failures import refusal_of
from jupyter_mesh.cs3.ocm import has_ended, kind_of, permissions_of, received_of
from jupyter_mesh.cs3.place import Entry
from jupyter_mesh.cs3.wire import reference, resource_id_of, resource_id_to, time_of
from jupyter_mesh.errors import MeshError, NotSupported, SiteError
from jupyter_mesh.models import Kind, ResourceId, Space, SpaceKind
from jupyter_mesh.paths import SHARES, join

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_mesh.cs3.gateway import Gateway

__all__ = ["JUST_NOW", "RemoteShares"]

MOUNTS = ("/ocm", "/sciencemesh")
"""Where sites of paths show what comes from other sites: it is for their operators to choose."""

OCM_STORAGE = "89f37a33-b858-45fa-8890-a1f2b27d90e1"
"""Storage id under which oCIS and OpenCloud show it."""

JUST_NOW = 2.0
"""Seconds within which two questions for the same list are one."""

GONE_LASTS = 300.0
"""Seconds for which a share that did not open is left out; the other site may only have been away."""


class RemoteShares:
    """What comes from other sites, for one user. Does no I/O before the first question."""

    def __init__(
        self, gateway: Gateway, pages: Callable[[str, Any, str, str], Awaitable[list[Any]]]
    ) -> None:
        self._gateway = gateway
        self._pages = pages
        self._listed: tuple[float, list[Any]] = (float("-inf"), [])
        self._listing = asyncio.Lock()
        self._mount = ""
        self._storage = ""
        self._gone: dict[str, float] = {}

    def forget(self) -> None:
        """List afresh the next time."""
        self._listed = (float("-inf"), [])

    async def listed(self, age: float = 0) -> list[Any]:
        """The site's messages about received shares, at most ``age`` seconds old. ListReceivedOCMShares."""
        async with self._listing:
            when, messages = self._listed
            if time.monotonic() - when >= age:
                messages = await self._pages(
                    "ListReceivedOCMShares",
                    ocm_api.ListReceivedOCMSharesRequest(),
                    "shares",
                    "list what other sites share with you",
                )
                self._listed = (time.monotonic(), messages)
        return messages

    async def entries(self, has_spaces: bool) -> list[Entry]:
        """The shares that open: accepted, of files, not over, not withdrawn. Empty without federation."""
        try:
            messages = await self.listed(age=JUST_NOW)
        except (NotSupported, SiteError):
            return []
        open_ = [message for message in messages if self.opens(message)]
        if not open_:
            return []
        if has_spaces:
            await self._find_storage()
        else:
            await self._find_mount(open_)
        return [self._entry(message, has_spaces) for message in open_]

    def opens(self, message: Any) -> bool:
        """Whether a share may be opened: sites would open it in any case."""
        return (
            message.state in (ocm.SHARE_STATE_ACCEPTED, ocm.SHARE_STATE_TRANSFERRING)
            and permissions_of(message) is not None
            and not has_ended(received_of(message, ""))
            and not self.is_withdrawn(message.id.opaque_id)
        )

    def is_withdrawn(self, share: str) -> bool:
        """True if the share did not open when somebody tried."""
        return time.monotonic() - self._gone.get(share, float("-inf")) < GONE_LASTS

    def note_gone(self, share: str) -> None:
        """Leave a share out for a while: it does not open any more."""
        self._gone[share] = time.monotonic()
        self.forget()

    def _entry(self, message: Any, has_spaces: bool) -> Entry:
        share = message.id.opaque_id
        root = ResourceId(storage=self._storage, space=share, opaque=share) if has_spaces else None
        space = Space(
            path=join(SHARES, message.name),
            name=message.name,
            kind=SpaceKind.SHARE,
            root=root,
            owner=message.owner.opaque_id,
            modified=time_of(message.mtime),
        )
        return Entry(
            space=space,
            mount="" if has_spaces else f"{self._mount}/{share}",
            share_id=share,
            info=_told(message, root),
            is_remote=True,
        )

    async def _find_storage(self) -> None:
        """The storage id of received shares, out of the spaces that the site lists; asked for once."""
        if self._storage:
            return
        kind = spaces_api.ListStorageSpacesRequest.Filter.TYPE_SPACE_TYPE
        request = spaces_api.ListStorageSpacesRequest()
        request.filters.add(type=kind, space_type="mountpoint")
        try:
            spaces = await self._pages(
                "ListStorageSpaces", request, "storage_spaces", "list your shares"
            )
        except (NotSupported, SiteError):
            spaces = []
        mine = {message.id.opaque_id for message in self._listed[1]}
        for space in spaces:
            root = resource_id_of(space.root)
            if root is not None and root.opaque == root.space and root.opaque in mine:
                self._storage = root.storage
                return
        self._storage = OCM_STORAGE

    async def _find_mount(self, messages: list[Any]) -> None:
        """The folder in which a site of paths shows them; asked for until it is known."""
        if self._mount in MOUNTS:
            return
        for message in messages:
            for mount in MOUNTS:
                if await self._is_mounted(f"{mount}/{message.id.opaque_id}"):
                    self._mount = mount
                    return
        self._mount = MOUNTS[-1]

    async def _is_mounted(self, path: str) -> bool:
        ref = reference(None, path)
        doing = "look for your shares"
        try:
            await self._gateway.call(
                "Stat", provider.StatRequest(ref=ref), doing=doing, repeat=True
            )
        except MeshError as error:
            refusal = refusal_of(error)
            if refusal is None or refusal.code not in ("INTERNAL", "NOT_FOUND"):
                raise
        else:
            return True
        return False


def _told(message: Any, root: ResourceId | None) -> Any:
    """What a share tells of its folder; None for a file, whose size it does not tell."""
    if kind_of(message) is not Kind.DIRECTORY:
        return None
    return rs.ResourceInfo(
        type=rs.RESOURCE_TYPE_CONTAINER,
        id=None if root is None else resource_id_to(root),
        name=message.name,
        mtime=message.mtime,
        permission_set=permissions_of(message),
        owner=message.owner,
    )
