"""What others of one's own site share with the user: listed, answered, left."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as sharing
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as rs
from google.protobuf.field_mask_pb2 import FieldMask

from jupyter_mesh.cs3.grants import has_ended, received_of, state_to
from jupyter_mesh.cs3.people import People
from jupyter_mesh.errors import (
    InvalidRequest,
    MeshError,
    NotFound,
    NotSupported,
    SiteError,
    Withdrawn,
)
from jupyter_mesh.models import ShareState
from jupyter_mesh.paths import name_of

if TYPE_CHECKING:
    from jupyter_mesh.models import ReceivedShare

__all__ = ["Received"]


class Received(People):
    """Received shares. Leaving one is declining it: a Delete would reach the owner's files."""

    async def received_shares(self) -> list[ReceivedShare]:
        """What others of this site share with the user; ended ones are left out. One listing.

        An accepted one has the path that it is opened by. The name of a pending one is "" where the site does
        not tell it.
        """
        told = await self._places.received()
        found = []
        for received, info, entry in told:
            path, name = (entry.space.path, entry.space.name) if entry else ("", received.alias)
            name = name or name_of(received.mount_point.path)
            if info is None and entry is not None:
                info = entry.info
            share = received_of(received, info, path, name)
            if has_ended(share.expires):
                continue
            gone = entry is None and not self._places.local.is_unsure(share.id)
            if share.state is ShareState.ACCEPTED and gone:
                # Accepted, and nothing is there to be opened: the owner has deleted it.
                share = replace(share, state=ShareState.WITHDRAWN)
            found.append(
                replace(
                    share,
                    owner=self.known_user(share.owner),
                    sender=self.known_user(share.sender),
                )
            )
        return found

    async def answer_share(self, received: ReceivedShare, state: ShareState) -> ReceivedShare:
        """Accept or decline a received share, and return it as it is then. UpdateReceivedShare.

        Raises Withdrawn if it is no longer shared.
        """
        if state is ShareState.WITHDRAWN:
            raise InvalidRequest("Only the owner can end a share. Decline it instead.")
        verb = "accept" if state is ShareState.ACCEPTED else "decline"
        changed = rs.ReceivedShare(state=state_to(state))
        return await self._answer_received(received, changed, "state", verb)

    async def hide_share(self, received: ReceivedShare, hidden: bool = True) -> ReceivedShare:
        """Leave a received share out of sight, or show it again. UpdateReceivedShare.

        Raises Withdrawn, and NotSupported where the site says OK and does not do it.
        """
        verb = "hide" if hidden else "show"
        changed = rs.ReceivedShare(hidden=hidden)
        found = await self._answer_received(received, changed, "hidden", verb)
        if found.is_hidden is not hidden:
            raise NotSupported(
                f"Could not {verb} {found.name or 'the share'}: {self.site} does not keep what is hidden."
            )
        return found

    async def _answer_received(
        self, received: ReceivedShare, changed: Any, field: str, verb: str
    ) -> ReceivedShare:
        doing = f"{verb} {received.name or 'the share'}"
        changed.share.id.opaque_id = received.id
        request = sharing.UpdateReceivedShareRequest(
            share=changed, update_mask=FieldMask(paths=[field])
        )
        refused: MeshError | None = None
        try:
            await self._call("UpdateReceivedShare", request, doing)
        except (NotFound, SiteError, InvalidRequest) as error:
            # Sites say INTERNAL for a share that is no more.
            refused = error
        self._places.forget()
        for share in await self.received_shares():
            if share.id == received.id:
                if refused is not None:
                    raise refused
                return share
        raise Withdrawn(f"Could not {doing}: it is no longer shared with you.") from refused
