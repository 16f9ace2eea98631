"""Contacts: people at other sites who have accepted an invitation, or whose invitation was accepted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jupyter_mesh.errors import NotFound
from jupyter_mesh.models import Grantee, GranteeKind

if TYPE_CHECKING:
    from jupyter_mesh.cs3.client import MeshClient

__all__ = ["Contacts"]


class Contacts:
    """The contacts of one user, by the ``key`` of a Grantee. The client stays its owner's."""

    def __init__(self, client: MeshClient) -> None:
        self._client = client
        self._last: tuple[str, float, list[Grantee]] = ("", float("-inf"), [])

    async def listed(self, text: str = "", *, age: float = 0.0) -> list[Grantee]:
        """Those whose name, address or id holds ``text``, by name. One RPC. Raises NotSupported.

        They may be ``age`` seconds old, where the same text was looked for last and nobody was removed here.
        """
        wanted, asked = text.strip(), time.monotonic()
        looked_for, when, found = self._last
        if looked_for != wanted or asked - when >= age:
            found = await self._client.contacts(wanted)
            self._last = (wanted, asked, found)
        return found

    async def email(self, key: str) -> str:
        """The e-mail address of one, told on demand only; "" where it is not known. Raises NotFound."""
        return await self._client.contact_email(_contact(key))

    async def remove(self, key: str) -> None:
        """Forget one, on this side only; what is shared stays shared. No error if it is gone already."""
        try:
            await self._client.remove_contact(_contact(key))
        finally:
            self._last = ("", float("-inf"), [])


def _contact(key: str) -> Grantee:
    try:
        found = Grantee.parse(key)
    except ValueError:
        found = None
    if found is None or found.kind is not GranteeKind.CONTACT:
        raise NotFound("There is no such contact. Reload the list.")
    return found
