"""RPCs about what was: versions of files, and the bin of a space."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.node.address import Address, Caller, mount_of, resolve, split_path
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rpc import Rpcs, answers, answers_async
from jupyter_mesh.node.store import remove
from jupyter_mesh.node.users import room_left
from jupyter_mesh.node.wire import timestamp

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Row

    from jupyter_mesh.node.tree import Place

__all__ = ["HistoryRpcs"]


class HistoryRpcs(Rpcs):
    """ListFileVersions, RestoreFileVersion, ListRecycle, RestoreRecycleItem, PurgeRecycle."""

    @answers(provider.ListFileVersionsResponse)
    def ListFileVersions(self, caller: Caller, request: Any) -> Any:
        """Earlier contents of a file, newest first. A site of paths answers nothing for a missing file."""
        reply = provider.ListFileVersionsResponse()
        address = resolve(self.site, caller, request.ref)
        address.require("list_file_versions")
        try:
            place = self.site.tree.find(address.space, address.base, address.names)
        except Refused:
            if self.site.flavour.spaces:
                raise
            return reply
        for row in self.site.index.rows(
            "SELECT * FROM versions WHERE node = ? ORDER BY made DESC", place.entry.id
        ):
            reply.versions.append(
                resources.FileVersion(
                    key=row["key"],
                    size=row["size"],
                    mtime=row["mtime"] // self.site.flavour.time_unit,
                    etag=f'"{row["etag"]}"',
                )
            )
        return reply

    @answers_async(provider.RestoreFileVersionResponse)
    async def RestoreFileVersion(self, caller: Caller, request: Any) -> Any:
        """Put an earlier content back; what is there now becomes a version itself."""
        _, key = await self.site.run(lambda: self._version(caller, request))
        content = self.site.store.new_upload()
        try:
            sha1 = await asyncio.to_thread(_copy, self.site.store.versions / key, content)
            await self.site.run(lambda: self._put_back(caller, request, content, sha1))
        finally:
            await asyncio.to_thread(content.unlink, missing_ok=True)
        return provider.RestoreFileVersionResponse()

    def _version(self, caller: Caller, request: Any) -> tuple[Place, str]:
        address = resolve(self.site, caller, request.ref)
        address.require("restore_file_version")
        place = self.site.tree.find(address.space, address.base, address.names)
        key = request.key
        if not self.site.flavour.spaces:
            # Reva lists keys without the prefix that it wants to have back.
            key = key.removeprefix("v") if key.startswith("v") else ""
        row = self.site.index.row(
            "SELECT size FROM versions WHERE node = ? AND key = ?", place.entry.id, key
        )
        if row is None:
            raise Refused(Reason.MISSING, f'"{place.entry.name}" has no such version.')
        if row["size"] - place.entry.size > room_left(
            place.space, self.site.tree.root(place.space).entry.size
        ):
            raise Refused(
                Reason.NO_ROOM, f'There is no room in "{place.space.name}" for this version.'
            )
        return place, key

    def _put_back(self, caller: Caller, request: Any, content: Path, sha1: str) -> None:
        place, _ = self._version(caller, request)
        if self.site.flavour.locks:
            self.site.locks.check(place.entry.id, request.lock_id)
        parent, name = self.site.tree.find_parent(place.space, place.entry.id, ())
        self.site.store.write(
            parent, name, content, sha1=sha1 if self.site.flavour.compares else ""
        )

    @answers(provider.ListRecycleResponse)
    def ListRecycle(self, caller: Caller, request: Any) -> Any:
        """The bin of a space, latest first, whatever folder in it was named."""
        address = resolve(self.site, caller, request.ref)
        address.require_member("list_recycle")
        space = address.space
        reply = provider.ListRecycleResponse()
        rows = self.site.index.rows(
            "SELECT b.*, n.folder, n.size FROM bin b JOIN nodes n ON n.id = b.node WHERE b.space = ? ORDER BY b.deleted DESC",
            space.id,
        )
        mount = "" if self.site.flavour.spaces else mount_of(self.site, space, caller.user.id)
        for row in rows:
            if request.key.rstrip("/") in ("", row["key"]):
                folder = row["folder"]
                item = resources.RecycleItem(
                    key=row["key"],
                    type=resources.RESOURCE_TYPE_CONTAINER
                    if folder
                    else resources.RESOURCE_TYPE_FILE,
                    size=row["size"],
                    deletion_time=timestamp(row["deleted"]),
                )
                item.ref.path = f"{mount}/{row['path']}"
                if not self.site.flavour.spaces:
                    item.deletion_time.seconds = row["deleted"] // self.site.flavour.time_unit
                    item.deletion_time.nanos = 0
                reply.recycle_items.append(item)
        return reply

    @answers(provider.RestoreRecycleItemResponse)
    def RestoreRecycleItem(self, caller: Caller, request: Any) -> Any:
        """Put an item of the bin to a free name; its ids and versions come back with it."""
        address = resolve(self.site, caller, request.ref)
        address.require_member("restore_recycle_item")
        row = self._item(address, request.key)
        parent, name = self.site.tree.find_parent(
            *self._target(caller, address, request, row["path"])
        )
        if self.site.tree.child(parent, name) is not None:
            raise Refused(Reason.EXISTS, f'There is a "{name}" already.')
        if row["size"] > room_left(address.space, self.site.tree.root(address.space).entry.size):
            raise Refused(Reason.NO_ROOM, f'There is no room in "{address.space.name}" for this.')
        self.site.store.restore(row["key"], row["node"], parent, name)
        return provider.RestoreRecycleItemResponse()

    def _target(
        self, caller: Caller, address: Address, request: Any, path: str
    ) -> tuple[Any, str, tuple[str, ...]]:
        """Space, base and names of where an item is to go."""
        if not self.site.flavour.spaces:
            # Reva takes the path below the mount here, and the old place when there is none.
            wanted = request.restore_ref.path if request.HasField("restore_ref") else ""
            return address.space, address.space.id, split_path(self.site, wanted or path)
        if not request.HasField("restore_ref"):
            raise Refused(
                Reason.BAD_REQUEST, "could not find space: a restore needs a restore_ref."
            )
        target = resolve(self.site, caller, request.restore_ref)
        if target.space.id != address.space.id:
            raise Refused(Reason.OTHER_SPACE, "Restoring into another space is not supported.")
        return target.space, target.base, target.names

    @answers_async(provider.PurgeRecycleResponse)
    async def PurgeRecycle(self, caller: Caller, request: Any) -> Any:
        """Remove one item of the bin for good, or, without a key, all of them."""
        paths = await self.site.run(lambda: self._purge(caller, request))
        # Outside the worker: a large tree takes seconds, and nobody can see it any more.
        for path in paths:
            await asyncio.to_thread(remove, path)
        return provider.PurgeRecycleResponse()

    def _purge(self, caller: Caller, request: Any) -> list[Path]:
        address = resolve(self.site, caller, request.ref)
        address.require_member("purge_recycle")
        if request.key:
            items = [self._item(address, request.key)]
        else:
            items = self.site.index.rows(
                "SELECT key, node FROM bin WHERE space = ?", address.space.id
            )
        return [path for row in items for path in self.site.store.purge(row["key"], row["node"])]

    def _item(self, address: Address, key: str) -> Row:
        row = self.site.index.row(
            "SELECT b.key, b.node, b.path, n.size FROM bin b JOIN nodes n ON n.id = b.node WHERE b.space = ? AND b.key = ?",
            address.space.id,
            key,
        )
        if row is None:
            raise Refused(Reason.MISSING, "There is no such item in the bin.")
        return row


def _copy(source: Path, target: Path) -> str:
    """Copy a content and sync it; returns its SHA1."""
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha1").hexdigest()
