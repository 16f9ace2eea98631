"""RPCs about shares over sites, given and received (``facts/ocm.md`` §16).

Secrets of shares stay in the node: no client needs them, and what is not sent cannot leak.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.sharing.ocm.v1beta1 import ocm_api_pb2 as ocm
from cs3.sharing.ocm.v1beta1 import resources_pb2 as shares
from cs3.storage.provider.v1beta1 import resources_pb2 as resources
from cs3.types.v1beta1 import types_pb2 as types

from jupyter_mesh.node.address import describe_path, resolve, resource_id
from jupyter_mesh.node.gateway_ocm import at_peer, domain_of, remote_id
from jupyter_mesh.node.ocm.offer import MUST_EXCHANGE
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rights import EDITOR, VIEWER
from jupyter_mesh.node.rpc import Rpcs, answers, answers_async
from jupyter_mesh.node.share_messages import told_path, with_places
from jupyter_mesh.node.wire import Describer, opaque, opaque_text, permissions, user_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mesh.node.address import Caller
    from jupyter_mesh.node.ocm.rows import Given, Received
    from jupyter_mesh.node.site import Site
    from jupyter_mesh.node.tree import Place

__all__ = ["RemoteShareRpcs"]

_GIVEN = ocm.ListOCMSharesRequest.Filter
_RECEIVED = ocm.ListReceivedOCMSharesRequest.Filter
_STATES = {
    "pending": shares.SHARE_STATE_PENDING,
    "accepted": shares.SHARE_STATE_ACCEPTED,
    "declined": shares.SHARE_STATE_REJECTED,
}


def _when(seconds: int) -> types.Timestamp:
    return types.Timestamp(seconds=seconds)


def _role(*, editor: bool) -> Any:
    return permissions(EDITOR if editor else VIEWER)


def _given(site: Site, share: Given) -> shares.Share:
    webdav = shares.WebDAVAccessMethod(
        permissions=_role(editor=share.editor),
        requirements=[MUST_EXCHANGE] if share.must_exchange else [],
        access_types=[shares.ACCESS_TYPE_REMOTE],
    )
    message = shares.Share(
        id=shares.ShareId(opaque_id=share.id),
        name=share.name,
        grantee=resources.Grantee(
            type=resources.GRANTEE_TYPE_USER, user_id=remote_id(share.grantee, share.domain)
        ),
        owner=user_id(site, share.owner),
        creator=user_id(site, share.sharer),
        ctime=_when(share.created),
        mtime=_when(share.modified),
        share_type=shares.SHARE_TYPE_USER,
        recipient_type=shares.RECIPIENT_TYPE_USER,
        access_methods=[shares.AccessMethod(webdav_options=webdav)],
    )
    try:
        space = site.people.space(share.space)
        names = () if site.flavour.spaces else site.tree.names(space, share.entry)
        message.resource_id.CopyFrom(resource_id(site, space, names, share.entry))
    except Refused:
        # It lies in the bin: the share is there, and opens nothing until it is restored.
        pass
    if share.expires:
        message.expiration.seconds = share.expires
    if share.note:
        message.opaque.CopyFrom(opaque(description=share.note))
    return message


def _received(site: Site, share: Received) -> shares.ReceivedShare:
    allowed = _role(editor=share.editor)
    webdav = shares.WebDAVProtocol(
        permissions=shares.SharePermissions(permissions=allowed, reshare=share.may_share),
        share_permissions=allowed,
        uri=share.url,
        requirements=[MUST_EXCHANGE] if share.must_exchange else [],
        access_types=[shares.ACCESS_TYPE_REMOTE],
    )
    is_file = share.is_file
    message = shares.ReceivedShare(
        id=shares.ShareId(opaque_id=share.id),
        name=share.name,
        remote_share_id=share.provider_id,
        grantee=resources.Grantee(
            type=resources.GRANTEE_TYPE_USER, user_id=user_id(site, share.user)
        ),
        owner=remote_id(share.owner, share.owner_domain),
        creator=remote_id(share.sender, share.domain),
        ctime=_when(share.created),
        mtime=_when(share.modified),
        share_type=shares.SHARE_TYPE_USER,
        recipient_type=shares.RECIPIENT_TYPE_USER,
        protocols=[shares.Protocol(webdav_options=webdav)],
        state=_STATES[share.state],
        hidden=share.hidden,
        resource_type=resources.RESOURCE_TYPE_FILE
        if is_file
        else resources.RESOURCE_TYPE_CONTAINER,
        shared_resource_type=(
            shares.SHARE_RESOURCE_TYPE_FILE if is_file else shares.SHARE_RESOURCE_TYPE_CONTAINER
        ),
    )
    if share.expires:
        message.expiration.seconds = share.expires
    if share.note:
        message.opaque.CopyFrom(opaque(description=share.note))
    return message


def _access(methods: list[Any]) -> tuple[bool, bool]:
    """Whether the WebDAV method among access methods may write, and must be exchanged; raises Refused."""
    found = [one.webdav_options for one in methods if one.WhichOneof("term") == "webdav_options"]
    if len(found) != 1:
        raise Refused(Reason.BROKEN, "a share needs one access method, webdav_options")
    (webdav,) = found
    if not (webdav.permissions.initiate_file_download or webdav.permissions.list_container):
        raise Refused(Reason.BROKEN, "other sites can be given viewing or editing only")
    if unknown := set(webdav.requirements) - {MUST_EXCHANGE}:
        raise Refused(Reason.BROKEN, f"the requirement {min(unknown)} is not known")
    return bool(webdav.permissions.initiate_file_upload), MUST_EXCHANGE in webdav.requirements


def _end(expiration: types.Timestamp) -> int:
    seconds = int(expiration.seconds)
    if seconds and seconds <= time.time():
        raise Refused(Reason.BAD_PARTNER, "The end of the share lies in the past.")
    return seconds


class RemoteShareRpcs(Rpcs):
    """Shares with contacts, and those received from them."""

    @answers_async(ocm.CreateOCMShareResponse)
    async def CreateOCMShare(self, caller: Caller, request: Any) -> Any:
        """Share a file or folder with a contact; the other site has it when this returns."""
        grantee = request.grantee.user_id
        domain = domain_of(grantee.idp)
        provider = domain_of(request.recipient_mesh_provider.domain) or domain
        if provider != domain or request.grantee.type != resources.GRANTEE_TYPE_USER:
            raise Refused(Reason.BAD_PARTNER, "service is not trusted: give a contact and its site")
        editor, must_exchange = _access(request.access_methods)
        expires = _end(request.expiration)
        place = await self.site.run(
            lambda: self._given_away(caller, request.resource_id, editor=editor)
        )
        share, name = await at_peer(
            self.site.federation.shares.give(
                caller.user,
                place,
                grantee.opaque_id,
                domain,
                editor=editor,
                must_exchange=must_exchange,
                expires=expires,
                note=opaque_text(request.opaque, "description"),
            )
        )
        message = await self.site.run(lambda: _given(self.site, share))
        return ocm.CreateOCMShareResponse(share=message, recipient_display_name=name)

    def _given_away(self, caller: Caller, asked: Any, *, editor: bool) -> Place:
        """The entry of an id, for a caller who may share it."""
        caller.require_scope()
        address = resolve(self.site, caller, resources.Reference(resource_id=asked))
        place = self.site.tree.find(address.space, address.base, address.names)
        address.require("add_grant")
        if editor:
            address.require("initiate_file_upload")
        if place.is_root and place.space.kind == "personal":
            raise Refused(Reason.NOT_ALLOWED, "A personal space as a whole cannot be shared.")
        return place

    @answers(ocm.ListOCMSharesResponse)
    def ListOCMShares(self, caller: Caller, request: Any) -> Any:
        """The shares that the caller gave, or others of what is the caller's, that pass all filters."""
        caller.require_scope()
        given = self.site.federation.store.given_by(caller.user.id)
        shown = [
            (share, message)
            for share, message in ((share, _given(self.site, share)) for share in given)
            if all(_passes(message, wanted) for wanted in request.filters)
        ]
        return ocm.ListOCMSharesResponse(
            shares=[message for _, message in shown],
            opaque=self._places(caller, [share for share, _ in shown]),
        )

    def _places(self, caller: Caller, given: Sequence[Given]) -> types.Opaque:
        """Where what was given lies: else somebody with a thousand shares would ask for each of them."""
        ways = self.site.shares.ways(share.entry for share in given)
        spaces = self.site.shares.spaces_of(share.entry for share in given)
        places = {
            share.id: (
                share.entry,
                told_path(self.site, spaces[share.entry], caller.user.id, ways[share.entry]),
            )
            for share in given
            if share.entry in ways and share.entry in spaces
        }
        return with_places(self.site, types.Opaque(), places)

    @answers(gateway.ListExistingOCMSharesResponse)
    def ListExistingOCMShares(self, caller: Caller, request: Any) -> Any:
        """The shares given whose resource is there, with what Stat says of it; sites with spaces have no such call."""
        if self.site.flavour.spaces:
            raise Refused(Reason.UNSUPPORTED, "unknown method ListExistingOCMShares")
        caller.require_scope()
        found = self.site.federation.store.given_by(caller.user.id)
        reply = gateway.ListExistingOCMSharesResponse()
        for share in found:
            message = _given(self.site, share)
            if message.HasField("resource_id") and all(
                _passes(message, wanted) for wanted in request.filters
            ):
                info = self._info(caller, message.resource_id)
                if info is not None:
                    reply.share_infos.add(ocm_share=message, resource_info=info)
        return reply

    def _info(self, caller: Caller, asked: Any) -> Any:
        try:
            address = resolve(self.site, caller, resources.Reference(resource_id=asked))
            place = self.site.tree.find(address.space, address.base, address.names)
        except Refused:
            return None
        describer = Describer(self.site, place.space, address.rights)
        return describer.info(place.entry, place.names, describe_path(self.site, address, place))

    @answers(ocm.GetOCMShareResponse)
    def GetOCMShare(self, caller: Caller, request: Any) -> Any:
        """One share that the caller gave."""
        return ocm.GetOCMShareResponse(share=_given(self.site, self._own(caller, request.ref)))

    @answers(ocm.UpdateOCMShareResponse)
    def UpdateOCMShare(self, caller: Caller, request: Any) -> Any:
        """Change what a share allows, or when it ends (0: never); counts at once."""
        share = self._own(caller, request.ref)
        for change in request.field:
            match change.WhichOneof("field"):
                case "expiration":
                    share = replace(share, expires=_end(change.expiration))
                case "access_methods":
                    editor, _ = _access([change.access_methods])
                    share = replace(share, editor=editor)
        self.site.federation.shares.change(share)
        return ocm.UpdateOCMShareResponse()

    @answers(ocm.RemoveOCMShareResponse)
    def RemoveOCMShare(self, caller: Caller, request: Any) -> Any:
        """End a share at once; the other site is told in the background."""
        self.site.federation.shares.end(self._own(caller, request.ref))
        return ocm.RemoveOCMShareResponse()

    def _own(self, caller: Caller, ref: Any) -> Given:
        caller.require_scope()
        share = self.site.federation.store.given(ref.id.opaque_id)
        if share is None or caller.user.id not in (share.sharer, share.owner):
            raise Refused(Reason.MISSING, "share not found")
        return share

    @answers(ocm.ListReceivedOCMSharesResponse)
    def ListReceivedOCMShares(self, caller: Caller, request: Any) -> Any:
        """What people at other sites share with the caller; without what has ended, was withdrawn, or does not open."""
        caller.require_scope()
        store, trusted = self.site.federation.store, self.site.federation.trust.sites()
        self.site.mounts.look_again(store.lost_of(caller.user.id))
        found = store.received_of(caller.user.id)
        messages = [_received(self.site, share) for share in found if share.domain in trusted]
        return ocm.ListReceivedOCMSharesResponse(
            shares=[
                message
                for message in messages
                if all(_arrived(message, wanted) for wanted in request.filters)
            ]
        )

    @answers(ocm.GetReceivedOCMShareResponse)
    def GetReceivedOCMShare(self, caller: Caller, request: Any) -> Any:
        """One share that the caller received."""
        share = self._theirs(caller, request.ref.id.opaque_id)
        return ocm.GetReceivedOCMShareResponse(share=_received(self.site, share))

    @answers(ocm.UpdateReceivedOCMShareResponse)
    def UpdateReceivedOCMShare(self, caller: Caller, request: Any) -> Any:
        """Accept, decline or hide a share; the other site is told of an answer in the background."""
        share = self._theirs(caller, request.share.id.opaque_id)
        states = {number: state for state, number in _STATES.items()}
        for path in request.update_mask.paths:
            if path == "state" and request.share.state in states:
                self.site.federation.shares.answer(share, states[request.share.state])
            elif path == "hidden":
                self.site.federation.store.change_received(share.id, hidden=request.share.hidden)
            else:
                raise Refused(Reason.BROKEN, f"updating {path} is not supported")
        return ocm.UpdateReceivedOCMShareResponse()

    def _theirs(self, caller: Caller, share: str) -> Received:
        caller.require_scope()
        found = self.site.federation.store.received(share)
        if (
            found is None
            or found.user != caller.user.id
            or found.ended
            or found.state == "withdrawn"
            or self.site.federation.trust.title(found.domain) is None
        ):
            raise Refused(Reason.MISSING, "share not found")
        return found


def _passes(message: shares.Share, wanted: Any) -> bool:
    match wanted.type:
        case _GIVEN.TYPE_RESOURCE_ID:
            asked, known = wanted.resource_id, message.resource_id
            return (asked.opaque_id, asked.space_id or known.space_id) == (
                known.opaque_id,
                known.space_id,
            )
        case _GIVEN.TYPE_OWNER:
            return bool(wanted.owner.opaque_id == message.owner.opaque_id)
        case _GIVEN.TYPE_CREATOR:
            return bool(wanted.creator.opaque_id == message.creator.opaque_id)
    return True


def _arrived(message: shares.ReceivedShare, wanted: Any) -> bool:
    match wanted.type:
        case _RECEIVED.TYPE_OWNER:
            return bool(wanted.owner == message.owner)
        case _RECEIVED.TYPE_CREATOR:
            return bool(wanted.creator == message.creator)
        case _RECEIVED.TYPE_SHARE_TYPE:
            return bool(wanted.shared_resource_type == message.shared_resource_type)
    return True
