"""RPCs about public links."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.sharing.link.v1beta1 import link_api_pb2 as api
from cs3.sharing.link.v1beta1 import resources_pb2 as messages
from cs3.storage.provider.v1beta1 import resources_pb2 as resources

from jupyter_mesh.node.address import Caller, mount_of, resolve, resource_id
from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rights import NONE, OWNER, Rights, write_rights
from jupyter_mesh.node.rpc import Rpcs, answers, answers_async
from jupyter_mesh.node.share_messages import told_path, with_places
from jupyter_mesh.node.users import hash_password
from jupyter_mesh.node.wire import (
    Describer,
    nanoseconds,
    opaque,
    permissions,
    rights_in,
    timestamp,
    user_id,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mesh.node.links import Link
    from jupyter_mesh.node.users import SpaceRow

__all__ = ["LinkRpcs"]

_FILTER = api.ListPublicSharesRequest.Filter
_UPDATE = api.UpdatePublicShareRequest.Update
_LONGEST = 500
"""Characters of a name, a note or a password."""

_ALLOWED = OWNER - {"add_grant", "update_grant", "remove_grant", "deny_grant"}
"""What a link can allow at most: nobody shares on through it."""

Shown = tuple["Link", "SpaceRow", tuple[str, ...]]


class LinkRpcs(Rpcs):
    """CreatePublicShare to RemovePublicShare, and GetPublicShareByToken."""

    @answers_async(api.CreatePublicShareResponse)
    async def CreatePublicShare(self, caller: Caller, request: Any) -> Any:
        """Make a link to an entry. The password is kept as a slow hash, made outside the worker thread."""
        grant = request.grant
        expires = nanoseconds(grant, "expiration")
        name = request.resource_info.arbitrary_metadata.metadata.get("name", "")
        for text in (name, request.description):
            _need_short(text)
        await self.site.run(lambda: self._linkable(caller, request.resource_info))
        password = await _hashed(grant.password)

        def make() -> Any:
            node, rights = self._linkable(caller, request.resource_info)
            link = self.site.links.add(
                node,
                rights & _ALLOWED & rights_in(grant.permissions.permissions),
                password=password,
                creator=caller.user.id,
                expires=expires,
                name=name,
                note=request.description,
            )
            return self._link_message(self._live_links([link])[0])

        return api.CreatePublicShareResponse(
            share=await self.site.run(make), opaque=self._address()
        )

    def _linkable(self, caller: Caller, info: Any) -> tuple[str, Rights]:
        """The entry that a ResourceInfo means, and what a caller who may share it may do there."""
        address = resolve(self.site, caller, resources.Reference(resource_id=info.id))
        place = self.site.tree.find(address.space, address.base, address.names)
        address.require("add_grant")
        if place.is_root and place.space.kind == "personal":
            raise Refused(Reason.NOT_ALLOWED, "A personal space as a whole cannot be shared.")
        return place.entry.id, address.rights

    @answers(api.ListPublicSharesResponse)
    def ListPublicShares(self, caller: Caller, request: Any) -> Any:
        """The links that the caller made, or to what is his own; those of a resource also to its project's members."""
        reply = api.ListPublicSharesResponse()
        wanted, reply.next_page_token = _page(self._told_links(caller, request.filters), request)
        reply.share.extend(self._link_message(shown) for shown in wanted)
        places = {
            link.id: (link.node, told_path(self.site, space, caller.user.id, way))
            for link, space, way in wanted
        }
        reply.opaque.CopyFrom(with_places(self.site, self._address(), places))
        return reply

    @answers(gateway.ListExistingPublicSharesResponse)
    def ListExistingPublicShares(self, caller: Caller, request: Any) -> Any:
        """As ListPublicShares, each with its resource."""
        if self.site.flavour.spaces:
            raise Refused(Reason.UNSUPPORTED, "not supported: list existing public shares")
        reply = gateway.ListExistingPublicSharesResponse(opaque=self._address())
        wanted, reply.next_page_token = _page(self._told_links(caller, request.filters), request)
        entries = self.site.tree.entries.by_ids([link.node for link, *_ in wanted])
        for shown in wanted:
            link, space, way = shown
            path = "/".join((mount_of(self.site, space, caller.user.id), *way))
            info = Describer(self.site, space, OWNER).info(entries[link.node], way, path)
            reply.share_infos.add(public_share=self._link_message(shown), resource_info=info)
        return reply

    @answers(api.GetPublicShareResponse)
    def GetPublicShare(self, caller: Caller, request: Any) -> Any:
        """A link of the caller's, by id or token."""
        shown = self._own_link(caller, request.ref)
        return api.GetPublicShareResponse(share=self._link_message(shown), opaque=self._address())

    @answers_async(api.UpdatePublicShareResponse)
    async def UpdatePublicShare(self, caller: Caller, request: Any) -> Any:
        """Change one thing of a link; its token stays."""
        update = request.update
        link, *_ = await self.site.run(lambda: self._own_link(caller, request.ref))
        if update.type == _UPDATE.TYPE_PERMISSIONS:
            rights = rights_in(update.grant.permissions.permissions) & _ALLOWED
            column, value = "rights", ""
        elif update.type == _UPDATE.TYPE_PASSWORD:
            column, value = "password", await _hashed(update.grant.password)
        elif update.type == _UPDATE.TYPE_DISPLAYNAME:
            column, value = "name", _need_short(update.display_name)
        elif update.type == _UPDATE.TYPE_DESCRIPTION:
            column, value = "note", _need_short(update.description)
        elif update.type != _UPDATE.TYPE_EXPIRATION:
            raise Refused(Reason.BAD_REQUEST, "This cannot be changed of a link.")

        def change() -> Any:
            self._own_link(caller, request.ref)
            if update.type == _UPDATE.TYPE_PERMISSIONS:
                allowed = write_rights(rights & self._rights_at(caller, link))
                self.site.links.change(link.id, column, allowed)
            elif update.type == _UPDATE.TYPE_EXPIRATION:
                self.site.links.change(link.id, "expires", nanoseconds(update.grant, "expiration"))
            else:
                self.site.links.change(link.id, column, value)
            changed = self.site.links.get(link.id) or link
            return self._link_message(self._live_links([changed])[0])

        return api.UpdatePublicShareResponse(share=await self.site.run(change))

    @answers(api.RemovePublicShareResponse)
    def RemovePublicShare(self, caller: Caller, request: Any) -> Any:
        """End a link; also what entered through it sees nothing from the next call on."""
        link, *_ = self._own_link(caller, request.ref)
        self.site.links.remove(link.id)
        return api.RemovePublicShareResponse()

    @answers_async(api.GetPublicShareByTokenResponse, token=False)
    async def GetPublicShareByToken(self, source: str, request: Any) -> Any:
        """What a link leads to, for whoever has its token and knows its password."""
        link = await self.site.enter_link(request.token, request.authentication.password, source)

        def tell() -> Any:
            return self._link_message(self._live_links([link])[0])

        return api.GetPublicShareByTokenResponse(share=await self.site.run(tell))

    def _told_links(self, caller: Caller, filters: Any) -> list[Shown]:
        wanted = [one.resource_id for one in filters if one.type == _FILTER.TYPE_RESOURCE_ID]
        owners = {one.owner.opaque_id for one in filters if one.type == _FILTER.TYPE_OWNER}
        creators = {one.creator.opaque_id for one in filters if one.type == _FILTER.TYPE_CREATOR}
        if not caller.scope:
            return []
        if wanted:
            nodes = {self._linked_entry(caller, one) for one in wanted} - {""}
            links = [
                link for link in self.site.links.on(nodes) if self._may(caller, link, "list_grants")
            ]
        else:
            links = self.site.links.given(caller.user.id)
        return [
            shown
            for shown in self._live_links(links)
            # A site of paths tells of links that have ended (facts/cs3.md §6.5).
            if not (self.site.flavour.spaces and shown[0].ended)
            and (not owners or (shown[1].owner or shown[0].creator) in owners)
            and (not creators or shown[0].creator in creators)
        ]

    def _linked_entry(self, caller: Caller, asked: Any) -> str:
        try:
            address = resolve(self.site, caller, resources.Reference(resource_id=asked))
            return self.site.tree.find(address.space, address.base, address.names).entry.id
        except Refused:
            return ""

    def _own_link(self, caller: Caller, ref: Any) -> Shown:
        """A link that the caller may change; raises Refused(MISSING)."""
        links = self.site.links
        link = links.by_token(ref.token) if ref.token else links.get(ref.id.opaque_id)
        shown = self._live_links([link]) if link and self._may(caller, link, "update_grant") else []
        if not shown or not caller.scope:
            raise Refused(Reason.MISSING, "public share not found")
        return shown[0]

    def _may(self, caller: Caller, link: Link, right: str) -> bool:
        """Whether the caller has a right to a link: as a member of its space, or as its maker who can enter still."""
        space = self.site.space_of(link.node)
        if space.kind == "personal" and space.owner == caller.user.id:
            return True
        if right in self.site.shares.granted(caller, [space.id]).get(space.id, NONE):
            return True
        return link.creator == caller.user.id and bool(self._rights_at(caller, link))

    def _rights_at(self, caller: Caller, link: Link) -> Rights:
        """What the caller may do now with what a link leads to: nobody can give more."""
        space = self.site.space_of(link.node)
        asked = resource_id(self.site, space, self.site.tree.names(space, link.node), link.node)
        try:
            return resolve(self.site, caller, resources.Reference(resource_id=asked)).rights
        except Refused:
            return NONE

    def _live_links(self, links: Sequence[Link]) -> list[Shown]:
        """Links whose entries are there, with space and way, in two queries."""
        ways = self.site.shares.ways(link.node for link in links)
        spaces = self.site.shares.spaces_of(link.node for link in links)
        return [
            (link, spaces[link.node], ways[link.node])
            for link in links
            if link.node in ways and link.node in spaces
        ]

    def _link_message(self, shown: Shown) -> messages.PublicShare:
        link, space, way = shown
        message = messages.PublicShare(
            token=link.token,
            resource_id=resource_id(self.site, space, way, link.node),
            permissions=messages.PublicSharePermissions(permissions=permissions(link.rights)),
            owner=user_id(self.site, space.owner or link.creator),
            creator=user_id(self.site, link.creator),
            ctime=timestamp(link.made),
            mtime=timestamp(link.changed),
            password_protected=bool(link.password),
            display_name=link.name,
            description=link.note,
        )
        message.id.opaque_id = link.id
        if link.expires:
            message.expiration.CopyFrom(timestamp(link.expires))
        return message

    def _address(self) -> Any:
        """What comes before the token in the address of a link: CS3 has no field for it."""
        return opaque(**{"link-address": f"{self.site.federation.origin}/s/"})


async def _hashed(password: str) -> str:
    _need_short(password)
    return await asyncio.to_thread(hash_password, password, os.urandom(16)) if password else ""


def _need_short(text: str) -> str:
    if len(text) > _LONGEST:
        raise Refused(
            Reason.BAD_REQUEST, f"A name, a note or a password has up to {_LONGEST} characters."
        )
    return text


def _page(items: list[Shown], request: Any) -> tuple[list[Shown], str]:
    known = [at for at, (link, *_) in enumerate(items) if link.id == request.page_token]
    if request.page_token:
        if not known:
            raise Refused(Reason.BAD_REQUEST, "The page_token is not known (any more).")
        items = items[known[0] + 1 :]
    size = request.page_size
    if size <= 0 or len(items) <= size:
        return items, ""
    return items[:size], items[size - 1][0].id
