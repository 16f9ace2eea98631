"""Shares over sites: made and sent, received and answered (``facts/ocm.md`` §7)."""

from __future__ import annotations

import logging
import secrets
import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from jupyter_mesh.errors import AlreadyExists, NotFound, SiteError
from jupyter_mesh.node.ocm.addresses import sent_id, spellings
from jupyter_mesh.node.ocm.discovery import WEBDAV_ROOT
from jupyter_mesh.node.ocm.offer import protocol_of, read_offer, write_offer
from jupyter_mesh.node.ocm.reading import NotTaken, shown
from jupyter_mesh.node.ocm.rows import Given, Received
from jupyter_mesh.node.refusal import Reason, Refused

if TYPE_CHECKING:
    from jupyter_mesh.node.ocm.federation import Federation
    from jupyter_mesh.node.ocm.offer import Offer
    from jupyter_mesh.node.ocm.routes import Message
    from jupyter_mesh.node.tree import Place
    from jupyter_mesh.node.users import UserRow

__all__ = ["RemoteShares"]

log = logging.getLogger(__name__)
MOST_FROM_ONE_SITE = 10_000
"""Shares that one user keeps from one other site: a peer cannot fill the disk."""


class RemoteShares:
    """Gives shares to contacts, and takes those of theirs."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    def url(self, share: Given) -> str:
        """Where a share of ours is read."""
        root = WEBDAV_ROOT[self._federation.site.flavour.name]
        return f"{self._federation.origin}{root}/{share.id}"

    async def give(
        self,
        sharer: UserRow,
        place: Place,
        grantee: str,
        domain: str,
        *,
        editor: bool,
        must_exchange: bool,
        expires: int,
        note: str,
    ) -> tuple[Given, str]:
        """Share a file or folder with a contact; returns the share and what the other site calls the receiver.

        Raises Refused: BAD_PARTNER when it is no contact, here or there, or the site is not trusted, EXISTS,
        UNSUPPORTED; MeshError when the other site does not take it. Then nothing is shared.
        """
        federation = self._federation
        store, run = federation.store, federation.site.run
        contact = await run(lambda: store.contact(sharer.id, grantee, domain))
        if contact is None:
            raise Refused(
                Reason.BAD_PARTNER, "service is not trusted: this is not one of your contacts"
            )
        await federation.require_trust(domain)
        peer = await federation.discovery.of(domain)
        must_exchange = must_exchange or "must-exchange-token" in peer.criteria
        if must_exchange and not peer.exchanges:
            raise Refused(Reason.UNSUPPORTED, f"{domain} does not exchange secrets for tokens.")
        now = int(time.time())
        owner = place.space.owner
        share = Given(
            id=str(uuid.uuid4()),
            space=place.space.id,
            entry=place.entry.id,
            owner=owner if owner and not owner.startswith("@") else sharer.id,
            sharer=sharer.id,
            name=place.names[-1] if place.names else place.space.name,
            folder=bool(place.entry.folder),
            grantee=grantee,
            domain=domain,
            editor=editor,
            must_exchange=must_exchange,
            secret=secrets.token_urlsafe(32),
            expires=expires,
            created=now,
            modified=now,
            answer="unsent",
            note=note[:4096],
        )

        def keep() -> UserRow:
            try:
                store.add_given(share)
            except AlreadyExists as error:
                raise Refused(Reason.EXISTS, str(error)) from None
            try:
                return federation.site.people.by_id(share.owner)
            except NotFound:
                return sharer

        # Kept first: the other site may look at once. A share that did not arrive is forgotten again.
        owner_row = await run(keep)
        offer = write_offer(
            share,
            self.url(share),
            domain=federation.domain,
            owner_name=owner_row.display,
            sender_name=sharer.display,
        )
        said_no = False
        try:
            reply = await federation.client.post_json(f"{peer.end_point}/shares", offer)
            said_no = 400 <= reply.status < 500
            _require_taken(domain, reply.status)
        except BaseException:
            await run(lambda: store.remove_given(share.id))
            if not said_no:
                # It may have arrived all the same: the other side should not keep what is not shared.
                federation.notifications.unshared(share)
            raise
        share = replace(share, answer="")
        await run(lambda: store.change_given(share))
        name = reply.json().get("recipientDisplayName")
        return share, (shown(name) if isinstance(name, str) else "") or contact.name

    def end(self, share: Given) -> None:
        """End a share of ours, here at once and at the other side by a note; runs in the worker thread."""
        self._federation.store.remove_given(share.id)
        self._federation.call_soon(lambda: self._federation.notifications.unshared(share))

    def change(self, share: Given) -> None:
        """Keep what was changed of a share of ours, and tell the other side; runs in the worker thread."""
        self._federation.store.change_given(share)
        protocol = protocol_of(share, self.url(share))
        self._federation.call_soon(lambda: self._federation.notifications.changed(share, protocol))

    def answer(self, share: Received, state: str) -> None:
        """Keep a user's answer to a received share, and tell the other side; runs in the worker thread."""
        if share.state == state:
            return
        self._federation.store.change_received(share.id, state=state)
        if state in ("accepted", "declined"):
            self._federation.call_soon(
                lambda: self._federation.notifications.answered(share, state)
            )

    async def arrived(self, message: Message) -> tuple[int, dict[str, str]]:
        """``POST /ocm/shares``: somebody at a peer shares with a user of ours."""
        federation = self._federation
        offer = read_offer(message.body)
        signed = await federation.verify(message, offer.domain)
        recipient = await federation.site.run(lambda: self._recipient(offer))
        try:
            peer = await federation.discovery.of(offer.domain)
            url = peer.resolve(offer.uri)
        except SiteError as error:
            raise NotTaken(
                400, str(error), uri="is not an address at the site of the sender"
            ) from None
        now = int(time.time())
        share = Received(
            id=str(uuid.uuid4()),
            user=recipient.id,
            name=offer.name,
            domain=offer.domain,
            provider_id=offer.provider_id,
            sender=offer.sender,
            sender_name=offer.sender_name,
            owner=offer.owner,
            owner_domain=offer.domain,
            owner_name=offer.owner_name,
            note=offer.note,
            url=url,
            secret=offer.secret,
            editor=offer.editor,
            may_share=offer.may_share,
            must_exchange=offer.must_exchange,
            is_file=offer.is_file,
            expires=offer.expires,
            created=now,
            modified=now,
        )

        def keep() -> None:
            if federation.store.received_count(recipient.id, offer.domain) >= MOST_FROM_ONE_SITE:
                raise NotTaken(403, "This user has too many shares from this site.")
            if not signed:
                self._require_same(share)
            federation.store.put_received(share)

        await federation.site.run(keep)
        return 201, {"recipientDisplayName": recipient.display}

    def _require_same(self, share: Received) -> None:
        """Raise NotTaken(409) if an unsigned message would take the place of a share with another secret."""
        for known in self._federation.store.received_from(share.domain, share.provider_id):
            live = known.state != "withdrawn" and not known.ended
            if known.user == share.user and live and known.secret != share.secret:
                raise NotTaken(409, "There is another share with this id.", providerId="is taken")

    def _recipient(self, offer: Offer) -> UserRow:
        """Our user whom an offer is for; raises NotTaken: 404 for another site, 401 where the sender is no contact.

        Nobody is as somebody who does not know the sender: who has an account here is not told.
        """
        federation = self._federation
        if offer.recipient_domain != federation.domain:
            raise NotTaken(
                404, "There is no such user at this site.", shareWith="is not of this site"
            )
        for name in (offer.recipient, sent_id(offer.recipient, federation.domain)):
            for find in (federation.site.people.by_id, federation.site.people.by_name):
                try:
                    user = find(name)
                except NotFound:
                    continue
                self._require_contact(user, offer)
                return user
        raise _stranger()

    def _require_contact(self, user: UserRow, offer: Offer) -> None:
        sender = spellings(offer.sender, offer.domain)
        for contact in self._federation.store.contacts_of(user.id, offer.domain):
            if sender & spellings(contact.id, offer.domain):
                return
        raise _stranger()


def _stranger() -> NotTaken:
    return NotTaken(401, "The sender is not a contact of the receiver: invite first.")


def _require_taken(domain: str, status: int) -> None:
    if status in (401, 403):
        text = f"service is not trusted: {domain} does not take it from you"
        raise Refused(Reason.BAD_PARTNER, text)
    if not 200 <= status < 300:
        raise SiteError(f"{domain} does not take the share (status {status}).")
