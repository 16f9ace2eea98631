"""Where received shares of other sites are in the tree of their receiver, and which of them open.

Sites of spaces show each as a space with the storage id that OpenCloud uses, sites of paths below ``/ocm``.
Unlike real ones, this node opens only what was accepted and has not ended.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from cs3.identity.user.v1beta1 import resources_pb2 as people
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces

from jupyter_mesh.node.address import split_path
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.remote.files import PeerFiles
from jupyter_mesh.node.remote.lost import LostShares
from jupyter_mesh.node.tree import check_name
from jupyter_mesh.node.wire import mime_type, timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jupyter_mesh.node.address import Caller
    from jupyter_mesh.node.ocm.wanted import Peers, Received, Shares
    from jupyter_mesh.node.remote.credentials import Credentials
    from jupyter_mesh.node.remote.multistatus import Found
    from jupyter_mesh.node.site import Site

__all__ = ["OCM_STORAGE", "Mounted", "Mounts"]

OCM_STORAGE = "89f37a33-b858-45fa-8890-a1f2b27d90e1"
"""Storage id of received shares at OpenCloud."""

_MOUNT = "ocm"

_READS: tuple[str, ...] = ("stat", "get_path", "list_container", "initiate_file_download")
_WRITES: tuple[str, ...] = (*_READS, "initiate_file_upload", "create_container", "delete", "move")


@dataclass(frozen=True, slots=True)
class Mounted:
    """A reference into a received share."""

    share: Received
    names: tuple[str, ...]
    style: str
    """How the client addressed it: "absolute", "relative", or "id" (an id with an empty path)."""

    @property
    def name(self) -> str:
        """Name of what is meant."""
        return self.names[-1] if self.names else self.share.name


class Mounts:
    """All received shares of one site as its users see them."""

    def __init__(self, site: Site, shares: Shares, peers: Peers, credentials: Credentials) -> None:
        self._site = site
        self._shares = shares
        self._peers = peers
        self._credentials = credentials
        self._folders: dict[str, bool] = {}
        self._lost = LostShares(self.files, self._found)

    async def close(self) -> None:
        """End what runs in the background. May be repeated."""
        await self._lost.close()

    # References

    def holds(self, ref: resources.Reference) -> bool:
        """True if a reference leads into a mount, by its look alone."""
        if ref.HasField("resource_id") and ref.resource_id.opaque_id:
            return bool(ref.resource_id.storage_id == self._storage)
        return bool(ref.path.startswith(f"/{_MOUNT}/"))

    def locate(self, caller: Caller, ref: resources.Reference) -> Mounted:
        """What a reference means; runs in the worker thread. Raises Refused(NO_SPACE) for what does not open."""
        if ref.HasField("resource_id") and ref.resource_id.opaque_id:
            share, names = self._by_id(ref.resource_id)
            names += split_path(self._site, ref.path)
            style = "relative" if ref.path else "id"
        else:
            whole = split_path(self._site, ref.path)
            share, names, style = "".join(whole[1:2]), whole[2:], "absolute"
        for name in names:
            check_name(name)
        return Mounted(self.open(caller, share), names, style)

    def open(self, caller: Caller, share: str) -> Received:
        """A share that opens for the caller; runs in the worker thread. Raises Refused(NO_SPACE)."""
        found = self._shares.received(share) if caller.scope and not caller.link else None
        if found is not None and found.user == caller.user.id and self._may_open(found):
            if not found.lost:
                return found
            self.look_again([found])
        spaces = self._site.flavour.spaces
        text = "gateway could not find space" if spaces else "storage provider not found"
        raise Refused(Reason.NO_SPACE, text)

    def _may_open(self, share: Received) -> bool:
        """True for what was accepted and has not ended, of a site that is still trusted."""
        trusted = self._site.federation.trust.title(share.domain) is not None
        return share.accepted and not share.ended and trusted

    def look_again(self, lost: Iterable[Received]) -> None:
        """Look in the background, now and then, whether lost shares open again; runs in the worker thread."""
        shares = [share for share in lost if self._may_open(share)]
        if shares:
            self._site.federation.call_soon(lambda: self._lost.look(shares))

    def _by_id(self, asked: resources.ResourceId) -> tuple[str, tuple[str, ...]]:
        if not self._site.flavour.spaces:
            share, *rest = unquote(asked.opaque_id.removeprefix("fileid-")).split("/")
            return share, split_path(self._site, "/".join(rest))
        if asked.opaque_id == asked.space_id:
            return asked.space_id, ()
        try:
            path = base64.b64decode(asked.opaque_id, altchars=b"-_", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise Refused(Reason.MISSING, "There is nothing with this id here.") from None
        return asked.space_id, split_path(self._site, path)

    @property
    def _storage(self) -> str:
        return OCM_STORAGE if self._site.flavour.spaces else f"{self._site.storage_id}-{_MOUNT}"

    # The peer

    def files(self, share: Received) -> PeerFiles:
        """The files of a share."""
        ended = partial(self._ended, share)
        return PeerFiles(self._peers, self._credentials, share, ended, self._folders)

    async def _ended(self, share: Received) -> None:
        if not share.lost:
            self._lost.lost(share)
            await self._site.run(lambda: self._shares.lost(share.id))

    async def _found(self, share: Received) -> None:
        await self._site.run(lambda: self._shares.found(share.id))

    # Messages

    def info(self, at: Mounted, found: Found) -> resources.ResourceInfo:
        """The message of what is at ``at``."""
        flavour, share = self._site.flavour, at.share
        rights = _WRITES if share.editor else _READS
        if share.editor and not at.names:
            rights = tuple(right for right in rights if right not in ("delete", "move"))
        info = resources.ResourceInfo(
            type=resources.RESOURCE_TYPE_CONTAINER
            if found.folder
            else resources.RESOURCE_TYPE_FILE,
            id=self.id(share, at.names),
            etag=f'"{found.etag}"',
            mime_type="httpd/unix-directory" if found.folder else mime_type(at.name),
            mtime=timestamp(found.mtime),
            path=self.path(at),
            size=found.size,
            permission_set=resources.ResourcePermissions(**dict.fromkeys(rights, True)),
            owner=people.UserId(
                idp=share.owner_domain or share.domain,
                opaque_id=share.owner,
                type=people.USER_TYPE_FEDERATED,
            ),
            name=at.name,
        )
        if flavour.spaces:
            info.space.id.opaque_id = _space_id(share)
            info.space.space_type = "mountpoint"
            info.space.name = share.name
        if at.names:
            info.parent_id.CopyFrom(self.id(share, at.names[:-1]))
        return info

    def id(self, share: Received, names: tuple[str, ...]) -> resources.ResourceId:
        """The id of what is at ``names``: made of its path, so that a rename changes it."""
        path = "/".join(names)
        if self._site.flavour.spaces:
            opaque = base64.urlsafe_b64encode(f"/{path}".encode()).decode() if names else share.id
            return resources.ResourceId(storage_id=OCM_STORAGE, space_id=share.id, opaque_id=opaque)
        whole = "%2F".join(quote(name, safe="") for name in (share.id, *names))
        space = base64.b32encode(f"/{_MOUNT}/{share.id}".encode()).decode()
        return resources.ResourceId(
            storage_id=self._storage, space_id=space, opaque_id=f"fileid-{whole}"
        )

    def path(self, at: Mounted) -> str:
        """The ``path`` field of a reply, which depends on how the resource was asked for."""
        if at.style == "absolute" or not self._site.flavour.spaces:
            return "/".join(("", _MOUNT, at.share.id, *at.names))
        if at.style == "relative":
            return at.names[-1] if at.names else "."
        return "/" + "/".join(at.names)

    def spaces(self, caller: Caller, filters: Any) -> list[resources.StorageSpace]:
        """The spaces of the shares that open and pass all filters; runs in the worker thread."""
        if not caller.scope or caller.link:
            return []
        return [
            resources.StorageSpace(
                id=resources.StorageSpaceId(opaque_id=_space_id(share)),
                root=self.id(share, ()),
                name=share.name,
                space_type="mountpoint",
                mtime=timestamp(share.created * 10**9),
            )
            for share in self._shares.received_of(caller.user.id)
            if self._may_open(share) and all(_passes(caller, share, wanted) for wanted in filters)
        ]


def _space_id(share: Received) -> str:
    return f"{OCM_STORAGE}${share.id}!{share.id}"


def _passes(caller: Caller, share: Received, wanted: Any) -> bool:
    kinds = spaces.ListStorageSpacesRequest.Filter
    if wanted.type == kinds.TYPE_ID:
        return wanted.id.opaque_id in (share.id, _space_id(share), f"{OCM_STORAGE}${share.id}")
    if wanted.type == kinds.TYPE_OWNER:
        return bool(wanted.owner.opaque_id == share.owner)
    if wanted.type == kinds.TYPE_USER:
        return bool(wanted.user.opaque_id == caller.user.id)
    if wanted.type == kinds.TYPE_SPACE_TYPE:
        return wanted.space_type in ("mountpoint", "+mountpoint")
    if wanted.type == kinds.TYPE_PATH:
        mount = f"/{_MOUNT}/{share.id}"
        return bool(wanted.path == mount or wanted.path.startswith(mount + "/"))
    return True
