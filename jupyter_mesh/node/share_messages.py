"""Shares as protobuf messages: whole lists of them with a handful of queries, and the filters of such lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from cs3.identity.group.v1beta1 import resources_pb2 as groups
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as messages
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.types.v1beta1 import types_pb2 as types

from jupyter_mesh.node.address import Caller, mount_of, resource_id
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rights import OWNER, Rights
from jupyter_mesh.node.shares import ACCEPTED, Grant, Received
from jupyter_mesh.node.users import USER, SpaceRow
from jupyter_mesh.node.wire import Describer, opaque, permissions, timestamp, user_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cs3.identity.user.v1beta1 import resources_pb2 as people

    from jupyter_mesh.node.site import Site

__all__ = [
    "FILTER",
    "ShareMessages",
    "Shown",
    "by_type",
    "page",
    "passes",
    "told_path",
    "unknown",
    "with_places",
]

FILTER = messages.Filter


class Shown(NamedTuple):
    """A share whose entry is there."""

    message: Any
    """A ``Share`` or a ``ReceivedShare``."""
    space: SpaceRow
    grant: Grant
    way: tuple[str, ...]
    """Names from the root of the space to the entry."""


class ShareMessages:
    """Makes the messages of one site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def shown(self, grants: Sequence[Grant]) -> list[Shown]:
        """Those shares whose entries are neither in the bin nor removed by hand."""
        ways = self._site.shares.ways(grant.node for grant in grants)
        spaces = self._site.shares.spaces_of(grant.node for grant in grants)
        names = self._site.shares.names_of(one.grantee for one in grants if one.kind == USER)
        found = []
        for grant in grants:
            space = spaces.get(grant.node)
            way = () if space is not None and space.id == grant.node else ways.get(grant.node)
            if space is not None and way is not None:
                message = self._share(grant, space, way)
                if grant.kind == USER and grant.grantee in names:
                    # Others ask for each of them: nobody has to look at what CS3 has no field for.
                    display, name = names[grant.grantee]
                    told = opaque(**{"display-name": display, "username": name})
                    message.grantee.opaque.CopyFrom(told)
                found.append(Shown(message, space, grant, way))
        return found

    def received(self, received: Sequence[Received]) -> list[Shown]:
        """The same as their receiver has them."""
        by_id = {one.grant.id: one for one in received}
        found = []
        for shown in self.shown([one.grant for one in received]):
            mine = by_id[shown.grant.id]
            message = messages.ReceivedShare(
                share=shown.message, state=mine.state, hidden=mine.hidden
            )
            if self._site.flavour.spaces and mine.state == ACCEPTED:
                message.mount_point.path = mine.name
            found.append(shown._replace(message=message))
        return found

    def described(
        self, caller: Caller, shown: Sequence[Shown]
    ) -> Iterator[tuple[Shown, resources.ResourceInfo]]:
        """Shares with the resources that they share, as the index knows them."""
        entries = self._site.tree.entries.by_ids([one.grant.node for one in shown])
        describers: dict[tuple[str, Rights], Describer] = {}
        for one in shown:
            mine = caller.user.id in (one.space.owner, one.grant.creator)
            key = (one.space.id, OWNER if mine else one.grant.rights)
            if key not in describers:
                describers[key] = Describer(self._site, one.space, key[1])
            path = "/".join((mount_of(self._site, one.space, caller.user.id), *one.way))
            if one.grant.node in entries:
                yield one, describers[key].info(entries[one.grant.node], one.way, path)

    def hints(self, shown: Sequence[Shown]) -> types.Opaque:
        """What goes with a list of shares beside it: that notes are kept, and what is shared, with its place.

        With it, a list of a thousand shares is one call; who does not know it asks for each of them.
        """
        places = {one.grant.id: (one.grant.node, "/" + "/".join(one.way)) for one in shown}
        return with_places(self._site, opaque(**{"share-notes": "true"}), places)

    def _share(self, grant: Grant, space: SpaceRow, way: tuple[str, ...]) -> messages.Share:
        message = messages.Share(
            resource_id=resource_id(self._site, space, way, grant.node),
            owner=self._person(space.owner or grant.creator),
            creator=self._person(grant.creator),
            ctime=timestamp(grant.made),
            mtime=timestamp(grant.changed),
            description=grant.note,
        )
        message.id.opaque_id = grant.id
        message.permissions.permissions.CopyFrom(permissions(grant.rights))
        if grant.kind == USER:
            message.grantee.type = resources.GRANTEE_TYPE_USER
            message.grantee.user_id.CopyFrom(self._person(grant.grantee))
        else:
            message.grantee.type = resources.GRANTEE_TYPE_GROUP
            idp = self._site.federation.domain if self._site.flavour.spaces else ""
            message.grantee.group_id.CopyFrom(groups.GroupId(idp=idp, opaque_id=grant.grantee))
        if grant.expires:
            message.expiration.CopyFrom(timestamp(grant.expires))
        return message

    def _person(self, user: str) -> people.UserId:
        known = user_id(self._site, user)
        if not self._site.flavour.spaces:
            # Reva forgets where people come from (facts/cs3.md §6.4).
            known.idp = ""
        return known


