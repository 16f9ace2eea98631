"""RPCs about spaces: homes, the list of spaces, quotas."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.storage.provider.v1beta1 import spaces_api_pb2 as spaces

from jupyter_mesh.node.address import Caller, describe_path, find_space, mount_of, resolve
from jupyter_mesh.node.mounts import mount_spaces
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rpc import Rpcs, answers
from jupyter_mesh.node.users import room_left
from jupyter_mesh.node.wire import opaque, space_message

if TYPE_CHECKING:
    from jupyter_mesh.node.users import SpaceRow

__all__ = ["SpaceRpcs"]

_FILTER = spaces.ListStorageSpacesRequest.Filter


class SpaceRpcs(Rpcs):
    """GetHome, CreateHome, ListStorageSpaces, GetQuota, GetPath."""

    @answers(provider.GetHomeResponse)
    def GetHome(self, caller: Caller, _request: Any) -> Any:
        """The absolute path of the caller's personal space, whether it was made yet or not."""
        path = f"/users/{caller.user.id}" if self.site.flavour.spaces else "/home"
        return provider.GetHomeResponse(path=path)

    @answers(provider.CreateHomeResponse)
    def CreateHome(self, caller: Caller, _request: Any) -> Any:
        """Make the caller's personal space; may be repeated."""
        if not caller.scope:
            raise Refused(Reason.NOT_ALLOWED, "This login cannot make a home.")
        self.site.tree.root(self.site.people.add_home(caller.user))
        return provider.CreateHomeResponse()

    @answers(spaces.ListStorageSpacesResponse)
    def ListStorageSpaces(self, caller: Caller, request: Any) -> Any:
        """The spaces that the caller may enter and that pass all filters."""
        reply = spaces.ListStorageSpacesResponse()
        for space, rights in self.site.people.spaces_of(caller.user) if caller.scope else ():
            if all(self._passes(caller, space, wanted) for wanted in request.filters):
                try:
                    root = self.site.tree.root(space).entry
                except Refused:
                    # Its folder was removed by hand: the others can still be listed.
                    continue
                reply.storage_spaces.append(space_message(self.site, space, rights, root))
        if self.site.flavour.spaces:
            reply.storage_spaces.extend(
                space
                for space in mount_spaces(self.site, caller)
                if all(_mount_passes(caller, space, wanted) for wanted in request.filters)
            )
        return reply

    def _passes(self, caller: Caller, space: SpaceRow, wanted: Any) -> bool:
        if wanted.type == _FILTER.TYPE_ID:
            asked = wanted.id.opaque_id
            return space.id in (asked, asked.rpartition("!")[2], asked.rpartition("$")[2])
        if wanted.type == _FILTER.TYPE_OWNER:
            return bool(wanted.owner.opaque_id == space.owner)
        if wanted.type == _FILTER.TYPE_USER:
            return bool(wanted.user.opaque_id == caller.user.id)
        if wanted.type == _FILTER.TYPE_SPACE_TYPE:
            return bool(wanted.space_type in (space.kind, f"+{space.kind}"))
        if wanted.type == _FILTER.TYPE_PATH:
            mount = mount_of(self.site, space, caller.user.id)
            return bool(wanted.path == mount or wanted.path.startswith(mount + "/"))
        return True

    @answers(provider.GetPathResponse)
    def GetPath(self, caller: Caller, request: Any) -> Any:
        """The path of an id: inside its space, or absolute where sites know only paths."""
        reference = resources.Reference(resource_id=request.resource_id)
        address = resolve(self.site, caller, reference)
        address.require("get_path")
        place = self.site.tree.find(address.space, address.base, address.names)
        return provider.GetPathResponse(path=describe_path(self.site, address, place))

    @answers(provider.GetQuotaResponse)
    def GetQuota(self, caller: Caller, request: Any) -> Any:
        """Total and used bytes of a space; a total of 0 is no limit. A site of paths tells of its disk."""
        space = (
            resolve(self.site, caller, request.ref).space
            if request.ref.path or request.ref.HasField("resource_id")
            else (find_space(self.site, caller, caller.user.id).space)
        )
        used = self.site.tree.root(space).entry.size
        if space.quota or self.site.flavour.spaces:
            left = room_left(space, used)
            return provider.GetQuotaResponse(
                total_bytes=space.quota, used_bytes=used, opaque=opaque(remaining=str(left))
            )
        disk = shutil.disk_usage(self.site.data)
        return provider.GetQuotaResponse(total_bytes=disk.total, used_bytes=disk.used)


def _mount_passes(caller: Caller, space: Any, wanted: Any) -> bool:
    if wanted.type == _FILTER.TYPE_ID:
        asked = wanted.id.opaque_id
        return bool(space.root.opaque_id in (asked, asked.rpartition("!")[2]))
    if wanted.type == _FILTER.TYPE_OWNER:
        return bool(wanted.owner.opaque_id == space.owner.id.opaque_id)
    if wanted.type == _FILTER.TYPE_USER:
        return bool(wanted.user.opaque_id == caller.user.id)
    if wanted.type == _FILTER.TYPE_SPACE_TYPE:
        return bool(wanted.space_type in (space.space_type, f"+{space.space_type}"))
    if wanted.type == _FILTER.TYPE_PATH:
        mount = f"/users/{caller.user.id}/Shares/{space.name}"
        return bool(wanted.path == mount or wanted.path.startswith(mount + "/"))
    return True
