"""What a site keeps of the past: restoring versions, and the bin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cs3.storage.provider.v1beta1 import provider_api_pb2 as provider
from cs3.storage.provider.v1beta1 import resources_pb2 as rs

from jupyter_mesh.cs3.tree import Tree
from jupyter_mesh.cs3.wire import reference, time_of
from jupyter_mesh.errors import AlreadyExists, InvalidRequest, NotFound, SiteError
from jupyter_mesh.models import BinItem, Kind, Resource
from jupyter_mesh.paths import MeshPath, join

if TYPE_CHECKING:
    from jupyter_mesh.cs3.place import Place

__all__ = ["History"]


class History(Tree):
    """Versions that come back, and the bin. Versions are listed and read in ``reading.py``."""

    async def restore_version(self, path: str, key: str) -> Resource:
        """Make an earlier version the content again; the present one becomes a version. RestoreFileVersion.

        Raises NotFound if there is no such version.
        """
        if not key:
            raise InvalidRequest(f"Could not restore {path}: no version was named.")
        place = await self._place(MeshPath.parse(path))
        doing = f"restore an earlier version of {path}"
        try:
            await self._patiently(place, "RestoreFileVersion", self._restore(place, key), doing)
        except NotFound:
            if (await self.flavour()).has_spaces:
                raise
            # Reva lists "1795272568135" and wants "v1795272568135".
            await self._call("RestoreFileVersion", self._restore(place, f"v{key}"), doing)
        return await self._processed(place)

    async def bin(self, path: str = "home") -> list[BinItem]:
        """What was deleted in the space that holds ``path``, latest first. ListRecycle."""
        top = await self._top(path)
        items = await self._places.pages(
            "ListRecycle",
            provider.ListRecycleRequest(ref=top.ref),
            "recycle_items",
            f"list the bin of {top.path}",
        )
        found = [
            BinItem(
                key=item.key,
                path=join(top.path, _inside_of(top, item.ref.path)),
                kind=Kind.DIRECTORY if item.type == rs.RESOURCE_TYPE_CONTAINER else Kind.FILE,
                size=item.size,
                deleted=time_of(item.deletion_time),
            )
            for item in items
        ]
        found.sort(key=lambda item: item.deleted, reverse=True)
        return found

    async def restore_from_bin(self, item: BinItem, *, to: str = "") -> Resource:
        """Put a deleted file or folder back, at ``to`` or where it was. RestoreRecycleItem.

        Raises AlreadyExists if the place is taken, NotFound if its folder is gone.
        """
        top = await self._top(item.path)
        place = await self._inside(to or item.path)
        if place.base != top.base:
            raise InvalidRequest(
                f"Could not restore {item.path}: it can only come back in its own space."
            )
        doing = f"restore {item.path}"
        if await self._stat_if_there(place) is not None:
            raise AlreadyExists(
                f"Could not {doing}: there is something at {place.path}. Give another name."
            )
        request = provider.RestoreRecycleItemRequest(ref=top.ref, key=_key_of(item))
        request.restore_ref.CopyFrom(
            place.ref if place.root is not None else reference(None, f"/{place.rel}")
        )
        try:
            await self._call("RestoreRecycleItem", request, doing)
        except (SiteError, NotFound):
            folder = place.parent
            if folder is not None and await self._stat_if_there(folder) is None:
                raise NotFound(
                    f"Could not {doing}: the folder {folder.path} does not exist."
                ) from None
            await self._must_be_in_bin(item, top, doing)
            raise
        finally:
            self.moves += 1
        return await self._stat(place)

    async def purge_from_bin(self, item: BinItem) -> None:
        """Delete one thing for ever. PurgeRecycle, never without a key: that would empty the bin."""
        top = await self._top(item.path)
        request = provider.PurgeRecycleRequest(ref=top.ref, key=_key_of(item))
        doing = f"delete {item.path} for ever"
        try:
            await self._call("PurgeRecycle", request, doing)
        except SiteError:
            await self._must_be_in_bin(item, top, doing)
            raise

    async def _must_be_in_bin(self, item: BinItem, top: Place, doing: str) -> None:
        """Raise NotFound for a key that the bin does not hold: Reva says INTERNAL for it."""
        if all(known.key != item.key for known in await self.bin(top.path)):
            raise NotFound(f"Could not {doing}: it is not in the bin any more.")

    async def _top(self, path: str) -> Place:
        """The root of the space that holds a path: the bin is there."""
        parsed = MeshPath.parse(path)
        return await self._place(MeshPath(parsed.area, parsed.space))

    @staticmethod
    def _restore(place: Place, key: str) -> Any:
        return provider.RestoreFileVersionRequest(ref=place.ref, key=key)


def _key_of(item: BinItem) -> str:
    if not item.key.strip("/"):
        raise InvalidRequest(f"Nothing in the bin was named for {item.path}.")
    return item.key


def _inside_of(top: Place, path: str) -> str:
    """The path of a deleted thing inside its space: sites tell it with or without the mount before it."""
    path = path.removeprefix("./")
    if top.mount and path.startswith(top.mount + "/"):
        path = path.removeprefix(top.mount)
    return path.strip("/")
