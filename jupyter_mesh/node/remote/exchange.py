"""The way of received shares to their peers: requests, and tokens for secrets that must be exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_mesh.errors import NotAllowed, SiteError, Withdrawn

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping
    from contextlib import AbstractAsyncContextManager

    import aiohttp

    from jupyter_mesh.node.ocm.federation import Federation
    from jupyter_mesh.node.ocm.wanted import Received

__all__ = ["PeerSites"]

_SHORTEST, _LONGEST = 60.0, 86400.0
_LONGEST_TOKEN = 8192


class PeerSites:
    """What ``wanted.Peers`` promises, by the client of a federation."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | AsyncIterable[bytes] | None = None,
        patience: float = 30.0,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """As ``PeerClient.request``."""
        return self._federation.client.request(
            method, url, headers=headers, data=data, patience=patience
        )

    async def exchange(self, share: Received) -> tuple[str, float]:
        """A token for the secret of a share, and the seconds it is good for (``facts/ocm.md`` §9).

        Raises Withdrawn when the peer does not know the secret any more, else MeshError.
        """
        peer = await self._federation.discovery.of(share.domain)
        if not peer.token_end_point:
            raise SiteError(f"{share.domain} wants a token for what it shares, and gives none.")
        form = {
            "grant_type": "authorization_code",
            "client_id": self._federation.domain,
            "code": share.secret,
        }
        reply = await self._federation.client.post_form(peer.token_end_point, form)
        told = reply.json()
        if reply.status != 200:
            if told.get("error") == "invalid_grant":
                raise Withdrawn(f'"{share.name}" is no longer shared by {share.domain}.')
            if reply.status in (400, 401, 403):
                raise NotAllowed(f"{share.domain} gives this site no token for what it shares.")
            raise SiteError(f"{share.domain} answered {reply.status} where it gives tokens.")
        token, seconds = told.get("access_token"), told.get("expires_in")
        if (
            not isinstance(token, str)
            or not token.isascii()
            or not token.isprintable()
            or not 0 < len(token) <= _LONGEST_TOKEN
        ):
            raise SiteError(f"{share.domain} answers no token where it gives tokens.")
        lasts = float(seconds) if isinstance(seconds, int | float) else _SHORTEST
        return token, min(max(lasts, _SHORTEST), _LONGEST)
