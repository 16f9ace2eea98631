"""RPCs about the shares that one gives to users and groups of this site."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as api
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as messages
from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.node.address import Address, Caller, mount_of, resolve
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rights import NONE, OWNER, Rights, reduced
from jupyter_mesh.node.rpc import Rpcs, answers
from jupyter_mesh.node.share_messages import (
    FILTER,
    ShareMessages,
    by_type,
    page,
    passes,
    unknown,
)
from jupyter_mesh.node.users import GROUP, USER, SpaceRow
from jupyter_mesh.node.wire import nanoseconds, opaque_text, rights_in

if TYPE_CHECKING:
    from jupyter_mesh.node.share_messages import Shown
    from jupyter_mesh.node.shares import Grant
    from jupyter_mesh.node.tree import Place

__all__ = ["ShareRpcs"]

_LONGEST_ID = 500
_LONGEST_NOTE = 500
_ROLE_IDS = {
    False: "b1e2218d-eef8-4d4c-b82d-0f1a1b48f3b5",
    True: "fb6c3e19-e378-47e5-b277-9732f9de6e21",
}
"""How sites name the roles viewer and editor, by whether one may write."""


class ShareRpcs(Rpcs):
    """CreateShare, GetShare, ListShares, ListExistingShares, UpdateShare, RemoveShare."""

    @answers(api.CreateShareResponse)
    def CreateShare(self, caller: Caller, request: Any) -> Any:
        """Share an entry with a user or a group; on the root of a project it makes a member."""
        grantee = request.grant.grantee
        kind, who = _grantee(grantee)
        address, place = self._shareable(caller, request.resource_info)
        if who in (caller.user.id, place.space.owner) and kind == USER:
            raise Refused(Reason.ONESELF, "owner and grantee are the same")
        rights = rights_in(request.grant.permissions.permissions) & address.rights
        if not self.site.flavour.spaces:
            self._settle_conflicts(place, kind, who, rights, request)
        expires = nanoseconds(request.grant, "expiration")
        if expires and expires <= time.time_ns() and self.site.flavour.spaces:
            raise Refused(Reason.BAD_REQUEST, "expiration date is in the past")
        grant = self.site.shares.add(
            place.entry.id,
            kind,
            who,
            rights,
            creator=caller.user.id,
            expires=expires,
            note=_note(request),
        )
        return api.CreateShareResponse(share=ShareMessages(self.site).shown([grant])[0].message)

    def _shareable(self, caller: Caller, info: Any) -> tuple[Address, Place]:
        """The entry that a ResourceInfo means, for a caller who may share it."""
        address = resolve(self.site, caller, resources.Reference(resource_id=info.id))
        place = self.site.tree.find(address.space, address.base, address.names)
        address.require("add_grant")
        if place.is_root and place.space.kind == "personal":
            raise Refused(Reason.NOT_ALLOWED, "A personal space as a whole cannot be shared.")
        return address, place

    def _settle_conflicts(
        self, place: Place, kind: int, who: str, rights: Rights, request: Any
    ) -> None:
        """Refuse a share that a folder above or something below has already (``facts/cs3.md`` §19)."""
        shares = self.site.shares
        above = {entry for entry, _ in self.site.tree.way(place.space, place.entry.id)[:-1]}
        same = [one for one in shares.with_grantee(kind, who) if one.node != place.entry.id]
        parents = [one for one in same if one.node in above and one.rights >= reduced(rights)]
        if parents:
            raise self._conflict("parent_conflict", place.space, parents, force=False)
        ways = shares.ways(one.node for one in same)
        children = [
            one
            for one in same
            if self.site.space_of(one.node).id == place.space.id
            and (way := ways.get(one.node)) is not None
            and len(way) > len(place.names)
            and way[: len(place.names)] == place.names
        ]
        if children and opaque_text(request.opaque, "force") != "true":
            raise self._conflict("child_conflict", place.space, children, force=True)
        shares.remove(one.id for one in children)

    def _conflict(self, kind: str, space: SpaceRow, grants: list[Grant], *, force: bool) -> Refused:
        ways = self.site.shares.ways(grant.node for grant in grants)
        found = {
            "error_type": kind,
            "message": "A folder above is shared with the same people already."
            if kind == "parent_conflict"
            else "Something below is shared with the same people already.",
            "can_force": force,
            "conflicting_shares": [
                {
                    "id": grant.id,
                    "path": "/".join((mount_of(self.site, space, space.owner), *ways[grant.node])),
                    "permission_type": _ROLE_IDS["initiate_file_upload" in grant.rights],
                    "sharee": grant.grantee,
                    "sharee_type": "user" if grant.kind == USER else "group",
                }
                for grant in grants
                if grant.node in ways
            ],
        }
        return Refused(Reason.CONFLICT, json.dumps(found))

    @answers(api.GetShareResponse)
    def GetShare(self, caller: Caller, request: Any) -> Any:
        """One share, by its id or by what it shares with whom."""
        grant = self._visible(caller, request.ref)
        shown = ShareMessages(self.site).shown([grant])
        if not shown:
            raise unknown(grant.id)
        return api.GetShareResponse(share=shown[0].message)

    @answers(api.ListSharesResponse)
    def ListShares(self, caller: Caller, request: Any) -> Any:
        """The shares that the caller made, or of what is his own; those of a resource also to its project's members."""
        shown = self._listed(caller, request.filters)
        reply = api.ListSharesResponse()
        wanted, reply.next_page_token = page(shown, request)
        reply.opaque.CopyFrom(ShareMessages(self.site).hints(wanted))
        reply.shares.extend(shown.message for shown in wanted)
        return reply

    @answers(gateway.ListExistingSharesResponse)
    def ListExistingShares(self, caller: Caller, request: Any) -> Any:
        """As ListShares, each with its resource."""
        if self.site.flavour.spaces:
            raise Refused(Reason.UNSUPPORTED, "not supported: list existing shares")
        reply = gateway.ListExistingSharesResponse(opaque=ShareMessages(self.site).hints([]))
        wanted, reply.next_page_token = page(self._listed(caller, request.filters), request)
        for shown, info in ShareMessages(self.site).described(caller, wanted):
            reply.share_infos.add(share=shown.message, resource_info=info)
        return reply

    @answers(api.UpdateShareResponse)
    def UpdateShare(self, caller: Caller, request: Any) -> Any:
        """Change what a share allows or when it ends: one way for each kind of site."""
        masked = request.update_mask.paths
        if self.site.flavour.spaces:
            if not masked or not request.HasField("share"):
                raise Refused(Reason.BROKEN, "updating requires a received share object")
            ref = messages.ShareReference(id=request.share.id)
            grant = self._changeable(caller, request.ref if request.HasField("ref") else ref)
            allowed, field = request.share, set(masked)
            if not field <= {"permissions", "expiration"}:
                raise Refused(Reason.BAD_REQUEST, "updating this field is not supported")
        else:
            if request.field.WhichOneof("field") is None:
                raise Refused(Reason.BROKEN, "updating requires a field")
            grant = self._changeable(caller, request.ref)
            allowed = request.field
            field = {request.field.WhichOneof("field")}
        rights = expires = None
        if "permissions" in field:
            rights = rights_in(allowed.permissions.permissions) & self._limit(caller, grant)
        if "expiration" in field:
            expires = nanoseconds(allowed, "expiration")
        self._keep_manager(grant, rights)
        self.site.shares.update(grant.id, rights=rights, expires=expires)
        changed = self.site.shares.get(grant.id) or grant
        return api.UpdateShareResponse(share=ShareMessages(self.site).shown([changed])[0].message)

    @answers(api.RemoveShareResponse)
    def RemoveShare(self, caller: Caller, request: Any) -> Any:
        """End a share: from the next call on it opens nothing."""
        grant = self._changeable(caller, request.ref, "remove_grant")
        self._keep_manager(grant, NONE)
        self.site.shares.remove([grant.id])
        return api.RemoveShareResponse()

    def _named_share(self, caller: Caller, ref: Any) -> Grant | None:
        if ref.WhichOneof("spec") == "key":
            kind, who = _grantee(ref.key.grantee)
            node = self._shared_entry(caller, ref.key.resource_id)
            known = self.site.shares.on([node]) if node else []
            return next((one for one in known if (one.kind, one.grantee) == (kind, who)), None)
        return self.site.shares.get(ref.id.opaque_id)

    def _visible(self, caller: Caller, ref: Any) -> Grant:
        grant = self._named_share(caller, ref)
        if grant is None or not caller.scope:
            raise unknown(ref.id.opaque_id)
        if grant.creator != caller.user.id and "list_grants" not in self._limit(caller, grant):
            mine = self.site.shares.received(caller.user.id, grant.id)
            if not mine or not self.site.flavour.spaces:
                raise unknown(ref.id.opaque_id)
        return grant

    def _changeable(self, caller: Caller, ref: Any, right: str = "update_grant") -> Grant:
        grant = self._named_share(caller, ref)
        if grant is None or not caller.scope:
            raise unknown(ref.id.opaque_id)
        if right not in self._limit(caller, grant):
            raise unknown(grant.id)
        return grant

    def _limit(self, caller: Caller, grant: Grant) -> Rights:
        """What the caller may do in the space of a share as its member: nobody can give more."""
        space = self.site.space_of(grant.node)
        if space.kind == "personal" and space.owner == caller.user.id:
            return OWNER
        return self.site.shares.granted(caller, [space.id]).get(space.id, NONE)

    def _keep_manager(self, grant: Grant, rights: Rights | None) -> None:
        """Raise Refused(NOT_ALLOWED) when a project would be left without anybody who can manage it."""
        if rights is None or "remove_grant" in rights or "remove_grant" not in grant.rights:
            return
        space = self.site.space_of(grant.node)
        others = [
            one
            for one in self.site.shares.on([space.id])
            if one.id != grant.id and "remove_grant" in one.rights and not one.expires
        ]
        if grant.node == space.id and not others:
            raise Refused(Reason.NOT_ALLOWED, "The last manager of a project cannot be removed.")

    def _shared_entry(self, caller: Caller, asked: Any) -> str:
        """The entry of a resource id, or "" where the caller sees none."""
        try:
            address = resolve(self.site, caller, resources.Reference(resource_id=asked))
            return self.site.tree.find(address.space, address.base, address.names).entry.id
        except Refused:
            return ""

    def _listed(self, caller: Caller, filters: Any) -> list[Shown]:
        if not caller.scope:
            return []
        kinds = by_type(filters)
        wanted = kinds.pop(FILTER.TYPE_RESOURCE_ID, None)
        roots = any(one.space_root for one in kinds.pop(FILTER.TYPE_SPACE_ROOT, ()))
        if wanted is None:
            grants = self.site.shares.given(caller.user.id)
        else:
            nodes = {self._shared_entry(caller, one.resource_id) for one in wanted} - {""}
            limits: dict[str, bool] = {}
            grants = []
            for grant in self.site.shares.on(nodes):
                if grant.node not in limits:
                    limits[grant.node] = "list_grants" in self._limit(caller, grant)
                if limits[grant.node] or grant.creator == caller.user.id:
                    grants.append(grant)
        return [
            shown
            for shown in ShareMessages(self.site).shown(grants)
            # Members of a space are told to who asks for its root.
            if (wanted is not None or (shown.space.id == shown.grant.node) == roots)
            and passes(kinds, shown)
        ]


def _note(request: Any) -> str:
    """What is said with a new share. CS3 has a field for it in shares, and none in the request."""
    note = opaque_text(request.opaque, "description")
    if len(note) > _LONGEST_NOTE or not all(char.isprintable() or char == "\n" for char in note):
        raise Refused(Reason.BAD_REQUEST, "A note is a short text.")
    return note


def _grantee(message: Any) -> tuple[int, str]:
    """Kind and id of a grantee. Whether there is anybody of that id is not asked, as at real sites."""
    if message.type == resources.GRANTEE_TYPE_USER:
        kind, who = USER, message.user_id.opaque_id
    elif message.type == resources.GRANTEE_TYPE_GROUP:
        kind, who = GROUP, message.group_id.opaque_id
    else:
        raise Refused(Reason.BAD_REQUEST, "A share is with a user or with a group.")
    if not who or len(who) > _LONGEST_ID:
        raise Refused(Reason.BAD_REQUEST, "A grantee needs an id.")
    return kind, who
