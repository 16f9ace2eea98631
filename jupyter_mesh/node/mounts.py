"""What sites of spaces show of accepted shares: a space for each, and the folder that holds their mounts.

Only the mounts have ids of their own; what is below them has the ids that its owner sees (``facts/opencloud.md`` §2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.node.address import VIRTUAL, Caller
from jupyter_mesh.node.rights import VIEWER
from jupyter_mesh.node.share_messages import ShareMessages
from jupyter_mesh.node.shares import ACCEPTED
from jupyter_mesh.node.wire import opaque, permissions, user_id

if TYPE_CHECKING:
    from jupyter_mesh.node.share_messages import Shown
    from jupyter_mesh.node.site import Site

__all__ = ["mount_spaces", "mounts_folder", "mounts_listing"]

_FOLDER = "Shares"


def mount_spaces(site: Site, caller: Caller) -> list[resources.StorageSpace]:
    """The accepted shares of a user as spaces of the type "mountpoint", in a handful of queries."""
    return [_space(site, shown, info) for shown, info in _mounted(site, caller)]


def mounts_folder(site: Site, caller: Caller, ref: Any) -> resources.ResourceInfo | None:
    """The Stat of the folder of all mounts, or None when the reference means something else."""
    if not _is_folder(caller, ref):
        return None
    infos = [info for _, info in _mounted(site, caller)]
    info = resources.ResourceInfo(
        type=resources.RESOURCE_TYPE_CONTAINER,
        id=_id(VIRTUAL),
        name=_FOLDER,
        path=_FOLDER,
        etag=f'"{"".join(sorted(one.etag[1:3] for one in infos))}{len(infos)}"',
        mime_type="httpd/unix-directory",
        size=sum(one.size for one in infos),
        owner=user_id(site, caller.user.id),
        permission_set=permissions(VIEWER),
    )
    info.mtime.seconds = max((one.mtime.seconds for one in infos), default=0)
    return info


def mounts_listing(site: Site, caller: Caller, ref: Any) -> list[resources.ResourceInfo] | None:
    """What is in the folder of all mounts, or None when the reference means something else."""
    if not _is_folder(caller, ref):
        return None
    return [info for _, info in _mounted(site, caller)]


def _is_folder(caller: Caller, ref: Any) -> bool:
    names = [name for name in ref.path.split("/") if name not in ("", ".")]
    if ref.HasField("resource_id") and ref.resource_id.opaque_id:
        return ref.resource_id.opaque_id == ref.resource_id.space_id == VIRTUAL and not names
    return ref.path.startswith("/") and names == ["users", caller.user.id, _FOLDER]


def _mounted(site: Site, caller: Caller) -> list[tuple[Shown, resources.ResourceInfo]]:
    """The accepted shares, each with its entry as the mount shows it."""
    if not caller.scope or caller.link:
        return []
    accepted = [one for one in site.shares.received(caller.user.id) if one.state == ACCEPTED]
    messages = ShareMessages(site)
    found = []
    for shown, info in messages.described(caller, messages.received(accepted)):
        info.id.CopyFrom(_id(shown.grant.id))
        info.parent_id.CopyFrom(_id(VIRTUAL))
        info.name = info.path = shown.message.mount_point.path
        found.append((shown, info))
    return found


def _id(opaque_id: str) -> resources.ResourceId:
    return resources.ResourceId(storage_id=VIRTUAL, space_id=VIRTUAL, opaque_id=opaque_id)


def _space(site: Site, shown: Shown, info: resources.ResourceInfo) -> resources.StorageSpace:
    real = shown.message.share.resource_id
    space = resources.StorageSpace(
        name=info.name,
        space_type="mountpoint",
        root=info.id,
        mtime=info.mtime,
        root_info=info,
        opaque=opaque(
            spaceAlias=f"mountpoint/{info.name}",
            etag=info.etag,
            grantStorageID=real.storage_id,
            grantSpaceID=real.space_id,
            grantOpaqueID=real.opaque_id,
        ),
    )
    space.id.opaque_id = f"{VIRTUAL}${VIRTUAL}!{shown.grant.id}"
    space.owner.id.CopyFrom(user_id(site, shown.space.owner or shown.grant.creator))
    return space
