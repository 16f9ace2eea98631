"""Shares with people at other sites (OCM), given and received, with the guards that real sites need.

What real sites answer and leave undone stands in ``facts/ocm.md`` §16 and §22 and ``facts/ocm-wire.md``.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cs3.sharing.ocm.v1beta1 import ocm_api_pb2 as ocm_api
from cs3.sharing.ocm.v1beta1 import resources_pb2 as ocm
from google.protobuf.field_mask_pb2 import FieldMask

from jupyter_mesh.cs3.endings import JUST_NOW
from jupyter_mesh.cs3.grants import has_ended, stamp_of
from jupyter_mesh.cs3.invitations import Invitations, named
from jupyter_mesh.cs3.located import Located, Told, told_places
from jupyter_mesh.cs3.ocm import (
    access_of,
    granted,
    grantee_to,
    received_of,
    share_of,
    state_to,
)
from jupyter_mesh.cs3.shares import lost
from jupyter_mesh.cs3.trees import settled
from jupyter_mesh.cs3.wire import opaque, resource_id_to
from jupyter_mesh.errors import (
    AlreadyExists,
    InvalidRequest,
    MeshError,
    NotAllowed,
    NotFound,
    NotSupported,
    SiteError,
    Unavailable,
)
from jupyter_mesh.models import UNCHANGED, GranteeKind, Role, ShareState
from jupyter_mesh.paths import MeshPath, join, name_of

if TYPE_CHECKING:
    from jupyter_mesh.models import Grantee, ReceivedShare, ResourceId, Share, Unchanged

__all__ = ["Federation"]

SKEW = 300.0
"""Seconds by which the clocks of this machine and of a site may differ."""


class Federation(Invitations, Located):
    """Shares between sites. Secrets of shares stay in the site's messages and are never read."""

    async def share_with_contact(
        self,
        path: str,
        contact: Grantee,
        role: Role,
        *,
        expires: datetime | None = None,
        note: str = "",
    ) -> Share:
        """Share a file or folder with a contact. Stat, GetInfoByDomain, CreateOCMShare.

        A site that drops the access it was asked for is found out, and the share removed. ``note`` reaches the
        other side where the own site sends it. Raises AlreadyExists, NotFound (of the path, or of a contact
        that is none any more), NotSupported for a role that sites do not give each other.
        """
        doing = f"share {path} with {_called(contact)}"
        self._must_be_possible(contact, role, expires, doing)
        found, grantee, provider = await asyncio.gather(
            self._stat(await self._place(MeshPath.parse(path))),
            self._remote_user(contact),
            self._provider(contact.idp),
        )
        if found.id is None:
            raise NotSupported(f"Could not {doing}: {self.site} gives it no id.")
        request = ocm_api.CreateOCMShareRequest(
            resource_id=resource_id_to(found.id),
            grantee=grantee_to(grantee),
            recipient_mesh_provider=provider,
            access_methods=[access_of(role)],
            opaque=opaque({"description": note}) if note else None,
            expiration=None if expires is None else stamp_of(expires),
        )
        share = (await self._create_share(request, contact, doing)).share
        if granted(share) is not role:
            await self._unshare(share.id.opaque_id, doing)
            raise NotSupported(
                f"Could not {doing}: {self.site} does not give this kind of access to other sites."
            )
        made = share_of(share, await self.domain(), path=path)
        return replace(
            made,
            grantee=contact,
            kind=found.kind,
            name=made.name or name_of(path),
            expires=expires,
            note=note,
        )

    async def federated_shares(self, path: str = "") -> list[Share]:
        """What the user shares with contacts, or only the shares of ``path`` itself, latest first. ListOCMShares.

        Shares whose time is over are left out, and ended here since no site does it. Paths and kinds are told
        where the site tells them with the shares.
        """
        root: ResourceId | None = None
        if path:
            root = (await self._stat(await self._place(MeshPath.parse(path)))).id
            if root is None:
                return []
        found = await self._given(root, path)
        await self._expire(found)
        found = [share for share in found if not has_ended(share.expires)]
        found.sort(key=_age, reverse=True)
        names = await self._names() if found else {}
        return [replace(share, grantee=named(share.grantee, names)) for share in found]

    async def update_federated_share(
        self,
        share: Share,
        *,
        role: Role | Unchanged = UNCHANGED,
        expires: datetime | Unchanged | None = UNCHANGED,
    ) -> Share:
        """Change a share with a contact, and nothing that was changed elsewhere meanwhile. ListOCMShares, UpdateOCMShare.

        It may have another id afterwards, and be accepted anew. Some sites say OK and change nothing: what does not read back is removed and made again. If that fails
        the old share is made again. Raises NotFound if the share is gone.
        """
        doing = f"change the share of {_what(share)} with {_called(share.grantee)}"
        share = await self.current_federated_share(share, doing)
        wanted = replace(
            share,
            role=share.role if role is UNCHANGED else role,
            expires=share.expires if expires is UNCHANGED else expires,
        )
        self._must_be_possible(share.grantee, wanted.role, wanted.expires, doing)
        if (wanted.role, wanted.expires) == (share.role, share.expires):
            return share
        with suppress(SiteError, NotSupported, InvalidRequest):
            await self._call("UpdateOCMShare", self._update_of(share, wanted), doing)
        there, was_changed = await self._look_again(share, doing)
        if was_changed and there.role is wanted.role and _same_time(there.expires, wanted.expires):
            return replace(wanted, id=there.id)
        return await self._replaced(share, wanted, doing)

    async def current_federated_share(self, share: Share, doing: str = "look at a share") -> Share:
        """A share that was listed earlier, with what it allows now. ListOCMShares; raises NotFound if it is gone."""
        now, _ = await self._look_again(share, doing)
        return replace(share, role=now.role, expires=now.expires)

    async def remove_federated_share(self, share: Share) -> None:
        """Stop sharing with a contact; no error if it has ended already. RemoveOCMShare."""
        doing = f"stop sharing {_what(share)} with {_called(share.grantee)}"
        await self._unshare(share.id, doing)

    async def received_federated_shares(self) -> list[ReceivedShare]:
        """What people at other sites share with the user, in every state, latest first. ListReceivedOCMShares.

        Accepted ones have the path at which they open. Those that were found to have ended, which sites list for
        ever, are left out.
        """
        messages = await self._places.remote.listed(JUST_NOW)
        paths = await self._places.remote_paths()
        open_ = [
            message
            for message in messages
            if not self._places.remote.endings.is_withdrawn(message.id.opaque_id)
        ]
        if not open_:
            return []
        own, names = await self.domain(), await self._names()

        def read() -> list[ReceivedShare]:
            found = [received_of(message, own) for message in open_]
            found = [
                replace(
                    share,
                    path=paths.get(share.id, "") if share.state is ShareState.ACCEPTED else "",
                    owner=named(share.owner, names),
                    sender=named(share.sender, names),
                )
                for share in found
                if not has_ended(share.expires)
            ]
            found.sort(key=_age, reverse=True)
            return found

        return await asyncio.to_thread(read)

    async def looked_at_received(self, within: float) -> bool:
        """Wait for the looks at open shares that a listing has begun, at most ``within`` seconds.

        False if there are none, or no time is left; what was found to have ended is not listed any more.
        """
        return await self._places.remote.endings.looked(within)

    async def remote_owner(self, path: str) -> Grantee | None:
        """Whom a path belongs to that another site shares with the user; None for any other. No request of its own."""
        parsed = MeshPath.parse(path)
        share = await self._places.remote_share(join(parsed.area, parsed.space))
        message = self._places.remote.known(share) if share else None
        if message is None:
            return None
        return named(received_of(message, await self.domain()).owner, await self._names())

    async def answer_federated_share(
        self, received: ReceivedShare, state: ShareState
    ) -> ReceivedShare:
        """Accept or decline. UpdateReceivedOCMShare, a listing, and a Stat of what was accepted.

        Raises Withdrawn if the other side has ended it meanwhile, NotFound, InvalidRequest.
        """
        doing = f'{"accept" if state is ShareState.ACCEPTED else "decline"} "{received.name}"'
        if state not in (ShareState.ACCEPTED, ShareState.DECLINED, ShareState.PENDING):
            raise InvalidRequest(f"Could not {doing}: {state} is no answer.")
        if state is ShareState.ACCEPTED and has_ended(received.expires):
            raise InvalidRequest(f"Could not {doing}: its time is over. Ask for a new share.")
        await self._answer(received, doing, "state", state=state_to(state))
        for share in await self.received_federated_shares():
            if share.id == received.id:
                if share.path:
                    with suppress(Unavailable):
                        await self._stat(await self._place(MeshPath.parse(share.path)))
                return share
        await self._places.remote.endings.must_not_have_ended(received.id)
        return replace(received, state=state, path="")

    async def hide_federated_share(self, received: ReceivedShare, hidden: bool) -> ReceivedShare:
        """Leave a received share out of sight, or show it again. Raises NotSupported where the site cannot."""
        doing = f'{"hide" if hidden else "show"} "{received.name}"'
        try:
            await self._answer(received, doing, "hidden", hidden=hidden)
        except SiteError as error:
            raise NotSupported(
                f"Could not {doing}: {self.site} cannot hide what comes from other sites."
            ) from error
        return replace(received, is_hidden=hidden)

    def _must_be_possible(
        self, contact: Grantee, role: Role, expires: datetime | None, doing: str
    ) -> None:
        if contact.kind is not GranteeKind.CONTACT:
            raise InvalidRequest(f"Could not {doing}: that is nobody at another site.")
        if role not in (Role.VIEWER, Role.EDITOR):
            raise NotSupported(
                f"Could not {doing}: other sites can be given viewing or editing only."
            )
        if expires is not None and expires <= datetime.now(UTC):
            raise InvalidRequest(f"Could not {doing}: its end lies in the past.")

    async def _create_share(self, request: Any, contact: Grantee, doing: str) -> Any:
        try:
            return await self._call("CreateOCMShare", request, doing)
        except AlreadyExists as error:
            raise AlreadyExists(
                f"Could not {doing}: it is shared with them already. Change that share instead.",
                trace=error.trace,
            ) from error
        except (InvalidRequest, NotAllowed) as error:
            raise NotAllowed(
                f"Could not {doing}: {contact.idp} does not take shares from you. You may not be a contact there "
                "any more: send a new invitation.",
                trace=error.trace,
            ) from error
        except SiteError as error:
            raise SiteError(
                f"Could not {doing}: {contact.idp} did not take it. Try again later; if it happens again, "
                "send a new invitation or tell your operators.",
                trace=error.trace,
            ) from error

    async def _given(self, root: ResourceId | None, path: str) -> list[Share]:
        """Shares as the site lists them; those of one resource with ``root``."""
        own = await self.domain()
        request = ocm_api.ListOCMSharesRequest()
        if root is not None:
            kind = ocm_api.ListOCMSharesRequest.Filter.TYPE_RESOURCE_ID
            request.filters.add(type=kind, resource_id=resource_id_to(root))
        doing = "list what you share with other sites"
        replies = await self._places.replies("ListOCMShares", request, doing)

        def read() -> list[tuple[Share, Told | None]]:
            listed = []
            for reply in replies:
                places: dict[str, Told] = {} if path else told_places(reply)
                for message in reply.shares:
                    share = share_of(message, own, path=path)
                    listed.append((share, places.get(share.id)))
            return listed

        found = await self._placed(await asyncio.to_thread(read))
        if root is not None:
            # Reva leaves the id of the space out.
            found = [
                share
                for share in found
                if (share.resource.storage, share.resource.opaque) == (root.storage, root.opaque)
            ]
        return found

    async def _messages(self, request: Any) -> list[Any]:
        """The site's own messages about shares that were given."""
        return await self._places.pages(
            "ListOCMShares", request, "shares", "list what you share with other sites"
        )

    async def _expire(self, shares: list[Share]) -> None:
        """End those whose time is over; one that the site does not let go is tried again the next time.

        Not before it is over by every clock that goes nearly right: what was ended is not there any more.
        """
        for share in shares:
            if has_ended(share.expires, SKEW):
                with suppress(MeshError):
                    await self._unshare(share.id, "end a share whose time is over")

    async def _unshare(self, share: str, doing: str) -> None:
        request = ocm_api.RemoveOCMShareRequest(
            ref=ocm.ShareReference(id=ocm.ShareId(opaque_id=share))
        )
        try:
            await self._call("RemoveOCMShare", request, doing)
        except NotFound:
            return
        except SiteError:
            # OpenCloud says INTERNAL for a share that is no more.
            if any(there.id == share for there in await self._given(None, "")):
                raise

    @staticmethod
    def _update_of(share: Share, wanted: Share) -> Any:
        request = ocm_api.UpdateOCMShareRequest(
            ref=ocm.ShareReference(id=ocm.ShareId(opaque_id=share.id))
        )
        if wanted.role is not share.role:
            request.field.add(access_methods=access_of(wanted.role))
        if wanted.expires != share.expires:
            end = wanted.expires
            request.field.add(
                expiration=stamp_of(end or datetime.fromtimestamp(0, UTC)),
            )
        return request

    async def _look_again(self, share: Share, doing: str) -> tuple[Share, bool]:
        """A share as the site has it, and whether it was ever changed: OpenCloud tells the new role, keeps the time,
        and goes on giving the old access."""
        for message in await self._messages(ocm_api.ListOCMSharesRequest()):
            if message.id.opaque_id == share.id:
                # Times in whole seconds tell nothing: both can lie in the same one.
                kept = message.ctime.nanos and message.mtime == message.ctime
                return share_of(message, await self.domain()), not kept
        raise NotFound(f"Could not {doing}: it has ended.")

    async def _replaced(self, share: Share, wanted: Share, doing: str) -> Share:
        """The share removed and made again; as it was, if the new one cannot be made."""
        path = share.path or f".id/{share.resource}"

        async def make(model: Share) -> Share:
            return await self.share_with_contact(
                path, model.grantee, model.role, expires=model.expires, note=model.note
            )

        async def replaced() -> Share:
            await self._unshare(share.id, doing)
            try:
                made = await make(wanted)
            except MeshError as error:
                try:
                    await make(share)
                except AlreadyExists:
                    pass  # Somebody else has shared it with them in the meantime.
                except MeshError:
                    raise lost(error, share.grantee) from error
                raise
            return replace(made, path=share.path, name=share.name or made.name)

        # Whatever is known to be in the way of a new one leaves the old one as it is.
        await asyncio.gather(
            self._stat(await self._place(MeshPath.parse(path))),
            self._remote_user(share.grantee),
            self._provider(share.grantee.idp),
        )
        # Between the two steps there is no share: whoever waits may go, the steps are finished.
        return await settled(replaced())

    async def _answer(self, received: ReceivedShare, doing: str, field: str, **value: Any) -> None:
        message = ocm.ReceivedShare(id=ocm.ShareId(opaque_id=received.id), **value)
        request = ocm_api.UpdateReceivedOCMShareRequest(
            share=message, update_mask=FieldMask(paths=[field])
        )
        try:
            await self._call("UpdateReceivedOCMShare", request, doing)
        finally:
            self._places.forget()


def _age(share: Share | ReceivedShare) -> datetime:
    return share.created or datetime.fromtimestamp(0, UTC)


def _called(contact: Grantee) -> str:
    return contact.name or contact.username or contact.id


def _what(share: Share) -> str:
    return share.path or share.name or "a file"


def _same_time(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return int(one.timestamp()) == int(other.timestamp())
