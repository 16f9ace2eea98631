"""The code flow: a share's secret for a token that ends, in both roles (``facts/ocm.md`` §9)."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from jupyter_mesh.errors import SiteError, Withdrawn
from jupyter_mesh.node.ocm.addresses import host_of
from jupyter_mesh.node.ocm.reading import NotTaken

if TYPE_CHECKING:
    from jupyter_mesh.node.ocm.federation import Federation
    from jupyter_mesh.node.ocm.routes import Message
    from jupyter_mesh.node.ocm.rows import Received

__all__ = ["CodeFlow"]

LIFE = 3600
"""Seconds for which a token of ours is good; Reva asks for one before every single operation anyway."""

_GRANTS = ("authorization_code", "ocm_share")


class CodeFlow:
    """Gives tokens for secrets of our shares, and asks for those of others."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    async def asked(self, message: Message) -> tuple[int, dict[str, Any]]:
        """``POST /ocm/token``: a token for one share, opaque, good for an hour; may be asked for any number of times."""
        try:
            pairs = parse_qsl(
                message.body.decode(),
                keep_blank_values=True,
                max_num_fields=16,
                strict_parsing=True,
            )
        except ValueError:
            return 400, {"error": "invalid_request"}
        form = dict(pairs)
        if len(form) != len(pairs):
            return 400, {"error": "invalid_request"}
        if form.get("grant_type") not in _GRANTS:
            return 400, {"error": "unsupported_grant_type"}
        code, client = form.get("code", ""), form.get("client_id", "").lower()
        if not code or not client:
            return 400, {"error": "invalid_request"}
        federation = self._federation
        share = await federation.site.run(lambda: federation.store.given_by_secret(code))
        if share is None or client not in (share.domain, host_of(share.domain)):
            return 400, {"error": "invalid_grant"}
        try:
            await federation.verify(message, share.domain, once=False)
        except NotTaken as error:
            if error.status in (401, 403):
                return 400, {"error": "invalid_client"}
            raise
        token = secrets.token_urlsafe(32)
        now = int(time.time())
        expires = min(now + LIFE, share.expires or now + LIFE)
        await federation.site.run(lambda: federation.store.add_token(token, share.id, expires))
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": expires - now}

    async def exchange(self, share: Received) -> tuple[str, float]:
        """A token for the secret of a received share, and the seconds it is good for.

        Raises Withdrawn when the other site does not know the secret any more, else MeshError.
        """
        federation = self._federation
        peer = await federation.discovery.of(share.domain)
        if not peer.exchanges:
            raise SiteError(f"{share.domain} asks for a token, and does not say where to get one.")
        reply = await federation.client.post_form(
            peer.token_end_point,
            {
                "grant_type": "authorization_code",
                "client_id": federation.domain,
                "code": share.secret,
            },
        )
        answer = reply.json()
        if answer.get("error") == "invalid_grant" or reply.status == 404:
            raise Withdrawn(f'"{share.name}" is no longer shared by {share.domain}.')
        token, life = answer.get("access_token"), answer.get("expires_in")
        if not 200 <= reply.status < 300 or not isinstance(token, str) or not token.isprintable():
            raise SiteError(f"{share.domain} gives no token for the share (status {reply.status}).")
        good = float(life) if isinstance(life, int | float) and not isinstance(life, bool) else 0.0
        return token, max(0.0, min(good, 86400.0))
