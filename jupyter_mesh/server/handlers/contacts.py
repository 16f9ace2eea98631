"""``<base>/api/mesh/contacts``: people at other sites whom the user can share with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.server.handlers.sharing import SharingHandler

if TYPE_CHECKING:
    from jupyter_mesh.models import Grantee

__all__ = ["ContactEmailHandler", "ContactHandler", "ContactsHandler"]


class ContactsHandler(SharingHandler):
    """All of them."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """A part of the contacts by name; of those who match ``?q=`` where it is given."""
        # Somebody may have become one at this moment: only the parts after the first are of one list.
        age = self.age if self.query("cursor") else 0
        text = self.search_text()
        contacts = await self.sharing.contacts.listed(text, age=age)
        if not text:
            self.live.know("contacts", contacts)
        part = self.part_of(contacts, _key_of)
        telling = await self.telling(part.items)
        self.tell_part(part, [telling.person(contact) for contact in part.items])


class ContactHandler(SharingHandler):
    """One of them."""

    @web.authenticated
    @authorized
    async def delete(self, key: str) -> None:
        """Forget the contact. What is shared with it stays shared."""
        await self.sharing.contacts.remove(key)
        self.live.tell("contacts")
        self.done()


class ContactEmailHandler(SharingHandler):
    """The one address at which a mail address is told."""

    @web.authenticated
    @authorized
    async def get(self, key: str) -> None:
        """``{"email"}``, "" where it is not known."""
        self.finish({"email": await self.sharing.contacts.email(key)})


def _key_of(contact: Grantee) -> str:
    return contact.key
