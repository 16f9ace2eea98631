"""What the user shares inside one site: listed with what the site tells of it, and found by id."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as sharing
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as rs

from jupyter_mesh.cs3.flavour import Feature
from jupyter_mesh.cs3.grants import share_of
from jupyter_mesh.cs3.located import Located, Told, told_places
from jupyter_mesh.cs3.people import People
from jupyter_mesh.cs3.place import Place
from jupyter_mesh.cs3.tree import Tree
from jupyter_mesh.cs3.wire import opaque_text, resource_id_to
from jupyter_mesh.errors import InvalidRequest, MeshError, NotSupported, SiteError
from jupyter_mesh.paths import BY_ID, HOME, PROJECTS, MeshPath, is_within, join

if TYPE_CHECKING:
    from jupyter_mesh.models import Resource, ResourceId, Share

__all__ = ["Given"]

KEEPS_NOTES = "share-notes"
"""What our node tells beside its lists of shares, where CS3 has no field: that it keeps notes."""


class Given(Tree, People, Located):
    """Lists of shares, and where what is shared is."""

    keeps_notes = False
    """Whether the site keeps notes with shares: it says so with every list (``share-notes`` in the Opaque)."""

    async def shares(self, path: str = "") -> list[Share]:
        """What the user shares inside this site, or the shares of ``path`` itself; latest first.

        One listing: ListExistingShares, or ListShares where the site has no other. Names, kinds and paths are
        told where the site tells them with the shares; grantees have the names that are known already.
        """
        if not path:
            return await self._shares()
        place = await self._shareable(path)
        resource = (await self._stat(place)).id
        return [] if resource is None else await self.shares_of([resource])

    async def shares_of(self, resources: list[ResourceId]) -> list[Share]:
        """All shares of these resources that the user may know of, those of others among them."""
        by_id = [
            rs.Filter(type=rs.Filter.TYPE_RESOURCE_ID, resource_id=resource_id_to(resource))
            for resource in resources
        ]
        found = await self._shares(*by_id)
        # Not every site looks at filters, and Reva leaves the id of the space out.
        wanted = {(resource.storage, resource.opaque) for resource in resources}
        return [
            share for share in found if (share.resource.storage, share.resource.opaque) in wanted
        ]

    async def root_of(self, path: str) -> ResourceId | None:
        """The id of the root of the space that holds a path; None where the site did not tell it."""
        return await self._places.root_of(MeshPath.parse(path))

    async def locate(self, resource: ResourceId) -> Resource:
        """A resource by id, under the path that the user knows it by, else by its id. Stat and GetPath."""
        by_id = self._by_id(resource)
        found, path = await asyncio.gather(self._stat(by_id), self._path_of(by_id))
        return replace(found, path=path or found.path)

    async def way(self, folder: ResourceId, resource: ResourceId) -> str | None:
        """The path from a folder to something in it, by ids; None where it is not in it, or nobody says. GetPath."""
        try:
            (tree, start), (other, end) = await asyncio.gather(
                self._whereabouts(self._by_id(folder)), self._whereabouts(self._by_id(resource))
            )
        except MeshError:
            return None
        start, end = start.strip("/"), end.strip("/")
        return end[len(start) :].strip("/") if tree == other and is_within(end, start) else None

    async def _path_of(self, place: Place) -> str:
        """The mesh path of a place in the home or in a project; "" elsewhere."""
        try:
            tree, path = await self._whereabouts(place)
        except MeshError:
            return ""
        return await self._path_in(tree, path)

    async def _shareable(self, path: str) -> Place:
        """The place of something that can be shared: anything but an area and the home itself."""
        parsed = MeshPath.parse(path)
        if parsed.is_area or (parsed.area == HOME and not parsed.rel):
            raise InvalidRequest(
                f'"{path}" as a whole cannot be shared. Choose something inside it.'
            )
        return await self._places.find(parsed)

    async def _shares(self, *filters: Any) -> list[Share]:
        flavour = await self.flavour()
        request = sharing.ListSharesRequest(filters=filters)
        doing = "list what you share"
        if flavour.can(Feature.SHARE_INFOS) is not False:
            try:
                replies = await self._places.replies("ListExistingShares", request, doing)
            except (NotSupported, SiteError):
                flavour.learn(Feature.SHARE_INFOS, False)
                request.page_token = ""
            else:
                pairs = []
                for reply in replies:
                    self._hear(reply)
                    pairs += [(item.share, item.resource_info) for item in reply.share_infos]
                return await self._sorted(pairs)
        listed: list[Any] = []
        places: dict[str, Told] = {}
        for reply in await self._places.replies("ListShares", request, doing):
            self._hear(reply)
            listed += list(reply.shares)
            places |= told_places(reply)
        found = await self._sorted([(share, None) for share in listed])
        return await self._placed([(share, places.get(share.id)) for share in found])

    def _hear(self, reply: Any) -> None:
        self.keeps_notes = self.keeps_notes or bool(opaque_text(reply, KEEPS_NOTES))

    async def _sorted(self, listed: list[tuple[Any, Any]]) -> list[Share]:
        found = await asyncio.to_thread(_read, listed)
        if not all(share.grantee.idp for share in found):
            # Reva leaves out where somebody is from: here. Nobody may be two people by that.
            own = (await self.me()).idp
            found = [
                share
                if share.grantee.idp
                else replace(share, grantee=replace(share.grantee, idp=own))
                for share in found
            ]
        return [replace(share, grantee=self.known_user(share.grantee)) for share in found]

    @staticmethod
    def _by_id(resource: ResourceId) -> Place:
        return Place(path=join(BY_ID, str(resource)), rel="", root=resource)


def _read(listed: list[tuple[Any, Any]]) -> list[Share]:
    found = [share_of(share, info, _path_of(info)) for share, info in listed]
    found.sort(key=lambda share: share.created.timestamp() if share.created else 0, reverse=True)
    return found


def _path_of(info: Any) -> str:
    """The mesh path of a resource on a site of paths, "" where it tells none."""
    path: str = info.path if info is not None else ""
    mesh = path.strip("/")
    return mesh if path.startswith((f"/{HOME}/", f"/{PROJECTS}/")) else ""
