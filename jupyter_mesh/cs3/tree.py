"""Files and folders as names: look, list, make, move, delete; with the guards that real sites need."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from typing import TYPE_CHECKING, Any

from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as sharing
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as shares
from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from google.protobuf.field_mask_pb2 import FieldMask

from jupyter_mesh.cs3.base import SiteClient
from jupyter_mesh.cs3.wire import children_of, listed_of, opaque, resource_id_to
from jupyter_mesh.errors import (
    AlreadyExists,
    Conflict,
    InvalidRequest,
    IsADirectory,
    MeshError,
    NotADirectory,
    NotFound,
    NotSupported,
    SiteError,
    Withdrawn,
)
from jupyter_mesh.models import Child, SpaceKind
from jupyter_mesh.paths import BY_ID, SHARES, MeshPath, is_within, join, parent_of

if TYPE_CHECKING:
    from jupyter_mesh.cs3.place import Entry, Place
    from jupyter_mesh.models import Resource

__all__ = ["Tree"]


class Tree(SiteClient):
    """The names of a site."""

    async def stat(self, path: str) -> Resource:
        """The resource at a mesh path. One Stat, none for areas. Raises NotFound."""
        parsed = MeshPath.parse(path)
        if parsed.is_area:
            return self._area(str(parsed))
        return await self._stat(await self._places.find(parsed))

    async def exists(self, path: str) -> bool:
        """True if something is at the path that the user may see."""
        try:
            await self.stat(path)
        except NotFound:
            return False
        return True

    async def list_folder(self, path: str) -> list[Resource]:
        """What a folder holds, by name. One ListContainer. Raises NotFound, NotADirectory."""
        parsed = MeshPath.parse(path)
        if parsed.is_area:
            return await self._list_area(parsed)
        infos = await self._infos(parsed, path)
        return await asyncio.to_thread(listed_of, infos, str(parsed))

    async def children(self, path: str) -> list[Child]:
        """As ``list_folder``, quick for a folder of ten thousands that are only shown."""
        parsed = MeshPath.parse(path)
        if parsed.is_area:
            return [_child_of(resource) for resource in await self._list_area(parsed)]
        infos = await self._infos(parsed, path)
        return await asyncio.to_thread(children_of, infos, str(parsed))

    async def _infos(self, parsed: MeshPath, path: str) -> Any:
        place = await self._places.find(parsed)
        try:
            reply = await self._call(
                "ListContainer",
                provider.ListContainerRequest(ref=place.ref),
                f"list {path}",
                repeat=True,
            )
        except (SiteError, InvalidRequest, Conflict):
            # Sites answer INTERNAL for the list of a file.
            if not (await self._stat(place)).is_directory:
                raise NotADirectory(f"Could not list {path}: it is a file.") from None
            raise
        folder = str(parsed)
        self.sightings.visit(folder)
        if self.sightings.is_looking:
            found = await asyncio.to_thread(self.sightings.look, folder, reply.infos)
            self.sightings.note(folder, found)
        return reply.infos

    async def mkdir(self, path: str, *, parents: bool = False, exist_ok: bool = False) -> Resource:
        """Make a folder and return it. CreateContainer and Stat.

        ``parents`` makes the folders above as well. With ``exist_ok`` a folder that is there already is fine;
        otherwise raises AlreadyExists, as it does for a file of that name. Raises NotFound without a parent.
        """
        place = await self._inside(path)
        try:
            if place.is_remote:
                await self._must_be_new(place, f"make the folder {path}")
            await self._create(place)
        except AlreadyExists:
            if not exist_ok:
                raise
            there = await self._stat(place)
            if not there.is_directory:
                raise
            return there
        except Withdrawn:
            raise
        except NotFound:
            above = MeshPath.parse(parent_of(place.path))
            if (
                not parents
                or above.is_area
                or above.is_space_root
                or (above.area == BY_ID and not above.rel)
            ):
                raise
            await self.mkdir(parent_of(place.path), parents=True, exist_ok=True)
            return await self.mkdir(path, exist_ok=exist_ok)
        return await self._stat(place)

    async def touch(self, path: str) -> Resource:
        """Make an empty file and return it. TouchFile and Stat. Raises AlreadyExists, NotFound."""
        place = await self._inside(path)
        await self._touch(place)
        return await self._stat(place)

    async def delete(self, path: str, *, lock_id: str = "") -> None:
        """Move a file or folder to the bin; leave a share when the path is its mount. One Delete.

        The root of a space is refused: sites would destroy it for everybody, and delete the owner's folder
        through the mount of a share (``facts/opencloud.md`` §3.2).
        """
        parsed = MeshPath.parse(path)
        if parsed.is_area or (parsed.is_space_root and parsed.area != SHARES):
            raise InvalidRequest(f"{path} is the root of a space and cannot be deleted here.")
        place = await self._places.find(parsed)
        if parsed.area == BY_ID and not parsed.rel:
            place = await self._guarded_id(place)
        if place.share_id:
            await self._leave_share(place)
            return
        if place.is_remote:
            await self._stat(place)  # Reva says OK for what is not there.
        request = provider.DeleteRequest(ref=place.ref, lock_id=lock_id)
        try:
            await self._patiently(place, "Delete", request, f"delete {path}")
        finally:
            self.moves += 1

    async def move(
        self, source: str, target: str, *, replace: bool = False, lock_id: str = ""
    ) -> Resource:
        """Rename or move, and return what is at the target. Stat of the target, Move, Stat.

        Raises AlreadyExists if the target is there; with ``replace`` a file there is replaced by a file, and
        goes to the bin. Raises InvalidRequest for a move into itself. Between spaces it is a copy and a delete,
        so the id and the versions stay behind.
        """
        doing = f"move {source} to {target}"
        start = await self._inside(source)
        end = await self._inside(target)
        if MeshPath.parse(source).area == BY_ID and not start.rel:
            start = await self._guarded_id(start)
        await self._refuse_into_itself(start, end, doing)
        there = await self._stat_if_there(end)
        aside: Place | None = None
        if there is not None:
            if not replace:
                raise AlreadyExists(f"Could not {doing}: there is something of that name.")
            if there.is_directory or (await self._stat(start)).is_directory:
                raise IsADirectory(f"Could not {doing}: only a file can replace a file.")
            # Sites either refuse a taken name or lose what had it, so it is put aside first.
            aside = end.beside(f".{secrets.token_hex(8)}.replaced")
            try:
                await self._rename(end, aside, doing, "")
            except NotSupported:
                # Nothing there can be renamed: what is there gets the content.
                await self._move_by_copy(start, end, lock_id, over=True)
                return await self._stat(end)
        try:
            try:
                await self._rename(start, end, doing, lock_id)
            except NotSupported:
                await self._move_by_copy(start, end, lock_id)
        except BaseException:
            if aside is not None:
                await asyncio.shield(self._put_back(aside, end, doing))
            raise
        if aside is not None:
            discard = self._call("Delete", provider.DeleteRequest(ref=aside.ref), doing)
            await asyncio.shield(discard)
        return await self._stat(end)

    async def _move_by_copy(
        self, start: Place, end: Place, lock_id: str, *, over: bool = False
    ) -> None:
        """Copy, check and delete what the site cannot move: see ``copying.py``, which knows content.

        ``over`` writes a file over the one that is there.
        """
        raise NotImplementedError

    async def _put_back(self, aside: Place, end: Place, doing: str) -> None:
        """Undo a replacement, unless its answer alone was lost: a site of paths would replace what has come."""
        if await self._stat_if_there(end) is None:
            await self._rename(aside, end, doing, "")

    async def _rename(self, start: Place, end: Place, doing: str, lock_id: str) -> None:
        request = provider.MoveRequest(source=start.ref, destination=end.ref, lock_id=lock_id)
        try:
            await self._patiently(start, "Move", request, doing)
        except (SiteError, Conflict):
            await self._explain_move(start, end, doing)
            raise
        finally:
            self.moves += 1

    async def _must_be_new(self, place: Place, doing: str) -> None:
        """Raise AlreadyExists or NotFound where the site would not: Reva makes folders of other sites anyway."""
        if await self._stat_if_there(place) is not None:
            raise AlreadyExists(f"Could not {doing}: there is something of that name.")
        if place.parent is not None and await self._stat_if_there(place.parent) is None:
            raise NotFound(f"Could not {doing}: the folder it should be in does not exist.")

    async def _create(self, place: Place) -> None:
        doing = f"make the folder {place.path}"
        try:
            await self._call(
                "CreateContainer", provider.CreateContainerRequest(ref=place.ref), doing
            )
        except Withdrawn:
            raise
        except (Conflict, NotFound) as error:
            # FAILED_PRECONDITION or NOT_FOUND: the parent is missing, or a file.
            raise NotFound(
                f"Could not {doing}: the folder it should be in does not exist."
            ) from error

    async def _touch(self, place: Place) -> None:
        request = provider.TouchFileRequest(ref=place.ref, opaque=opaque({"Upload-Length": "0"}))
        try:
            await self._call("TouchFile", request, f"make {place.path}")
        except Withdrawn:
            raise
        except (Conflict, NotFound) as error:
            raise NotFound(
                f"Could not make {place.path}: the folder it should be in does not exist."
            ) from error

    async def _leave_share(self, place: Place) -> None:
        if place.is_remote:
            await self._places.remote.decline(place.share_id, f"leave the share {place.path}")
            self._places.forget()
            return
        received = shares.ReceivedShare(
            share=shares.Share(id=shares.ShareId(opaque_id=place.share_id)),
            state=shares.SHARE_STATE_REJECTED,
        )
        request = sharing.UpdateReceivedShareRequest(
            share=received, update_mask=FieldMask(paths=["state"])
        )
        await self._call("UpdateReceivedShare", request, f"leave the share {place.path}")
        self._places.forget()

    async def _guarded_id(self, place: Place) -> Place:
        """The place of a pure id, unless it is the root of a space; with the share whose mount it is."""
        entry = await self._places.at_root(place.root) if place.root else None
        if entry is None and place.is_remote:
            entry = await self._mount_of(place)
        if entry is None and (await self.flavour()).has_spaces:
            return place
        if entry is None:
            # Reva deletes a whole home by its id, and says INTERNAL then.
            _, path = await self._whereabouts(place)
            if f"/{path}" not in await self._places.mounts():
                return place
        if entry is None or not entry.share_id:
            raise InvalidRequest(
                f"{place.path} is the root of a space and cannot be moved or deleted here."
            )
        return dataclasses.replace(place, share_id=entry.share_id, is_remote=entry.is_remote)

    async def _mount_of(self, place: Place) -> Entry | None:
        """The share of another site to whose top an id leads: OpenCloud tells another id of it than of its space."""
        share = self._places.remote.share_of_id(place.root) if place.root else ""
        for entry in await self._places.listed(SpaceKind.SHARE):
            if entry.is_remote and entry.share_id == share:
                top = await self._stat(await self._place(MeshPath.parse(entry.space.path)))
                return entry if top.id == place.root else None
        return None

    async def _refuse_into_itself(self, start: Place, end: Place, doing: str) -> None:
        """A folder moved into itself is lost, and the site with it: ``facts/opencloud.md`` §3.3."""
        if start.base == end.base:
            if is_within(end.rel, start.rel):
                raise InvalidRequest(f"Could not {doing}: a folder cannot be moved into itself.")
            return
        if start.share_id:
            raise InvalidRequest(f"Could not {doing}: the mount of a share cannot be moved.")
        # Two roots can be two names for the same tree, by id or through a share.
        if not (await self._stat(start)).is_directory:
            return
        try:
            (tree, old), (other, new) = await self._whereabouts(start), await self._whereabouts(end)
        except MeshError as error:
            raise NotSupported(
                f"Could not {doing}: {self.site} does not tell where both are. Copy it, then delete the old one."
            ) from error
        if tree == other and is_within(new, old):
            raise InvalidRequest(f"Could not {doing}: a folder cannot be moved into itself.")

    async def _whereabouts(self, place: Place) -> tuple[str, str]:
        """The tree that holds a place, and the path in it: equal for all names of one folder."""
        if place.root is None:
            return "", join(place.mount, place.rel)
        request = provider.GetPathRequest(resource_id=resource_id_to(place.root))
        path = (await self._call("GetPath", request, f"find {place.path}", repeat=True)).path
        flavour = await self.flavour()
        tree = f"{place.root.storage}${place.root.space}" if flavour.has_spaces else ""
        return tree, join(path, place.rel)

    async def _explain_move(self, start: Place, end: Place, doing: str) -> None:
        """Raise NotFound if a name is missing: sites say INTERNAL or FAILED_PRECONDITION for it."""
        if await self._stat_if_there(start) is None:
            raise NotFound(f"Could not {doing}: {start.path} does not exist.")
        folder = end.parent
        if folder is not None and await self._stat_if_there(folder) is None:
            raise NotFound(f"Could not {doing}: the folder {folder.path} does not exist.")


def _child_of(resource: Resource) -> Child:
    return Child(
        resource.name,
        resource.is_directory,
        resource.size,
        resource.modified,
        resource.permissions,
        resource,
    )