def with_places(
    site: Site, told: types.Opaque, places: Mapping[str, tuple[str, str]]
) -> types.Opaque:
    """What is told beside a list of shares or links, with path and kind of each: by id, the entry and its path."""
    entries = site.tree.entries.by_ids([node for node, _ in places.values()])
    known = {
        share: [path, entries[node].folder]
        for share, (node, path) in places.items()
        if node in entries
    }
    told.map["share-places"].CopyFrom(
        types.OpaqueEntry(decoder="json", value=json.dumps(known).encode())
    )
    return told


def told_path(site: Site, space: SpaceRow, user: str, way: Sequence[str]) -> str:
    """The path that goes with an id: in its space, or for a site of paths the one of the user."""
    return "/".join(("" if site.flavour.spaces else mount_of(site, space, user), *way))


def page(items: list[Shown], request: Any) -> tuple[list[Shown], str]:
    """The part of a list that a request asks for, and the token of the next part."""
    after = request.page_token
    if after:
        known = [at for at, one in enumerate(items) if one.grant.id == after]
        if not known:
            raise Refused(Reason.BAD_REQUEST, "The page_token is not known (any more).")
        items = items[known[0] + 1 :]
    size = request.page_size
    if size <= 0 or len(items) <= size:
        return items, ""
    return items[:size], items[size - 1].grant.id


def by_type(filters: Any) -> dict[int, list[Any]]:
    """Filters of one type are alternatives; those of different types all have to pass."""
    kinds: dict[int, list[Any]] = {}
    for one in filters:
        kinds.setdefault(one.type, []).append(one)
    return kinds


def passes(kinds: Mapping[int, Sequence[Any]], shown: Shown) -> bool:
    """Whether a share passes all filters."""
    return all(any(_passes(one, shown) for one in some) for some in kinds.values())


def _passes(wanted: Any, shown: Shown) -> bool:
    grant, space = shown.grant, shown.space
    if wanted.type == FILTER.TYPE_RESOURCE_ID:
        share = getattr(shown.message, "share", shown.message)
        return bool(wanted.resource_id.opaque_id == share.resource_id.opaque_id)
    if wanted.type == FILTER.TYPE_OWNER:
        return bool(wanted.owner.opaque_id == (space.owner or grant.creator))
    if wanted.type == FILTER.TYPE_CREATOR:
        return bool(wanted.creator.opaque_id == grant.creator)
    if wanted.type == FILTER.TYPE_GRANTEE_TYPE:
        return bool(wanted.grantee_type == grant.kind)
    if wanted.type == FILTER.TYPE_GRANTEE:
        who = wanted.grantee.user_id if grant.kind == USER else wanted.grantee.group_id
        return bool(who.opaque_id == grant.grantee)
    if wanted.type == FILTER.TYPE_SPACE_ID:
        return bool(wanted.space_id.rpartition("$")[2].partition("!")[0] == space.id)
    if wanted.type == FILTER.TYPE_EXCLUDE_DENIALS:
        return bool(grant.rights)
    return True


def unknown(share: str) -> Refused:
    """What is said of a share that is not there, or none of the caller's business."""
    return Refused(Reason.MISSING, f"error: share not found: {share}")
