"""Received shares of other sites as places: where they open, which ones do, and how their end is noticed.

Real sites serve what they should not (pending, declined and expired shares) and list for ever what the
other side has ended (``facts/ocm.md`` §22): both is put right here.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from contextvars import ContextVar
from itertools import islice
from typing import TYPE_CHECKING, Any

from cs3.sharing.ocm.v1beta1 import ocm_api_pb2 as ocm_api
from cs3.sharing.ocm.v1beta1 import resources_pb2 as ocm
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as rs
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces_api

from jupyter_mesh.cs3.failures import refusal_of, sentence
from jupyter_mesh.cs3.grants import has_ended
from jupyter_mesh.cs3.ocm import kind_of, permissions_of, received_of
from jupyter_mesh.cs3.place import Entry
from jupyter_mesh.cs3.presence import answers
from jupyter_mesh.cs3.wire import reference, resource_id_of, resource_id_to, time_of
from jupyter_mesh.errors import (
    MeshError,
    NotAllowed,
    NotFound,
    NotSupported,
    SiteError,
    Unavailable,
    Withdrawn,
)
from jupyter_mesh.models import Kind, ResourceId, Space, SpaceKind
from jupyter_mesh.paths import SHARES, join

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from jupyter_mesh.cs3.failures import Refusal
    from jupyter_mesh.cs3.gateway import Gateway
    from jupyter_mesh.models import Grantee

__all__ = ["JUST_NOW", "RemoteShares"]

MOUNTS = ("/ocm", "/sciencemesh")
"""Where sites of paths show what comes from other sites: it is for their operators to choose."""

OCM_STORAGE = "89f37a33-b858-45fa-8890-a1f2b27d90e1"
"""Storage id under which oCIS and OpenCloud show it."""

JUST_NOW = 2.0
"""Seconds within which two questions for the same list are one."""

LOOKED_LASTS, GONE_LASTS = 30.0, 300.0
"""Seconds for which a share is believed to be open, and to be gone, after somebody looked."""

LOOKS = 16
"""Shares that are looked at after one listing."""

LOOKS_AT_ONCE = 4

DOUBTFUL = ("INTERNAL", "NOT_FOUND", "UNKNOWN", "PERMISSION_DENIED", "UNAUTHENTICATED", "ABORTED")
"""What sites say of a share that has ended, and of much else."""

PASSING = ("INTERNAL", "UNKNOWN", "ABORTED")
"""Those of them that may be true of a moment only."""

A_MOMENT = 0.5

LACKING = (
    "GetLock",
    "GetQuota",
    "ListFileVersions",
    "ListRecycle",
    "Move",
    "RefreshLock",
    "RestoreFileVersion",
    "SetArbitraryMetadata",
    "SetLock",
    "TouchFile",
    "Unlock",
    "UnsetArbitraryMetadata",
)
"""What some sites cannot do in shares of others, and fail with INTERNAL."""

CHANGING = (
    "CreateContainer",
    "Delete",
    "InitiateFileUpload",
    "Move",
    "SetArbitraryMetadata",
    "TouchFile",
)


_looks_again: ContextVar[bool] = ContextVar("looks_again", default=False)
"""True while a refusal is being checked."""


class RemoteShares:
    """What comes from other sites, for one user. Does no I/O before the first question.

    Whoever builds it awaits ``close()``.
    """

    def __init__(
        self, gateway: Gateway, pages: Callable[[str, Any, str, str], Awaitable[list[Any]]]
    ) -> None:
        self.name_of: Callable[[Grantee], Awaitable[str]] | None = None
        """Gives the name of somebody at another site, for sentences."""
        self._gateway = gateway
        self._pages = pages
        self._listed: tuple[float, list[Any]] = (float("-inf"), [])
        self._last: list[Any] = []
        self._listing = asyncio.Lock()
        self._mount = ""
        self._storage = ""
        self._known: dict[str, Any] = {}
        self._looked: dict[str, tuple[float, bool]] = {}
        self._looking: asyncio.Task[None] | None = None
        gateway.explain = self.explain

    async def close(self) -> None:
        """End looking at shares. May be awaited twice."""
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.cancel()
            await asyncio.wait([looking])

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

    async def must_not_have_ended(self, share: str) -> None:
        """Raise Withdrawn for a share that was open once and that the other side has ended, by itself or by time."""
        message = self._known.get(share)
        is_listed = any(one.id.opaque_id == share for one in await self.listed(age=JUST_NOW))
        if message is None:
            return
        if has_ended(received_of(message, "").expires):
            raise Withdrawn(f'The time for which "{message.name}" was shared with you is over.')
        if self.is_withdrawn(share) or not is_listed:
            raise Withdrawn(await self._farewell(message))

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
        open_ = [message for message in messages if _may_open(message)]
        if not open_:
            return []
        if has_spaces:
            await self._find_storage(open_)
        else:
            await self._find_mount(
                message for message in open_ if not self.is_withdrawn(message.id.opaque_id)
            )
        await self._look_at(message for message in open_ if self._was_gone(message))
        open_ = [message for message in open_ if not self.is_withdrawn(message.id.opaque_id)]
        self._look_later(open_)
        return [self._entry(message) for message in open_]

    def is_withdrawn(self, share: str) -> bool:
        """True if the share did not open when somebody looked last."""
        _, is_there = self._looked.get(share, (0.0, True))
        return not is_there

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
            message.id.opaque_id == share and _may_open(message)
            for message in await self.listed(age=LOOKED_LASTS)
        ) or any(
            message.id.opaque_id == share and _may_open(message) for message in await self.listed()
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

    async def explain(
        self, request: Any, refusal: Refusal, error: MeshError, doing: str
    ) -> MeshError:
        """What a refusal in a share of another site was really about: it has ended, or the other site is away,
        or it may not be changed, or this cannot be done there. The error as it is for anything else."""
        ref = _ref_of(request)
        share = self.share_of(ref) if ref is not None else ""
        if not share or refusal.code not in DOUBTFUL:
            return error
        root = self._ref(share)
        if refusal.call == "Stat" and ref == root:
            if _looks_again.get():
                return error
            if refusal.code in PASSING and await self._opens_after_all(root, doing):
                return error
            return await self._ended(share, error)
        try:
            reply = await self._gateway.call(
                "Stat", provider.StatRequest(ref=root), doing=doing, repeat=True
            )
        except (Withdrawn, Unavailable) as ended:
            return ended
        except MeshError:
            return error
        self._looked[share] = (time.monotonic(), True)
        if refusal.code == "NOT_FOUND":
            return error
        if refusal.call in CHANGING and not reply.info.permission_set.initiate_file_upload:
            return NotAllowed(sentence(NotAllowed, doing, self._gateway.site), trace=error.trace)
        if refusal.call == "Delete" and await self._is_missing(ref, doing):
            return NotFound(sentence(NotFound, doing, self._gateway.site), trace=error.trace)
        if refusal.call in LACKING and refusal.code in ("INTERNAL", "UNKNOWN"):
            return NotSupported(
                sentence(NotSupported, doing, self._gateway.site), trace=error.trace
            )
        return error

    async def _is_missing(self, ref: Any, doing: str) -> bool:
        try:
            await self._gateway.call("Stat", provider.StatRequest(ref=ref), doing=doing)
        except NotFound:
            return True
        except MeshError:
            pass
        return False

    async def _opens_after_all(self, root: Any, doing: str) -> bool:
        """True if the root of a share opens a moment later: some sites say the same of a share that has ended and
        of one that they cannot reach just now."""
        token = _looks_again.set(True)
        try:
            await asyncio.sleep(A_MOMENT)
            await self._gateway.call("Stat", provider.StatRequest(ref=root), doing=doing)
        except MeshError:
            return False
        finally:
            _looks_again.reset(token)
        return True

    async def _ended(self, share: str, error: MeshError) -> MeshError:
        """Why the root of a share does not open."""
        try:
            messages = await self.listed(age=JUST_NOW)
        except MeshError:
            return error
        message = next((one for one in messages if one.id.opaque_id == share), None)
        if message is None and share in self._known:
            # Our node lists what has ended no longer.
            return Withdrawn(await self._farewell(self._known[share]), trace=error.trace)
        if message is None or not _may_open(message):
            return error
        told = received_of(message, "")
        if not await answers(told.site):
            return Unavailable(
                f'{told.site} does not answer. "{told.name}" cannot be opened now. Try again later.',
                trace=error.trace,
            )
        self._looked[share] = (time.monotonic(), False)
        return Withdrawn(await self._farewell(message), trace=error.trace)

    async def _farewell(self, message: Any) -> str:
        told = received_of(message, "")
        who = await self.name_of(told.sender) if self.name_of else ""
        return f'{who or told.sender.username} stopped sharing "{told.name}".'

    def _ref(self, share: str) -> Any:
        if self._mount:
            return reference(None, f"{self._mount}/{share}")
        return reference(
            ResourceId(storage=self._storage or OCM_STORAGE, space=share, opaque=share), ""
        )

    def _was_gone(self, message: Any) -> bool:
        """True for a share that was gone when somebody looked, too long ago to believe it."""
        when, is_there = self._looked.get(message.id.opaque_id, (0.0, True))
        return not is_there and time.monotonic() - when > GONE_LASTS

    def _look_later(self, messages: list[Any]) -> None:
        """Look at shares in the background; what has ended is not listed the next time."""
        now = time.monotonic()
        waiting = [
            message
            for message in messages
            if now - self._looked.get(message.id.opaque_id, (float("-inf"), True))[0] > LOOKED_LASTS
        ]
        if waiting and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look_at(waiting[:LOOKS]))

    async def _look_at(self, messages: Iterable[Any]) -> None:
        gate = asyncio.Semaphore(LOOKS_AT_ONCE)

        async def look(share: str) -> None:
            request = provider.StatRequest(ref=self._ref(share))
            # A failure that says anything is noted where it is explained.
            with suppress(MeshError):
                async with gate:
                    began = time.monotonic()
                    await self._gateway.call("Stat", request, doing="look at a share")
                # It may have ended since, and somebody may know that already.
                if self._looked.get(share, (began, True))[0] <= began:
                    self._looked[share] = (began, True)

        await asyncio.gather(*(look(message.id.opaque_id) for message in messages))

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


def _may_open(message: Any) -> bool:
    """Whether a share may be opened: accepted, of files, and not over."""
    return (
        message.state in (ocm.SHARE_STATE_ACCEPTED, ocm.SHARE_STATE_TRANSFERRING)
        and permissions_of(message) is not None
        and not has_ended(received_of(message, "").expires)
    )


def _ref_of(request: Any) -> Any | None:
    """Where a request leads; None for one that is not about files."""
    for field in ("ref", "source", "destination"):
        found = getattr(request, field, None)
        if isinstance(found, rs.Reference):
            return found
    return None


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
