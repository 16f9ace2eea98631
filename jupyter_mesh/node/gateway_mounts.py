"""RPCs about files of other sites: references into received shares are answered by the peer over WebDAV.

Comes before all other groups of RPCs and hands on what leads elsewhere. What a mount cannot do is told as
OpenCloud and Reva tell it (``facts/cs3.md`` §6.6, ``facts/opencloud.md`` §2).
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.gateway.v1beta1 import resources_pb2 as protocols
from cs3.rpc.v1beta1 import code_pb2
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces

from jupyter_mesh.node.gateway_transfers import condition_of, number_of
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.remote.mounts import Mounted
from jupyter_mesh.node.remote.renaming import rename
from jupyter_mesh.node.rpc import Context, Rpcs, answers_async
from jupyter_mesh.node.wire import opaque, opaque_text, read_seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from jupyter_mesh.node.address import Caller
    from jupyter_mesh.node.remote.files import PeerFiles
    from jupyter_mesh.node.remote.multistatus import Found

__all__ = ["MountRpcs"]


def _reference(request: Any, name: str) -> resources.Reference:
    if name == "resource_id":
        return resources.Reference(resource_id=request.resource_id)
    return getattr(request, name)


def _mounted(
    reply: Callable[..., Any], *refs: str
) -> Callable[[Callable[..., Any]], Callable[..., Awaitable[Any]]]:
    """Make an RPC of a coroutine method that is run when one of the fields ``refs`` leads into a mount."""

    def wrap(body: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        served = answers_async(reply)(body)

        @functools.wraps(body)
        async def rpc(self: MountRpcs, request: Any, context: Context) -> Any:
            if any(self.site.mounts.holds(_reference(request, name)) for name in refs):
                return await served(self, request, context)
            return await getattr(super(MountRpcs, self), body.__name__)(request, context)

        return rpc

    return wrap


def _refused(
    name: str, reply: Callable[..., Any], *, internal: bool = False
) -> Callable[..., Awaitable[Any]]:
    """An RPC that no mount has; ``internal`` where OpenCloud says INTERNAL too."""

    async def body(self: MountRpcs, caller: Caller, request: Any) -> Any:
        at = await self._mounted_at(caller, request.ref)
        reason = Reason.UNSUPPORTED if self.site.flavour.spaces and not internal else Reason.BROKEN
        raise Refused(reason, f'not supported: "{at.name}" is at {at.share.domain}.')

    body.__name__ = name
    return _mounted(reply, "ref")(body)


class MountRpcs(Rpcs):
    """All RPCs about files, for those of other sites."""

    @_mounted(provider.StatResponse, "ref")
    async def Stat(self, caller: Caller, request: Any) -> Any:
        """One file or folder of a peer: one PROPFIND."""
        at, files = await self._mounted_files(caller, request.ref)
        found = await files.find(at.names)
        return provider.StatResponse(info=self.site.mounts.info(at, found))

    @_mounted(provider.ListContainerResponse, "ref")
    async def ListContainer(self, caller: Caller, request: Any) -> Any:
        """All that is in a folder of a peer: one PROPFIND."""
        at, files = await self._mounted_files(caller, request.ref)
        listed = await files.listing(at.names)
        # Ten thousand messages take a third of a second: others get their turn in between.
        return await asyncio.to_thread(self._told_of, at, listed)

    def _told_of(self, at: Mounted, listed: list[Found]) -> Any:
        if not self.site.flavour.spaces:
            listed.sort(key=lambda found: found.names)
        reply = provider.ListContainerResponse()
        reply.infos.extend(
            self.site.mounts.info(Mounted(at.share, found.names, at.style), found)
            for found in listed
        )
        return reply

    @_mounted(provider.CreateContainerResponse, "ref")
    async def CreateContainer(self, caller: Caller, request: Any) -> Any:
        """Make a folder at the peer."""
        at, files = await self._mounted_files(caller, request.ref)
        if not at.names:
            raise Refused(Reason.EXISTS, f'"{at.name}" exists already.')
        await files.mkdir(at.names)
        return provider.CreateContainerResponse()

    @_mounted(provider.TouchFileResponse, "ref")
    async def TouchFile(self, caller: Caller, request: Any) -> Any:
        """Make an empty file at a free name."""
        at, files = await self._mounted_files(caller, request.ref)
        if await files.there(at.names) is not None:
            raise Refused(Reason.EXISTS, f'There is a "{at.name}" already.')
        await files.save(at.names, None, 0, if_absent=True)
        return provider.TouchFileResponse()

    @_mounted(provider.DeleteResponse, "ref")
    async def Delete(self, caller: Caller, request: Any) -> Any:
        """Remove a file or folder at the peer; never the share itself, which would be its owner's loss."""
        at, files = await self._mounted_files(caller, request.ref)
        if not at.names:
            raise Refused(Reason.IS_ROOT, "can't delete mount path: leave the share instead.")
        await files.find(at.names)
        await files.delete(at.names)
        return provider.DeleteResponse()

    @_mounted(provider.MoveResponse, "source", "destination")
    async def Move(self, caller: Caller, request: Any) -> Any:
        """Rename within one share."""
        mounts = self.site.mounts
        if not (mounts.holds(request.source) and mounts.holds(request.destination)):
            raise _elsewhere()
        at, files = await self._mounted_files(caller, request.source)
        to = await self._mounted_at(caller, request.destination)
        if at.share.id != to.share.id:
            raise _elsewhere()
        if not at.names:
            raise Refused(Reason.IS_ROOT, "can't move mount path: the root of a share stays.")
        if not to.names:
            raise Refused(Reason.EXISTS, f'"{to.name}" exists already.')
        if to.names[: len(at.names)] == at.names and to.names != at.names:
            raise Refused(Reason.INTO_ITSELF, f'"{at.name}" cannot be moved into itself.')
        source = await files.find(at.names)
        if at.names == to.names:
            if self.site.flavour.overwrites:
                return provider.MoveResponse()
            raise Refused(Reason.EXISTS, "Source and target are the same.")
        if await files.there(to.names) is not None:
            raise Refused(Reason.EXISTS, f'There is a "{to.name}" already.')
        await rename(files, source, to.names)
        return provider.MoveResponse()

    @_mounted(gateway.InitiateFileDownloadResponse, "ref")
    async def InitiateFileDownload(self, caller: Caller, request: Any) -> Any:
        """Hand out a token to read. Whether there is a file shows at the GET, as at real sites."""
        at = await self._mounted_at(caller, request.ref)
        way = "simple" if at.style == "absolute" and not self.site.flavour.spaces else "spaces"
        return gateway.InitiateFileDownloadResponse(
            protocols=[
                protocols.FileDownloadProtocol(
                    protocol=way,
                    download_endpoint=f"{self.site.url}/data",
                    token=self.site.transfers.may_read(caller, at),
                )
            ]
        )

    @_mounted(gateway.InitiateFileUploadResponse, "ref")
    async def InitiateFileUpload(self, caller: Caller, request: Any) -> Any:
        """Announce one PUT; on a site of spaces with a first look whether it can succeed."""
        at, files = await self._mounted_files(caller, request.ref)
        size = number_of(opaque_text(request.opaque, "Upload-Length"), "Upload-Length")
        condition, expected = "", ""
        created = False
        if self.site.flavour.compares:
            condition, expected = condition_of(request)
            created = await self._can_take_upload(files, at, condition, expected)
        token = self.site.transfers.may_write(
            caller,
            at,
            size=size,
            if_match=expected if condition == "match" else "",
            if_absent=condition == "absent",
            mtime=read_seconds(opaque_text(request.opaque, "X-OC-Mtime"))
            if self.site.flavour.describes
            else None,
        )
        reply = gateway.InitiateFileUploadResponse(
            protocols=[
                protocols.FileUploadProtocol(
                    protocol="simple", upload_endpoint=f"{self.site.url}/data", token=token
                )
            ]
        )
        if created:
            reply.opaque.CopyFrom(opaque(created="true"))
        return reply

    async def _can_take_upload(
        self, files: PeerFiles, at: Mounted, condition: str, expected: str
    ) -> bool:
        """True if the file is new; raises Refused when the peer could not take it now."""
        there = await files.agree(
            at.names,
            if_match=expected if condition == "match" else "",
            if_absent=condition == "absent",
        )
        if condition == "unmodified" and (
            there is None or there.mtime // 10**9 > int(expected) // 10**9
        ):
            raise Refused(Reason.CHANGED, f'"{at.name}" was changed meanwhile.')
        if there is not None:
            return False
        folder = await files.there(at.names[:-1])
        if folder is None or not folder.folder:
            raise Refused(Reason.PARENT_MISSING, f'The folder of "{at.name}" does not exist.')
        return True

    @_mounted(provider.GetPathResponse, "resource_id")
    async def GetPath(self, caller: Caller, request: Any) -> Any:
        """The path of an id: inside its share, or absolute where sites know only paths."""
        ref = resources.Reference(resource_id=request.resource_id)
        at, files = await self._mounted_files(caller, ref)
        await files.find(at.names)
        return provider.GetPathResponse(path=self.site.mounts.path(at))

    async def ListStorageSpaces(self, request: Any, context: Context) -> Any:
        """The spaces of this site, and those that received shares are shown as where there are spaces."""
        reply = await super().ListStorageSpaces(request, context)  # type: ignore[misc]  # a later base has it
        if reply.status.code != code_pb2.CODE_OK or not self.site.flavour.spaces:
            return reply
        more = await _remote_spaces(self, request, context)
        reply.storage_spaces.extend(more.storage_spaces)
        return reply

    GetQuota = _refused("GetQuota", provider.GetQuotaResponse, internal=True)
    ListRecycle = _refused("ListRecycle", provider.ListRecycleResponse, internal=True)
    RestoreRecycleItem = _refused(
        "RestoreRecycleItem", provider.RestoreRecycleItemResponse, internal=True
    )
    PurgeRecycle = _refused("PurgeRecycle", provider.PurgeRecycleResponse, internal=True)
    ListFileVersions = _refused("ListFileVersions", provider.ListFileVersionsResponse)
    RestoreFileVersion = _refused("RestoreFileVersion", provider.RestoreFileVersionResponse)
    SetArbitraryMetadata = _refused("SetArbitraryMetadata", provider.SetArbitraryMetadataResponse)
    UnsetArbitraryMetadata = _refused(
        "UnsetArbitraryMetadata", provider.UnsetArbitraryMetadataResponse
    )
    SetLock = _refused("SetLock", provider.SetLockResponse)
    GetLock = _refused("GetLock", provider.GetLockResponse)
    RefreshLock = _refused("RefreshLock", provider.RefreshLockResponse)
    Unlock = _refused("Unlock", provider.UnlockResponse)

    async def _mounted_at(self, caller: Caller, ref: resources.Reference) -> Mounted:
        return await self.site.run(lambda: self.site.mounts.locate(caller, ref))

    async def _mounted_files(
        self, caller: Caller, ref: resources.Reference
    ) -> tuple[Mounted, PeerFiles]:
        at = await self._mounted_at(caller, ref)
        return at, self.site.mounts.files(at.share)


def _elsewhere() -> Refused:
    return Refused(
        Reason.OTHER_SPACE,
        "Moving from one space to another is not supported: copy, then delete.",
    )


@answers_async(spaces.ListStorageSpacesResponse)
async def _remote_spaces(self: Rpcs, caller: Caller, request: Any) -> Any:
    found = await self.site.run(lambda: self.site.mounts.spaces(caller, request.filters))
    return spaces.ListStorageSpacesResponse(storage_spaces=found)
