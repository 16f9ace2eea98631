"""RPCs about sharing. This site shares nothing yet, and says so: every list is there, and empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cs3.gateway.v1beta1 import gateway_api_pb2 as gateway
from cs3.sharing.link.v1beta1 import link_api_pb2 as links

from jupyter_mesh.node.rpc import Rpcs, answers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["SharingRpcs"]


def _nothing(reply: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    @answers(reply)
    def empty(_self: Rpcs, _caller: Any, _request: Any) -> Any:
        return reply()

    return empty


class SharingRpcs(Rpcs):
    """The lists of shares, links and contacts."""

    ListPublicShares = _nothing(links.ListPublicSharesResponse)
    ListExistingPublicShares = _nothing(gateway.ListExistingPublicSharesResponse)
