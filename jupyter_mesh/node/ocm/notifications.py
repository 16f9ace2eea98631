"""Notes between sites about shares: best effort, in the background, believed only from whom they concern.

Reva and OpenCloud answer them and do nothing (``facts/ocm.md`` §11): nobody may rely on one.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from typing import TYPE_CHECKING, Any

from jupyter_mesh.errors import MeshError
from jupyter_mesh.node.ocm.reading import Fields, NotTaken
from jupyter_mesh.node.refusal import Refused

if TYPE_CHECKING:
    from jupyter_mesh.node.ocm.federation import Federation
    from jupyter_mesh.node.ocm.routes import Message
    from jupyter_mesh.node.ocm.rows import Given, Received

__all__ = ["Notifications"]

log = logging.getLogger(__name__)
_TRIES = (0.0, 1.0, 5.0, 30.0)
"""Seconds to wait before each try."""
_MOST_WAITING = 1000


class Notifications:
    """Sends notes, and follows those that arrive. ``close`` gives up what was not sent yet."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation
        self._sending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def close(self) -> None:
        """Give up what was not sent yet."""
        self._closed = True
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def unshared(self, share: Given) -> None:
        """Tell the receiver's site that a share of ours has ended."""
        note = {"sharedSecret": share.secret, "grantee": f"{share.grantee}@{share.domain}"}
        self._send(share.domain, "SHARE_UNSHARED", share.id, share.folder, note)

    def changed(self, share: Given, protocol: dict[str, Any]) -> None:
        """Tell the receiver's site what a share of ours allows now, as ownCloud words it."""
        note = {"grantee": f"{share.grantee}@{share.domain}", "protocol": protocol}
        self._send(share.domain, "SHARE_CHANGE_PERMISSION", share.id, share.folder, note)

    def answered(self, share: Received, state: str) -> None:
        """Tell the sender's site that our user has accepted or declined."""
        kind = "SHARE_ACCEPTED" if state == "accepted" else "SHARE_DECLINED"
        note = {"sharedSecret": share.secret}
        self._send(share.domain, kind, share.provider_id, not share.is_file, note)

    def _send(
        self, domain: str, kind: str, provider_id: str, folder: bool, note: dict[str, Any]
    ) -> None:
        if self._closed or len(self._sending) >= _MOST_WAITING:
            return
        body = {
            "notificationType": kind,
            "resourceType": "folder" if folder else "file",
            "providerId": provider_id,
            "notification": note,
        }
        task = asyncio.ensure_future(self._try(domain, body))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _try(self, domain: str, body: dict[str, Any]) -> None:
        for pause in _TRIES:
            await asyncio.sleep(pause)
            try:
                await self._federation.require_trust(domain)
                peer = await self._federation.discovery.of(domain)
                reply = await self._federation.client.post_json(
                    f"{peer.end_point}/notifications", body
                )
            except MeshError:
                continue
            except Refused:
                return
            if reply.status < 500 and reply.status != 429:
                return

    async def arrived(self, message: Message) -> tuple[int, dict[str, str]]:
        """``POST /ocm/notifications``: a peer tells about a share, ours or one that it gave."""
        fields = Fields.of(message.body)
        kind = fields.text("notificationType", required=True)
        provider_id = fields.identifier("providerId")
        note = fields.object("notification")
        secret = note.text("sharedSecret") if note is not None else ""
        protocol = note.object("protocol") if note is not None else None
        webdav = protocol.object("webdav") if protocol is not None else None
        permissions = webdav.words("permissions") if webdav is not None else ()
        fields.done()
        domain = await self._federation.signer_of(message)
        match kind:
            case "SHARE_ACCEPTED" | "SHARE_DECLINED":
                answer = kind.removeprefix("SHARE_").lower()
                await self._answer(provider_id, domain, secret, answer)
            case "SHARE_UNSHARED":
                await self._withdraw(provider_id, domain, secret)
            case "SHARE_CHANGE_PERMISSION" if webdav is not None:
                await self._change(provider_id, domain, editor="write" in permissions)
            case "REQUEST_RESHARE" | "RESHARE_UNDO" | "RESHARE_CHANGE_PERMISSION":
                raise NotTaken(501, "This site does not share on what was shared with it.")
            case _:
                raise NotTaken(
                    400, "This note is not known here.", notificationType="is not known here"
                )
        return 201, {}

    async def _answer(self, provider_id: str, domain: str, secret: str, answer: str) -> None:
        store = self._federation.store

        def keep() -> None:
            share = store.given(provider_id)
            if share is not None and self._concerns(share, domain, secret):
                store.answered_given(share.id, answer)

        await self._federation.site.run(keep)

    async def _withdraw(self, provider_id: str, domain: str, secret: str) -> None:
        store = self._federation.store

        def keep() -> None:
            for share in store.received_called(provider_id):
                if self._concerns(share, domain, secret):
                    store.withdrawn(share.id)

        await self._federation.site.run(keep)

    async def _change(self, provider_id: str, domain: str, *, editor: bool) -> None:
        store = self._federation.store

        def keep() -> None:
            for share in store.received_from(domain, provider_id):
                store.change_received(share.id, editor=editor)

        if domain:
            await self._federation.site.run(keep)

    def _concerns(self, share: Given | Received, domain: str, secret: str) -> bool:
        """True when a note comes from the other side of a share: signed, or else knowing its secret."""
        if domain:
            return share.domain == domain
        if self._federation.settings.require_signatures or not secret:
            return False
        known = self._federation.discovery.known(share.domain)
        # A peer that signs would have signed.
        return hmac.compare_digest(share.secret.encode(), secret.encode()) and not (
            known is not None and known.signs
        )
