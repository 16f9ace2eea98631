"""RPCs about what others share with one: list, accept, decline, hide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.sharing.collaboration.v1beta1 import collaboration_api_pb2 as api
from cs3.sharing.collaboration.v1beta1 import resources_pb2 as messages

from jupyter_mesh.node.refusal import Reason, Refused
from jupyter_mesh.node.rpc import Rpcs, answers
from jupyter_mesh.node.share_messages import FILTER, ShareMessages, by_type, page, passes, unknown

if TYPE_CHECKING:
    from jupyter_mesh.node.address import Caller
    from jupyter_mesh.node.share_messages import Shown

__all__ = ["ReceivedRpcs"]


class ReceivedRpcs(Rpcs):
    """ListReceivedShares, ListExistingReceivedShares, GetReceivedShare, UpdateReceivedShare."""

    @answers(api.ListReceivedSharesResponse)
    def ListReceivedShares(self, caller: Caller, request: Any) -> Any:
        """What others share with the caller, or with groups of his, whatever he made of it."""
        reply = api.ListReceivedSharesResponse()
        wanted, reply.next_page_token = page(self._received(caller, request.filters), request)
        reply.shares.extend(shown.message for shown in wanted)
        return reply

    @answers(gateway.ListExistingReceivedSharesResponse)
    def ListExistingReceivedShares(self, caller: Caller, request: Any) -> Any:
        """As ListReceivedShares, each with its resource."""
        if self.site.flavour.spaces:
            raise Refused(Reason.UNSUPPORTED, "not supported: list existing received shares")
        reply = gateway.ListExistingReceivedSharesResponse()
        wanted, reply.next_page_token = page(self._received(caller, request.filters), request)
        for shown, info in ShareMessages(self.site).described(caller, wanted):
            reply.share_infos.add(received_share=shown.message, resource_info=info)
        return reply

    @answers(api.GetReceivedShareResponse)
    def GetReceivedShare(self, caller: Caller, request: Any) -> Any:
        """One received share by its id."""
        share = request.ref.id.opaque_id
        known = self.site.shares.received(caller.user.id, share) if share and caller.scope else []
        shown = ShareMessages(self.site).received(known)
        if not shown:
            raise unknown(share)
        return api.GetReceivedShareResponse(share=shown[0].message)

    @answers(api.UpdateReceivedShareResponse)
    def UpdateReceivedShare(self, caller: Caller, request: Any) -> Any:
        """Accept, decline, hide, or name the mount. The resource itself stays as it is."""
        wish, share = request.share, request.share.share.id.opaque_id
        if not share:
            raise Refused(Reason.NO_ID, "updating requires a received share object")
        fields = set(request.update_mask.paths)
        if not fields or not fields <= {"state", "hidden", "mount_point"}:
            raise Refused(Reason.BAD_REQUEST, "updating this field is not supported")
        if "state" in fields and wish.state not in messages.ShareState.values()[1:]:
            raise Refused(Reason.BAD_REQUEST, "this is not a state of a share")
        name = wish.mount_point.path.strip("/").removeprefix("./")
        if "mount_point" in fields and (not name or "/" in name or name in (".", "..")):
            raise Refused(Reason.BAD_REQUEST, "a mount point is a name")
        if not caller.scope:
            raise unknown(share)
        answered = self.site.shares.answer(
            caller.user.id,
            share,
            state=wish.state if "state" in fields else None,
            hidden=wish.hidden if "hidden" in fields else None,
            name=name if "mount_point" in fields else "",
        )
        shown = ShareMessages(self.site).received([answered])
        if not shown:
            raise unknown(share)
        return api.UpdateReceivedShareResponse(share=shown[0].message)

    def _received(self, caller: Caller, filters: Any) -> list[Shown]:
        if not caller.scope:
            return []
        kinds = by_type(filters)
        states = {one.state for one in kinds.pop(FILTER.TYPE_STATE, ())}
        received = self.site.shares.received(caller.user.id)
        if states:
            received = [one for one in received if one.state in states]
        shown = ShareMessages(self.site).received(received)
        return [one for one in shown if passes(kinds, one)]
