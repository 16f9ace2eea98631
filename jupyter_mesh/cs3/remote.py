"""Received shares of other sites as places: where they open, and which ones do.

Real sites serve what they should not, pending, declined and expired shares (``facts/ocm.md`` §22): that is put right
here, and what has ended in ``endings.py``.
"""

from __future__ import annotations

import asyncio
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from cs3.sharing.ocm.v1beta1 import ocm_api_pb2 as ocm_api
from cs3.sharing.ocm.v1beta1 import resources_pb2 as ocm
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as rs
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces_api

from jupyter_mesh.cs3.endings import DOUBTFUL, JUST_NOW, LOOKED_LASTS, LOOKS_AT_ONCE, Endings
from jupyter_mesh.cs3.failures import refusal_of
from jupyter_mesh.cs3.ocm import kind_of, may_open, permissions_of
from jupyter_mesh.cs3.place import Entry
from jupyter_mesh.cs3.wire import reference, resource_id_of, resource_id_to, time_of
from jupyter_mesh.errors import (
    MeshError,
    NotSupported,
    SiteError,
)
from jupyter_mesh.models import Kind, ResourceId, Space, SpaceKind
from jupyter_mesh.paths import SHARES, join

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from jupyter_mesh.cs3.gateway import Gateway

__all__ = ["RemoteShares"]

MOUNTS = ("/ocm", "/sciencemesh")
"""Where sites of paths show what comes from other sites: it is for their operators to choose."""

OCM_STORAGE = "89f37a33-b858-45fa-8890-a1f2b27d90e1"
"""Storage id under which oCIS and OpenCloud show it."""


class RemoteShares:
    """What comes from other sites, for one user. Does no I/O before the first question.

    Whoever builds it awaits ``endings.close()``.
    """

    def __init__(
        self, gateway: Gateway, pages: Callable[[str, Any, str, str], Awaitable[list[Any]]]
    ) -> None:
        self._gateway = gateway
        self._pages = pages
        self._listed: tuple[float, list[Any]] = (float("-inf"), [])
        self._last: list[Any] = []
        self._listing = asyncio.Lock()
        self._mount = ""
        self._storage = ""
        self._known: dict[str, Any] = {}
        self.endings = Endings(gateway, self)

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
                self._listed, self._last = (time.monotonic(), messages), messages
                self._known |= {message.id.opaque_id: message for message in messages}
        return messages

    def known(self, share: str) -> Any | None:
        """The site's message about a share that was listed once, or None."""
        return self._known.get(share)

    async def entries(self, has_spaces: bool) -> list[Entry]:
        """The shares that open: accepted, of files, not over, not withdrawn. Empty without federation.

        Those that nobody has looked at for a while are looked at afterwards, in the background.
        """
        try:
            messages = await self.listed(age=JUST_NOW)
        except NotSupported:
            return []
        except SiteError:
            # A list that fails once has not become empty; a site without federation never had one.
            messages = self._last
        open_ = [message for message in messages if may_open(message)]
        if not open_:
            return []
        if has_spaces:
            await self._find_storage(open_)
        else:
            await self._find_mount(
                message for message in open_ if not self.endings.is_withdrawn(message.id.opaque_id)
            )
        await self.endings.look_at(message for message in open_ if self.endings.was_gone(message))
        open_ = [
            message for message in open_ if not self.endings.is_withdrawn(message.id.opaque_id)
        ]
        self.endings.look_later(open_)
        return [self._entry(message) for message in open_]

    def share_of(self, ref: Any) -> str:
        """The id of the share that a reference leads into, by path or by id; "" for any other."""
        if ref.HasField("resource_id") and ref.resource_id.opaque_id:
            return self.share_of_id(
                ResourceId(
                    storage=ref.resource_id.storage_id,
                    space=ref.resource_id.space_id,
                    opaque=ref.resource_id.opaque_id,
                )
            )
        mount = f"{self._mount}/"
        return (
            ref.path.removeprefix(mount).partition("/")[0]
            if self._mount and ref.path.startswith(mount)
            else ""
        )

    def share_of_id(self, root: ResourceId) -> str:
        """As ``share_of`` for an id."""
        if root.storage != (self._storage or OCM_STORAGE):
            return ""
        return root.opaque.partition(":")[0] if self._mount else root.space

    async def opens(self, share: str) -> bool:
        """True if the user may open a share of this id: sites would open it in any case."""
        return any(
            message.id.opaque_id == share and may_open(message)
            for message in await self.listed(age=LOOKED_LASTS)
        ) or any(
            message.id.opaque_id == share and may_open(message) for message in await self.listed()
        )

    @property
    def mount(self) -> str:
        """The folder of received shares on a site of paths, once it is known."""
        return self._mount

    async def decline(self, share: str, doing: str) -> None:
        """Give a share up; a Delete of its root would delete the folder at the other site."""
        message = ocm.ReceivedShare(id=ocm.ShareId(opaque_id=share), state=ocm.SHARE_STATE_REJECTED)
        request = ocm_api.UpdateReceivedOCMShareRequest(share=message)
        request.update_mask.paths.append("state")
        try:
            await self._gateway.call("UpdateReceivedOCMShare", request, doing=doing)
            # What the user has given up was not withdrawn.
            self._known.pop(share, None)
        finally:
            self.forget()

    def ref(self, share: str) -> Any:
        """Where the root of a share is."""
        if self._mount:
            return reference(None, f"{self._mount}/{share}")
        return reference(
            ResourceId(storage=self._storage or OCM_STORAGE, space=share, opaque=share), ""
        )

    def _entry(self, message: Any) -> Entry:
        share = message.id.opaque_id
        root = None
        if not self._mount:
            root = ResourceId(storage=self._storage, space=share, opaque=share)
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
            mount=f"{self._mount}/{share}" if self._mount else "",
            share_id=share,
            info=_told(message, root),
            is_remote=True,
        )

    async def _find_storage(self, messages: list[Any]) -> None:
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
        mine = {message.id.opaque_id for message in messages}
        roots = [root for space in spaces if (root := resource_id_of(space.root)) is not None]
        self._storage = next(
            (root.storage for root in roots if root.opaque == root.space and root.opaque in mine),
            OCM_STORAGE,
        )

    async def _find_mount(self, messages: Iterable[Any]) -> None:
        """The folder in which a site of paths shows them; asked for until one of them opens there."""
        if self._storage:
            return
        for message in islice(messages, LOOKS_AT_ONCE):
            for mount in MOUNTS:
                request = provider.StatRequest(
                    ref=reference(None, f"{mount}/{message.id.opaque_id}")
                )
                try:
                    reply = await self._gateway.call(
                        "Stat", request, doing="look for your shares", repeat=True
                    )
                except MeshError as error:
                    refusal = refusal_of(error)
                    if refusal is None or refusal.code not in DOUBTFUL:
                        raise
                    continue
                self._mount, self._storage = mount, reply.info.id.storage_id or mount
                return
        self._mount = self._mount or MOUNTS[-1]


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
