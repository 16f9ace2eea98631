"""How people at two sites get to know each other (``facts/ocm.md`` §5)."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from jupyter_mesh.errors import SiteError
from jupyter_mesh.node.ocm.addresses import canonical_domain, stripped_id
from jupyter_mesh.node.ocm.reading import Fields, NotTaken, shown
from jupyter_mesh.node.ocm.rows import Contact, Invite
from jupyter_mesh.node.ocm.store import hashed
from jupyter_mesh.node.refusal import Reason, Refused

if TYPE_CHECKING:
    from jupyter_mesh.node.ocm.federation import Federation
    from jupyter_mesh.node.ocm.routes import Message
    from jupyter_mesh.node.users import UserRow

__all__ = ["Invites"]

MOST_INVITES = 1000
MOST_CONTACTS = 10_000
"""Invitations of one user that can be accepted, and contacts of one user at one site: neither fills the disk."""

LIFE = 86400
"""Seconds in which an invitation can be accepted, as at Reva and OpenCloud."""


class Invites:
    """Makes invitations, takes the answer of the other site, and answers those of others."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    def make(self, user: UserRow, description: str) -> Invite:
        """An invitation by a user of ours; anybody may accept it, several times, until it ends.

        Raises Refused(NO_ROOM) for one of too many.
        """
        if len(self._federation.store.invites_of(user.id)) >= MOST_INVITES:
            raise Refused(
                Reason.NO_ROOM,
                "You have too many open invitations. Use one of them, or wait a day.",
            )
        invite = Invite(
            token=str(uuid.uuid4()),
            user=user.id,
            description=description[:500],
            expires=int(time.time()) + LIFE,
        )
        self._federation.store.add_invite(invite)
        return invite

    async def accepted(self, message: Message) -> tuple[int, dict[str, str]]:
        """``POST /ocm/invite-accepted``: somebody at a peer has accepted an invitation of ours."""
        fields = Fields.of(message.body)
        domain = fields.domain("recipientProvider")
        token = fields.text("token", required=True)
        identifier = fields.text("userID", required=True, longest=255)
        name, mail = fields.shown("name"), fields.shown("email")
        fields.done()
        await self._federation.verify(message, domain)

        def keep() -> tuple[UserRow, bool]:
            store = self._federation.store
            invite = store.invite(token)
            if invite is None:
                raise NotTaken(400, "The invitation is not known, or has ended.")
            contact = Contact(
                user=invite.user,
                id=stripped_id(identifier, domain),
                domain=domain,
                name=name or shown(identifier),
                mail=mail,
                invite=hashed(token),
            )
            known = store.contact(contact.user, contact.id, domain)
            # A new invitation repairs what the other side alone has forgotten; the same one is a repetition.
            again = known is not None and known.invite == contact.invite
            if known is None and store.contacts_count(invite.user, domain) >= MOST_CONTACTS:
                raise NotTaken(403, "This user has too many contacts at this site.")
            if not again:
                store.put_contact(contact)
            return self._federation.site.people.by_id(invite.user), again

        user, again = await self._federation.site.run(keep)
        answer = {"userID": user.id, "email": user.mail, "name": user.display}
        if again:
            # With the answer once more: the first one may have been lost on the way.
            return 409, NotTaken(409, "This invitation was accepted before.").body | answer
        return 200, answer

    async def accept(self, user: UserRow, token: str, domain: str) -> Contact:
        """Accept an invitation of another site for a user of ours.

        Raises Refused: BAD_PARTNER for this site itself, BAD_INVITE when the other site does not know the token,
        NOT_ALLOWED when it does not trust us or we not it, EXISTS for a known contact; MeshError when it does
        not answer.
        """
        federation = self._federation
        try:
            domain = canonical_domain(domain)
        except ValueError:
            raise Refused(Reason.BAD_PARTNER, "This is not the domain of a site.") from None
        if domain == federation.domain:
            raise Refused(
                Reason.BAD_PARTNER,
                "This invitation was made here: nobody can accept it at this site.",
            )
        await federation.require_trust(domain)
        if not token:
            raise Refused(Reason.BAD_INVITE, "token invalid or not found")
        peer = await federation.discovery.of(domain)
        reply = await federation.client.post_json(
            f"{peer.end_point}/invite-accepted",
            {
                "recipientProvider": federation.domain,
                "token": token,
                "userID": user.id,
                "email": user.mail,
                "name": user.display,
            },
        )
        match reply.status:
            case 400 | 404:
                raise Refused(Reason.BAD_INVITE, "token invalid or not found")
            case 401 | 403:
                raise Refused(Reason.NOT_ALLOWED, f"{domain} does not trust {federation.domain}.")
            case 409 if "userID" not in reply.json():
                raise Refused(Reason.EXISTS, "user already accepted an invitation")
            case status if not (200 <= status < 300 or status == 409):
                raise SiteError(f"{domain} answers the invitation with the status {status}.")
        try:
            fields = Fields(reply.json())
            identifier = fields.text("userID", required=True, longest=255)
            name, mail = fields.shown("name"), fields.shown("email")
            fields.done()
        except NotTaken as error:
            raise SiteError(f"{domain} does not say who invites.") from error
        contact = Contact(
            user=user.id,
            id=stripped_id(identifier, domain),
            domain=domain,
            name=name or shown(identifier),
            mail=mail,
            invite=hashed(token),
        )
        if not await federation.site.run(lambda: federation.store.put_contact(contact)):
            raise Refused(Reason.EXISTS, "user already accepted an invitation")
        return contact
