"""``<base>/api/mesh/invitations``: those that the user has made, and one that the user has got."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.server.handlers.sharing import SharingHandler
from jupyter_mesh.sharing.invitations import TELLS, id_of

if TYPE_CHECKING:
    from jupyter_mesh.sharing.invitations import Letter

__all__ = [
    "InvitationAcceptHandler",
    "InvitationCopyHandler",
    "InvitationHandler",
    "InvitationReadHandler",
    "InvitationsHandler",
]

MAIL = 100_000
"""Characters of a mail that is pasted."""


class InvitationsHandler(SharingHandler):
    """All that are open, and a new one."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """A part of the user's open invitations, latest first, without what they are accepted with."""
        part = self.part_of(await self.sharing.invitations.listed(), id_of)
        telling = await self.telling()
        self.tell_part(part, [telling.invitation(each) for each in part.items])

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Make an invitation; 201, with the texts to send. ``note`` says to oneself whom it is for."""
        letter = await self.sharing.invitations.create(self.form("note").line("note", ""))
        self.live.tell("invitations")
        self.set_status(201)
        telling = await self.telling()
        self.finish(telling.invitation(letter.invitation) | texts_of(letter))


class InvitationHandler(SharingHandler):
    """One of them."""

    @web.authenticated
    @authorized
    async def delete(self, id: str) -> None:
        """Withdraw it, where the site can."""
        await self.sharing.invitations.withdraw(id)
        self.live.tell("invitations")
        self.done()


class InvitationCopyHandler(SharingHandler):
    """Once more, for a list that shows no secret."""

    @web.authenticated
    @authorized
    async def post(self, id: str) -> None:
        """The texts to send, for the one who made it."""
        self.nothing()
        self.finish(texts_of(await self.sharing.invitations.copy(id)))


class Invited(SharingHandler):
    """Who was invited says by what."""

    def invited(self) -> tuple[str, str, str]:
        """What was pasted or handed over, the site that was chosen for it, and the nonce."""
        form = self.form("text", "nonce", "site")
        if form.has("text") == form.has("nonce"):
            raise InvalidRequest('Send either the "text" of an invitation or a "nonce".')
        if form.has("text"):
            return form.text("text", longest=MAIL), form.line("site", ""), ""
        nonce = form.line("nonce")
        return self.live.handed.read(nonce), form.line("site", ""), nonce


class InvitationReadHandler(Invited):
    """A look at it."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Who invites whom, and what accepting would tell them. Changes and sends nothing."""
        text, site, _ = self.invited()
        opened = await self.sharing.invitations.read(text, site)
        telling = await self.telling()
        self.finish(
            {
                "site": opened.site and telling.site(opened.site, own=opened.my_site),
                "own": opened.is_own,
                "needsSite": opened.site is None,
                "me": {"name": opened.my_name, "site": opened.my_site.name},
                "tells": list(TELLS),
            }
        )


class InvitationAcceptHandler(Invited):
    """Yes."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Become contacts; 201 and the new one."""
        text, site, nonce = self.invited()
        contact = await self.sharing.invitations.accept(text, site)
        self.live.handed.forget(nonce)
        self.live.tell("contacts")
        self.set_status(201)
        self.finish((await self.telling([contact])).person(contact))


def texts_of(letter: Letter) -> dict[str, Any]:
    """What is sent to the one who is invited."""
    return {
        "link": letter.link,
        "code": letter.code,
        "mail": {"subject": letter.subject, "body": letter.body},
    }
