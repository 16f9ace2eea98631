"""``<base>/api/mesh/received``: what others share with the user, here and from other sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mesh.errors import InvalidRequest
from jupyter_mesh.models import ShareState
from jupyter_mesh.server.handlers.sharing import SharingHandler

if TYPE_CHECKING:
    from jupyter_mesh.models import ReceivedShare

__all__ = ["ReceivedHandler", "ReceivedShareHandler"]


class ReceivedHandler(SharingHandler):
    """All of them."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """A part of them, pending first, then the latest."""
        received = await self.sharing.received(age=self.age)
        self.live.know("received", received)
        part = self.part_of(received, _id_of)
        telling = await self.telling(each.owner for each in part.items)
        self.tell_part(part, [telling.received(each) for each in part.items])


class ReceivedShareHandler(SharingHandler):
    """One of them."""

    @web.authenticated
    @authorized
    async def patch(self, id: str) -> None:
        """``{"state": "accepted" | "declined" | "pending"}`` or ``{"hidden": bool}``; the share as it is then."""
        form = self.form("state", "hidden")
        if form.has("state") == form.has("hidden"):
            raise InvalidRequest('Say either the "state" that the share is to have, or "hidden".')
        if form.has("hidden"):
            share = await self.sharing.hide(id, form.flag("hidden"))
        else:
            state = form.line("state")
            if state not in (ShareState.ACCEPTED, ShareState.DECLINED, ShareState.PENDING):
                raise InvalidRequest("A share is accepted, declined, or waits for an answer again.")
            share = await self.sharing.answer(id, ShareState(state))
        self.live.tell("received", share.path)
        self.finish((await self.telling([share.owner])).received(share))

    @web.authenticated
    @authorized
    async def delete(self, id: str) -> None:
        """Give the share up. The owner's files stay as they are."""
        await self.sharing.leave(id)
        self.live.tell("received")
        self.done()


def _id_of(share: ReceivedShare) -> str:
    return share.id
